#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/json.h"
#include "core/base/status.h"
#include "core/serving/http/api.h"
#include "core/serving/http/json_document.h"
#include "core/serving/http/json_text.h"
#include "core/serving/log.h"
#include "core/serving/oip/model_json.h"
#include "core/serving/settings.h"
#include "core/serving/shared_memory.h"

namespace mirin::serving {
namespace {

using Segments = absl::Span<const std::string>;

// The answer of an operation: JSON, or why not.
using Answer = absl::StatusOr<std::string>;

constexpr absl::string_view kExtensions =
    "[\"binary_tensor_data\",\"model_configuration\",\"model_repository\",\"parameters\","
    "\"schedule_policy\",\"sequence\","
    "\"statistics\",\"system_shared_memory\",\"trace\",\"logging\"]";

absl::Status NoSuchPath() { return absl::NotFoundError("there is nothing at this path"); }

std::string BoolJson(absl::string_view name, bool value) {
  return absl::StrCat("{\"", name, "\":", value ? "true" : "false", "}");
}

// The body as an object; absent when there is none.
absl::StatusOr<JsonValue> ReadBody(HttpRequest* http, JsonDocument* document) {
  if (http->body.size() == 0) return JsonValue();
  const absl::Status parsed = document->Parse(http->text, http->body.size());
  if (!parsed.ok())
    return absl::InvalidArgumentError(absl::StrCat("the request is no JSON: ", parsed.message()));
  if (document->root().kind() != JsonKind::kObject)
    return absl::InvalidArgumentError("the request must be a JSON object");
  return document->root();
}

// A bool, number or string as text.
absl::StatusOr<std::string> Text(absl::string_view name, JsonValue value) {
  switch (value.kind()) {
    case JsonKind::kBool:
      return std::string(value.boolean() ? "true" : "false");
    case JsonKind::kInt:
      return value.above_int64() ? absl::StrCat(static_cast<uint64_t>(value.integer()))
                                 : absl::StrCat(value.integer());
    case JsonKind::kString:
      return std::string(value.text());
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "' must be a string, a number or a boolean"));
  }
}

// --- settings ---

std::string TraceJson(const ServerSettings::Trace& trace) {
  std::vector<std::string> items;
  for (const auto& [name, values] : trace) {
    std::vector<std::string> texts;
    for (const std::string& value : values) texts.push_back(JsonString(value));
    // Only the levels are several.
    const bool list = name == "trace_level" || texts.size() != 1;
    items.push_back(absl::StrCat(JsonString(name), ":", list ? "[" : "", absl::StrJoin(texts, ","),
                                 list ? "]" : ""));
  }
  return absl::StrCat("{", absl::StrJoin(items, ","), "}");
}

absl::Status UpdateTrace(ServerSettings* settings, absl::string_view model, JsonValue body) {
  if (!body.present()) return absl::OkStatus();
  ServerSettings::Trace changes;
  absl::Status status;
  body.ForEachMember([&](absl::string_view name, JsonValue value) {
    std::vector<std::string>& texts = changes[std::string(name)];
    texts.clear();
    const auto add = [&](JsonValue item) {
      absl::StatusOr<std::string> text = Text(name, item);
      if (text.ok()) texts.push_back(*std::move(text));
      status = text.status();
      return status.ok();
    };
    if (value.kind() == JsonKind::kNull) return true;
    if (value.kind() != JsonKind::kArray) return add(value);
    if (value.size() == 0) return true;
    if (value.items() != JsonItems::kValues) {
      status = absl::InvalidArgumentError(absl::StrCat("'", name, "' must hold strings"));
      return false;
    }
    value.ForEachItem(add);
    return status.ok();
  });
  MIRIN_RETURN_IF_ERROR(status);
  return settings->UpdateTrace(model, changes);
}

std::string LoggingJson(const ServerSettings::Log& log) {
  std::vector<std::string> items;
  for (const auto& [name, value] : log) {
    int64_t number;
    const bool bare = value == "true" || value == "false" ||
                      (name == "log_verbose_level" && absl::SimpleAtoi(value, &number));
    items.push_back(absl::StrCat(JsonString(name), ":", bare ? value : JsonString(value)));
  }
  return absl::StrCat("{", absl::StrJoin(items, ","), "}");
}

absl::Status UpdateLogging(ServerSettings* settings, JsonValue body) {
  if (!body.present()) return absl::OkStatus();
  ServerSettings::Log changes;
  absl::Status status;
  body.ForEachMember([&](absl::string_view name, JsonValue value) {
    absl::StatusOr<std::string> text = Text(name, value);
    if (text.ok()) changes[std::string(name)] = *std::move(text);
    status = text.status();
    return status.ok();
  });
  MIRIN_RETURN_IF_ERROR(status);
  return settings->UpdateLogging(changes);
}

// One request, with what is left of its path.
class Operation {
 public:
  Operation(const Api& api, const std::shared_ptr<Exchange>& exchange)
      : api_(api), engine_(*api.context.engine), exchange_(exchange) {}

  // The answer, or nothing when it comes later.
  void Run(Segments path) {
    if (path.empty()) {
      return Get([&] { return ServerJson(); });
    }
    const std::string& first = path[0];
    path.remove_prefix(1);
    if (first == "health") return Health(path);
    if (first == "models") return Models(path);
    if (first == "repository") return Repository(path);
    if (first == "systemsharedmemory") return SystemSharedMemory(path);
    if (first == "cudasharedmemory") return CudaSharedMemory(path);
    if (first == "trace" && path.size() == 1 && path[0] == "setting") return Trace("");
    if (first == "logging" && path.empty()) return Logging();
    Send(NoSuchPath());
  }

 private:
  static std::string ServerJson() {
    return absl::StrCat("{\"name\":\"mirin\",\"version\":", JsonString(mirin_version_string()),
                        ",\"extensions\":", kExtensions, "}");
  }

  bool IsGet() const {
    const std::string& verb = exchange_->request().verb;
    return verb == "GET" || verb == "HEAD";
  }
  bool IsPost() const { return exchange_->request().verb == "POST"; }

  void Send(Answer answer, int status = 200) {
    exchange_->Reply([answer = std::move(answer), status](HttpResponse* response) {
      response->status = status;
      if (answer.ok()) {
        response->body = *answer;
      } else {
        SetError(answer.status(), response);
      }
    });
  }
  void RefuseVerb(absl::string_view allowed) {
    exchange_->Reply([allowed](HttpResponse* response) {
      SetError(absl::InvalidArgumentError(absl::StrCat("only ", allowed, " is allowed here")),
               response);
      response->status = 405;
      response->headers.emplace_back("Allow", std::string(allowed));
    });
  }
  template <typename Fn>
  void Get(Fn&& fn) {
    if (!IsGet()) return RefuseVerb("GET, HEAD");
    Send(fn());
  }
  // fn(body) at once.
  template <typename Fn>
  void Post(Fn&& fn) {
    if (!IsPost()) return RefuseVerb("POST");
    JsonDocument document;
    const absl::StatusOr<JsonValue> body = ReadBody(&exchange_->request(), &document);
    Send(body.ok() ? fn(*body) : Answer(body.status()));
  }
  // The same for what may take seconds: on the thread for that.
  template <typename Fn>
  void PostSlow(Fn fn) {
    if (!IsPost()) return RefuseVerb("POST");
    const auto document = std::make_shared<JsonDocument>();
    const absl::StatusOr<JsonValue> body = ReadBody(&exchange_->request(), document.get());
    if (!body.ok()) return Send(body.status());
    // The request may go with its client; its text stays.
    const bool taken =
        api_.control->Run([self = *this, text = exchange_->request().body, document, body = *body,
                           fn = std::move(fn)]() mutable { self.Send(fn(body)); });
    if (!taken) Send(absl::UnavailableError("too many loads and unloads wait already"));
  }

  void Health(Segments path) {
    if (path.size() != 1 || (path[0] != "live" && path[0] != "ready")) return Send(NoSuchPath());
    if (!IsGet()) return RefuseVerb("GET, HEAD");
    const bool good = path[0] == "live" ? engine_.Live() : engine_.Ready();
    Send(BoolJson(path[0], good), good ? 200 : 503);
  }

  void Models(Segments path) {
    if (path.size() == 1 && path[0] == "stats") return Get([&] { return AllStatistics(); });
    if (path.empty()) return Send(NoSuchPath());
    const std::string model = path[0];
    path.remove_prefix(1);
    std::string version;
    if (path.size() >= 2 && path[0] == "versions") {
      version = path[1];
      path.remove_prefix(2);
    }
    if (path.size() == 2 && path[0] == "trace" && path[1] == "setting") return Trace(model);
    if (path.size() > 1) return Send(NoSuchPath());
    const std::string what = path.empty() ? "" : path[0];
    if (what == "infer") {
      if (!IsPost()) return RefuseVerb("POST");
      return HandleOipInfer(api_, model, version, exchange_);
    }
    if (what != "" && what != "ready" && what != "config" && what != "stats")
      return Send(NoSuchPath());
    if (!IsGet()) return RefuseVerb("GET, HEAD");
    const auto method = engine_.Find(model, version);
    if (!method.ok()) return Send(method.status());
    if (what == "ready")
      return Send(absl::StrCat("{\"name\":", JsonString(model), ",\"ready\":true}"));
    if (what == "config") return Send(ModelConfigJson(model, **method));
    if (what == "stats") {
      const auto statistics = engine_.Statistics(**method);
      if (!statistics.ok()) return Send(statistics.status());
      return Send(absl::StrCat("{\"model_stats\":[",
                               ModelStatisticsJson(model, **method, *statistics), "]}"));
    }
    Send(ModelMetadataJson(model, **method, engine_.Versions((*method)->servable)));
  }

  Answer AllStatistics() {
    std::vector<std::string> items;
    for (const auto& method : engine_.Methods()) {
      const auto statistics = engine_.Statistics(*method);
      if (statistics.ok())
        items.push_back(ModelStatisticsJson(OipModelName(engine_, *method), *method, *statistics));
    }
    return absl::StrCat("{\"model_stats\":[", absl::StrJoin(items, ","), "]}");
  }

  void Repository(Segments path) {
    if (path.size() == 1 && path[0] == "index") {
      return Post([&engine = engine_](JsonValue body) { return Index(engine, body); });
    }
    if (path.size() != 3 || path[0] != "models" || (path[2] != "load" && path[2] != "unload"))
      return Send(NoSuchPath());
    if (!api_.allow_repository_control) {
      return Send(
          absl::PermissionDeniedError("loading and unloading is not allowed over this address"));
    }
    const std::string model = path[1];
    if (path[2] == "unload") {
      return PostSlow([&engine = engine_, model](JsonValue) { return Done(engine.Unload(model)); });
    }
    PostSlow([&engine = engine_, model](JsonValue body) -> Answer {
      std::map<std::string, std::string> parameters;
      const JsonValue given = body.Find("parameters");
      absl::Status status;
      if (given.kind() == JsonKind::kObject) {
        given.ForEachMember([&](absl::string_view name, JsonValue value) {
          absl::StatusOr<std::string> text = Text(name, value);
          if (text.ok()) parameters[std::string(name)] = *std::move(text);
          status = text.status();
          return status.ok();
        });
      } else if (given.present()) {
        status = absl::InvalidArgumentError("'parameters' must be an object");
      }
      MIRIN_RETURN_IF_ERROR(status);
      return Done(engine.Load(model, parameters));
    });
  }

  static Answer Done(const absl::Status& status) {
    MIRIN_RETURN_IF_ERROR(status);
    return std::string("{}");
  }

  static Answer Index(const Engine& engine, JsonValue body) {
    const JsonValue ready = body.Find("ready");
    const bool only_ready = ready.kind() == JsonKind::kBool && ready.boolean();
    std::vector<std::string> items;
    for (const ServableState& state : engine.List()) {
      if (only_ready && state.state != "READY") continue;
      items.push_back(absl::StrCat("{\"name\":", JsonString(state.name), ",\"version\":\"",
                                   state.version, "\",\"state\":", JsonString(state.state),
                                   ",\"reason\":", JsonString(state.reason), "}"));
    }
    return absl::StrCat("[", absl::StrJoin(items, ","), "]");
  }

  // [/region/{name}]/{status|register|unregister}
  void SystemSharedMemory(Segments path) {
    std::string name;
    if (path.size() == 3 && path[0] == "region") {
      name = path[1];
      path.remove_prefix(2);
    }
    if (path.size() != 1) return Send(NoSuchPath());
    SharedMemoryRegistry* const registry = api_.context.shared_memory;
    if (path[0] == "status") {
      return Get([&]() -> Answer {
        if (registry == nullptr) return std::string("[]");
        MIRIN_ASSIGN_OR_RETURN(const std::vector<SharedMemoryRegistry::Region> regions,
                               registry->List(name));
        std::vector<std::string> items;
        for (const auto& region : regions) {
          items.push_back(absl::StrCat(
              "{\"name\":", JsonString(region.name), ",\"key\":", JsonString(region.key),
              ",\"offset\":", region.offset, ",\"byte_size\":", region.byte_size, "}"));
        }
        return absl::StrCat("[", absl::StrJoin(items, ","), "]");
      });
    }
    if (path[0] != "register" && path[0] != "unregister") return Send(NoSuchPath());
    if (!api_.allow_shared_memory || registry == nullptr) {
      return Send(absl::PermissionDeniedError("shared memory is not allowed over this address"));
    }
    if (path[0] == "unregister") {
      return Post([registry, name](JsonValue) {
        if (!name.empty()) return Done(registry->Unregister(name));
        registry->UnregisterAll();
        return Done(absl::OkStatus());
      });
    }
    if (name.empty()) return Send(NoSuchPath());
    Post([registry, name](JsonValue body) -> Answer {
      const JsonValue key = body.Find("key"), offset = body.Find("offset"),
                      size = body.Find("byte_size");
      const auto unsigned_integer = [](JsonValue value) {
        return value.kind() == JsonKind::kInt && (value.integer() >= 0 || value.above_int64());
      };
      if (key.kind() != JsonKind::kString || !unsigned_integer(size) ||
          (offset.present() && !unsigned_integer(offset))) {
        return absl::InvalidArgumentError(
            "a region needs 'key' (a string), 'byte_size' and perhaps 'offset' (unsigned "
            "integers)");
      }
      return Done(registry->Register(name, key.text(),
                                     offset.present() ? static_cast<uint64_t>(offset.integer()) : 0,
                                     static_cast<uint64_t>(size.integer())));
    });
  }

  void CudaSharedMemory(Segments path) {
    const bool named = path.size() == 3 && path[0] == "region";
    const std::string what = path.empty() ? "" : path.back();
    if (path.size() != 1 && !named) return Send(NoSuchPath());
    if (what == "status" && named)
      return Get([&]() -> Answer {
        return absl::NotFoundError(absl::StrCat("there is no region '", path[1], "'"));
      });
    if (what == "status") return Get([] { return std::string("[]"); });
    if (what == "register" && named)
      return Send(absl::UnimplementedError("CUDA shared memory is not supported"));
    if (what == "unregister") return Post([](JsonValue) { return Done(absl::OkStatus()); });
    Send(NoSuchPath());
  }

  void Trace(const std::string& model) {
    ServerSettings* const settings = api_.context.settings;
    if (settings == nullptr) return Send(absl::UnimplementedError("there are no settings"));
    if (!model.empty()) {
      const auto method = engine_.Find(model, "");
      if (!method.ok()) return Send(method.status());
    }
    if (IsGet()) return Send(TraceJson(settings->TraceOf(model)));
    Post([settings, model](JsonValue body) -> Answer {
      MIRIN_RETURN_IF_ERROR(UpdateTrace(settings, model, body));
      return TraceJson(settings->TraceOf(model));
    });
  }

  void Logging() {
    ServerSettings* const settings = api_.context.settings;
    if (settings == nullptr) return Send(absl::UnimplementedError("there are no settings"));
    if (IsGet()) return Send(LoggingJson(settings->Logging()));
    Post([settings, log = api_.context.log](JsonValue body) -> Answer {
      MIRIN_RETURN_IF_ERROR(UpdateLogging(settings, body));
      if (log != nullptr) log->Apply(settings->Logging());
      return LoggingJson(settings->Logging());
    });
  }

  const Api& api_;
  Engine& engine_;
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace

void HandleOip(const Api& api, const Url& url, const std::shared_ptr<Exchange>& exchange) {
  Segments path(url.segments);
  path.remove_prefix(1);
  Operation(api, exchange).Run(path);
}

}  // namespace mirin::serving
