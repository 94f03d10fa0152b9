// Prints tables of docs/serving*.md that the code knows: serving_reference options|metrics.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "core/serving/metrics.h"
#include "core/serving/server.h"

namespace {

void Row(absl::string_view name, const std::vector<std::string>& cells) {
  std::printf(
      "| `%s` | %s |\n", std::string(name).c_str(),
      absl::StrReplaceAll(absl::StrJoin(cells, "\n"), {{"|", "\\|"}, {"\n", " | "}}).c_str());
}

void Options() {
  for (const auto& [name, help] : mirin::serving::Server::OptionHelp()) Row(name, {help});
}

// The labels of a series, as in: name{code="OK",le="1"} 5
std::string Labels(absl::string_view series) {
  std::vector<absl::string_view> names;
  for (absl::string_view label : absl::StrSplit(series.substr(0, series.find('}')), ',')) {
    const size_t equals = label.find('=');
    if (equals != label.npos) names.push_back(label.substr(0, equals));
  }
  return absl::StrJoin(names, ", ");
}

// Every metric once, from the exposition format: its help, its type and its first series.
void Metrics() {
  const auto metrics = mirin::serving::Metrics::Create();
  metrics->Method("servable", 1, "method")->Request(0, absl::ZeroDuration());
  metrics->Refused("http", "reason");
  metrics->WorkerStarted("servable");
  metrics->WorkerEnded("servable", "exit");
  metrics->Connections("http", 1);
  absl::string_view name, help, type;
  const std::string text = metrics->Text();
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (absl::StartsWith(line, "# HELP ")) {
      name = words[2];
      help = words[3];
    } else if (absl::StartsWith(line, "# TYPE ")) {
      type = words[3];
    } else if (!name.empty()) {
      const size_t brace = line.find('{');
      Row(name, {brace == line.npos ? "" : Labels(line.substr(brace + 1)), std::string(type),
                 std::string(help)});
      name = "";
    }
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
