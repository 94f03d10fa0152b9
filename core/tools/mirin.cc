// mirin: one program with a subcommand for each tool.
#include "mirin/mirin.h"

#include <cstdio>
#include <cstring>

#include "core/tools/commands.h"

namespace {

constexpr struct {
  const char* name;
  int (*run)(const std::vector<std::string>&);
  const char* help;
} kCommands[] = {
    {"convert", mirin::tools::Convert,
     "makes a MindIR of another framework's model (converter_lite)"},
    {"check", mirin::tools::Check, "lists every node of a model that cannot run"},
    {"diff", mirin::tools::Diff, "compares two models node by node"},
    {"benchmark", mirin::tools::Benchmark, "times a model and checks its results"},
};

int Help(FILE* to) {
  std::fprintf(to, "usage: mirin COMMAND [arguments]\n\n");
  for (const auto& c : kCommands) std::fprintf(to, "  %-10s %s\n", c.name, c.help);
  std::fprintf(to, "  %-10s %s\n  %-10s %s\n\n`mirin COMMAND --help` tells more.\n", "version",
               "says which Mirin this is", "help", "says this");
  return to == stdout ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args = mirin::tools::Arguments(argc, argv);
  if (args.empty()) return Help(stderr);
  const std::string command = args[0];
  args.erase(args.begin());
  if (command == "help" || command == "--help" || command == "-h") return Help(stdout);
  if (command == "version" || command == "--version") {
    std::printf("mirin %s\n", mirin_version_string());
    return 0;
  }
  for (const auto& c : kCommands) {
    if (command == c.name) return c.run(args);
  }
  std::fprintf(stderr, "mirin: there is no command '%s'\n", command.c_str());
  return Help(stderr);
}
