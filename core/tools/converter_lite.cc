#include "core/tools/commands.h"

int main(int argc, char** argv) {
  return mirin::tools::Convert(mirin::tools::Arguments(argc, argv));
}
