// mirin: one program with a subcommand for each tool.
#include "mirin/mirin.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
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

// Programs beside this one, so that no other command has to load what they need: the server's library, gRPC.
constexpr struct {
  const char* name;
  const char* program;
  const char* help;
} kPrograms[] = {
    {"serve", "mirin-serve", "serves models over gRPC and HTTP"},
    {"load", "mirin-load", "measures a server under load"},
};

// Does not return where it works. 127: there is no such program, as a shell has it.
int Become(const char* program, std::vector<std::string> args) {
  char self[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", self, sizeof self);
  std::string path(self, size > 0 ? static_cast<size_t>(size) : 0);
  path.resize(path.rfind('/') + 1);
  path += program;
  std::vector<char*> argv = {path.data()};
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  std::fprintf(stderr, "mirin: cannot run '%s': %s\n", path.c_str(), std::strerror(errno));
  return 127;
}

int Help(FILE* to) {
  std::fprintf(to, "usage: mirin COMMAND [arguments]\n\n");
  for (const auto& c : kCommands) std::fprintf(to, "  %-10s %s\n", c.name, c.help);
  for (const auto& p : kPrograms) std::fprintf(to, "  %-10s %s\n", p.name, p.help);
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
  for (const auto& p : kPrograms) {
    if (command == p.name) return Become(p.program, args);
  }
  std::fprintf(stderr, "mirin: there is no command '%s'\n", command.c_str());
  return Help(stderr);
}
