#include "core/serving/http/openapi.h"

#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "core/base/json.h"
#include "mirin/base.h"

namespace mirin::serving {
namespace {

struct OperationInfo {
  absl::string_view verb;
  absl::string_view path;
  absl::string_view group;
  absl::string_view summary;
  absl::string_view body = "";  // an example
};

constexpr absl::string_view kMindSpore = "MindSpore Serving";
constexpr absl::string_view kOip = "Open Inference Protocol";
constexpr absl::string_view kRepository = "Model repository";
constexpr absl::string_view kShared = "Shared memory";
constexpr absl::string_view kSettings = "Settings";
constexpr absl::string_view kServer = "Server";

constexpr absl::string_view kInstances = R"({"instances":[{"x":[[1.0,2.0],[3.0,4.0]]}]})";
constexpr absl::string_view kInfer =
    R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.0,2.0]}]})";

constexpr OperationInfo kOperations[] = {
    {"POST", "/model/{name}:{method}", kMindSpore, "Runs a method of a servable's newest version",
     kInstances},
    {"POST", "/model/{name}/version/{version}:{method}", kMindSpore,
     "Runs a method of one version of a servable", kInstances},
    {"GET", "/v2", kOip, "Name, version and extensions of the server"},
    {"GET", "/v2/health/live", kOip, "Whether the server lives"},
    {"GET", "/v2/health/ready", kOip, "Whether every servable is ready"},
    {"GET", "/v2/models/{model}", kOip, "Inputs and outputs of a model"},
    {"GET", "/v2/models/{model}/ready", kOip, "Whether a model is ready"},
    {"POST", "/v2/models/{model}/infer", kOip, "Runs a model", kInfer},
    {"GET", "/v2/models/{model}/config", kOip, "Configuration of a model"},
    {"GET", "/v2/models/{model}/stats", kOip, "Statistics of a model"},
    {"GET", "/v2/models/{model}/versions/{version}", kOip,
     "Inputs and outputs of one version of a model"},
    {"GET", "/v2/models/{model}/versions/{version}/ready", kOip,
     "Whether one version of a model is ready"},
    {"POST", "/v2/models/{model}/versions/{version}/infer", kOip, "Runs one version of a model",
     kInfer},
    {"GET", "/v2/models/{model}/versions/{version}/config", kOip,
     "Configuration of one version of a model"},
    {"GET", "/v2/models/{model}/versions/{version}/stats", kOip,
     "Statistics of one version of a model"},
    {"GET", "/v2/models/stats", kOip, "Statistics of all models"},
    {"POST", "/v2/repository/index", kRepository, "States of all servables", "{}"},
    {"POST", "/v2/repository/models/{model}/load", kRepository, "Loads or reloads a servable",
     "{}"},
    {"POST", "/v2/repository/models/{model}/unload", kRepository, "Takes a servable away", "{}"},
    {"GET", "/v2/systemsharedmemory/status", kShared, "Registered regions"},
    {"GET", "/v2/systemsharedmemory/region/{region}/status", kShared, "One registered region"},
    {"POST", "/v2/systemsharedmemory/region/{region}/register", kShared, "Registers a region",
     R"({"key":"/region","offset":0,"byte_size":4096})"},
    {"POST", "/v2/systemsharedmemory/region/{region}/unregister", kShared, "Forgets a region",
     "{}"},
    {"POST", "/v2/systemsharedmemory/unregister", kShared, "Forgets all regions", "{}"},
    {"GET", "/v2/cudasharedmemory/status", kShared,
     "Always empty: CUDA regions cannot be registered"},
    {"GET", "/v2/trace/setting", kSettings, "Trace settings of the server"},
    {"POST", "/v2/trace/setting", kSettings, "Changes trace settings of the server",
     R"({"trace_rate":"100"})"},
    {"GET", "/v2/models/{model}/trace/setting", kSettings, "Trace settings of a model"},
    {"POST", "/v2/models/{model}/trace/setting", kSettings, "Changes trace settings of a model",
     R"({"trace_rate":"100"})"},
    {"GET", "/v2/logging", kSettings, "Log settings"},
    {"POST", "/v2/logging", kSettings, "Changes log settings", R"({"log_info":true})"},
    {"GET", "/", kServer, "Status page"},
    {"GET", "/status", kServer, "Models, versions, states, workers, queues and statistics"},
    {"GET", "/metrics", kServer, "Metrics in Prometheus' text form"},
    {"GET", "/health", kServer, "Whether the server is ready"},
    {"GET", "/openapi.json", kServer, "This list for programs"},
    {"GET", "/docs", kServer, "This list for people"},
};

// The names between braces.
std::string ParametersJson(absl::string_view path) {
  std::vector<std::string> items;
  for (size_t open = path.find('{'); open != path.npos; open = path.find('{', open + 1)) {
    const absl::string_view name = path.substr(open + 1, path.find('}', open) - open - 1);
    items.push_back(
        absl::StrCat("{\"name\":", JsonString(name),
                     ",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}"));
  }
  return absl::StrCat("[", absl::StrJoin(items, ","), "]");
}

std::string OperationJson(const OperationInfo& operation) {
  std::string out =
      absl::StrCat("\"", absl::AsciiStrToLower(operation.verb), "\":{\"tags\":[",
                   JsonString(operation.group), "],\"summary\":", JsonString(operation.summary),
                   ",\"parameters\":", ParametersJson(operation.path));
  if (!operation.body.empty()) {
    absl::StrAppend(&out,
                    ",\"requestBody\":{\"content\":{\"application/"
                    "json\":{\"schema\":{\"type\":\"object\"},\"example\":",
                    operation.body, "}}}");
  }
  return absl::StrCat(out,
                      ",\"responses\":{\"200\":{\"description\":\"Done\"},\"default\":{"
                      "\"description\":\"The reason why not\"}}}");
}

}  // namespace

std::string OpenApiJson() {
  std::map<absl::string_view, std::vector<std::string>> paths;
  for (const OperationInfo& operation : kOperations)
    paths[operation.path].push_back(OperationJson(operation));
  std::vector<std::string> items;
  for (const auto& [path, operations] : paths) {
    items.push_back(absl::StrCat(JsonString(path), ":{", absl::StrJoin(operations, ","), "}"));
  }
  return absl::StrCat(
      "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Mirin model server\",\"version\":",
      JsonString(mirin_version_string()), "},\"paths\":{", absl::StrJoin(items, ","), "}}");
}

std::string DocsBody() {
  std::string out =
      "<h1>Operations</h1>\n<p>For programs: <a href=\"/openapi.json\">/openapi.json</a></p>\n";
  absl::string_view group;
  for (const OperationInfo& operation : kOperations) {
    if (operation.group != group) {
      absl::StrAppend(&out, group.empty() ? "" : "</tbody></table>\n", "<h2>", operation.group,
                      "</h2>\n<table><tbody>\n");
      group = operation.group;
    }
    absl::StrAppend(&out, "<tr><td><code>", operation.verb, "</code></td><td><code>",
                    operation.path, "</code></td><td>", operation.summary);
    if (!operation.body.empty()) absl::StrAppend(&out, "<br><code>", operation.body, "</code>");
    out += "</td></tr>\n";
  }
  return absl::StrCat(out,
                      "</tbody></table>\n<p>Headers of requests: <code>X-Request-Id</code> (comes "
                      "back), <code>traceparent</code>, "
                      "<code>X-Request-Timeout-Ms</code>.</p>\n");
}

}  // namespace mirin::serving
