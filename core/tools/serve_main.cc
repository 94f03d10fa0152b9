// mirin-serve: what `mirin serve` runs. A program of its own, so that no other command needs libmirin_serving.so.
#include "core/tools/commands.h"
#include "core/tools/serve.h"

int main(int argc, char** argv) { return mirin::tools::Serve(mirin::tools::Arguments(argc, argv)); }
