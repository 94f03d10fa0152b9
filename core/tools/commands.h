// The programs as functions: arguments without the program's name in, exit status out. Results go to stdout, everything else
// to stderr.
#ifndef CORE_TOOLS_COMMANDS_H_
#define CORE_TOOLS_COMMANDS_H_

#include <string>
#include <vector>

namespace mirin::tools {

// converter_lite: 0, or the number of the mirin_code that says why not.
int Convert(const std::vector<std::string>& args);
// mirin check: 0 the model runs, 1 it does not, 2 wrong usage or no file.
int Check(const std::vector<std::string>& args);
// mirin diff: 0 the models agree, 1 they differ, 2 they could not be compared.
int Diff(const std::vector<std::string>& args);
// benchmark: 0, or 1 for any failure, a result too far from the expected one included.
int Benchmark(const std::vector<std::string>& args);

// Arguments of main; relative paths in them are meant from where the user stands, also under `bazel run`.
std::vector<std::string> Arguments(int argc, char** argv);

}  // namespace mirin::tools

#endif  // CORE_TOOLS_COMMANDS_H_
