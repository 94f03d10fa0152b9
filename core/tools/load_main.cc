// mirin-load: what `mirin load` runs. A program of its own, because gRPC would make every other command start slower.
#include "core/tools/commands.h"
#include "core/tools/load/load.h"

int main(int argc, char** argv) { return mirin::tools::Load(mirin::tools::Arguments(argc, argv)); }
