#include "core/tools/commands.h"

int main(int argc, char** argv) {
  return mirin::tools::Benchmark(mirin::tools::Arguments(argc, argv));
}
