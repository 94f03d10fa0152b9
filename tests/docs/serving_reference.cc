// Prints the tables of docs/serving.md that the code knows: serving_reference options|metrics.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/serving/metrics.h"
#include "core/serving/server.h"

namespace {

void Row(absl::string_view name, absl::string_view text) {
  std::printf("| `%s` | %s |\n", std::string(name).c_str(),
              absl::StrReplaceAll(text, {{"|", "\\|"}}).c_str());
}

void Options() {
  for (const auto& [name, help] : mirin::serving::Server::OptionHelp()) Row(name, help);
}

// Every metric once, by its help in the exposition format.
void Metrics() {
  const auto metrics = mirin::serving::Metrics::Create();
  metrics->Method("servable", 1, "method")->Request(0, absl::ZeroDuration());
  metrics->Refused("http", "reason");
  metrics->WorkerStarted("servable");
  metrics->WorkerEnded("servable", "exit");
  metrics->Connections("http", 1);
  for (absl::string_view line : absl::StrSplit(metrics->Text(), '\n')) {
    if (!absl::ConsumePrefix(&line, "# HELP ")) continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    Row(parts.first, parts.second);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "options") == 0) {
    Options();
  } else if (argc == 2 && std::strcmp(argv[1], "metrics") == 0) {
    Metrics();
  } else {
    return 2;
  }
  return 0;
}
