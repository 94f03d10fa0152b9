#include "core/serving/engine/description.h"

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"

namespace mirin::serving {
namespace {

using Json = rapidjson::Value;

// Reads members of objects; the first thing that is wrong stays.
class Reader {
 public:
  const absl::Status& status() const { return status_; }

  void Fail(absl::string_view where, absl::string_view what) {
    if (status_.ok())
      status_ = absl::InvalidArgumentError(
          absl::StrCat("description of the servable: ", where, ": ", what));
  }

  const Json& Array(const Json& object, const char* name) {
    static const Json kEmpty(rapidjson::kArrayType);
    const Json* found = Find(object, name);
    if (found != nullptr && found->IsArray()) return *found;
    if (found != nullptr) Fail(name, "is no list");
    return kEmpty;
  }

  std::string Text(const Json& object, const char* name) {
    const Json* found = Find(object, name);
    if (found == nullptr || found->IsNull()) return "";
    if (found->IsString()) return std::string(found->GetString(), found->GetStringLength());
    Fail(name, "is no text");
    return "";
  }

  bool Bool(const Json& object, const char* name, bool otherwise) {
    const Json* found = Find(object, name);
    if (found == nullptr) return otherwise;
    if (!found->IsBool()) Fail(name, "is neither true nor false");
    return found->IsBool() && found->GetBool();
  }

  int64_t Int(const Json& object, const char* name, int64_t otherwise, int64_t low, int64_t high) {
    const Json* found = Find(object, name);
    if (found == nullptr || found->IsNull()) return otherwise;
    return Int(*found, name, low, high);
  }

  int64_t Int(const Json& value, const char* name, int64_t low, int64_t high) {
    if (value.IsInt64() && value.GetInt64() >= low && value.GetInt64() <= high)
      return value.GetInt64();
    Fail(name, absl::StrCat("is no integer from ", low, " to ", high));
    return low;
  }

  std::vector<std::string> Texts(const Json& object, const char* name) {
    std::vector<std::string> out;
    for (const Json& text : Array(object, name).GetArray()) {
      if (!text.IsString()) {
        Fail(name, "holds something that is no text");
        break;
      }
      out.emplace_back(text.GetString(), text.GetStringLength());
    }
    return out;
  }

  std::vector<ValueRef> Refs(const Json& object, const char* name,
                             const std::vector<uint32_t>& outputs) {
    std::vector<ValueRef> out;
    for (const Json& pair : Array(object, name).GetArray()) {
      if (!pair.IsArray() || pair.Size() != 2) {
        Fail(name, "holds something that is no pair");
        return out;
      }
      const auto stage =
          static_cast<uint32_t>(Int(pair[0], name, 0, static_cast<int64_t>(outputs.size()) - 1));
      if (!status_.ok()) return out;
      const auto output =
          static_cast<uint32_t>(Int(pair[1], name, 0, static_cast<int64_t>(outputs[stage]) - 1));
      out.push_back({stage, output});
    }
    return out;
  }

 private:
  const Json* Find(const Json& object, const char* name) {
    if (!object.IsObject()) {
      Fail(name, "should be in an object");
      return nullptr;
    }
    const auto it = object.FindMember(name);
    return it == object.MemberEnd() ? nullptr : &it->value;
  }

  absl::Status status_;
};

constexpr int64_t kMaxInt = std::numeric_limits<int64_t>::max();

ModelSpec ReadModel(Reader& reader, const Json& json) {
  ModelSpec model;
  model.key = reader.Text(json, "key");
  model.files = reader.Texts(json, "files");
  if (model.files.empty()) reader.Fail("files", "is empty");
  model.with_batch_dim = reader.Bool(json, "with_batch_dim", true);
  for (const Json& i : reader.Array(json, "without_batch_dim_inputs").GetArray()) {
    model.without_batch_dim_inputs.push_back(
        static_cast<uint32_t>(reader.Int(i, "without_batch_dim_inputs", 0, 1 << 16)));
  }
  model.config_file = reader.Text(json, "config_file");
  const auto context = json.FindMember("context");
  if (context == json.MemberEnd() || context->value.IsNull()) return model;
  model.thread_num = static_cast<int32_t>(reader.Int(context->value, "thread_num", -1, -1, 4096));
  for (const Json& cpu : reader.Array(context->value, "thread_affinity_core_list").GetArray()) {
    model.cpus.push_back(
        static_cast<int32_t>(reader.Int(cpu, "thread_affinity_core_list", 0, 1 << 20)));
  }
  for (const Json& device : reader.Array(context->value, "devices").GetArray()) {
    if (reader.Text(device, "device_type") == "cpu")
      model.prefer_fp16 = reader.Text(device, "precision_mode") == "fp16";
  }
  return model;
}

StageSpec ReadStage(Reader& reader, const Json& json, const ServableSpec& servable,
                    const std::vector<uint32_t>& outputs) {
  StageSpec stage;
  const std::string type = reader.Text(json, "type");
  stage.tag = reader.Text(json, "tag");
  stage.inputs = reader.Refs(json, "inputs", outputs);
  stage.outputs_count = static_cast<uint32_t>(reader.Int(json, "outputs_count", 1, 0, 1 << 16));
  if (type == "model") {
    stage.kind = StageSpec::Kind::kModel;
    const std::string key = reader.Text(json, "model");
    while (stage.model < servable.models.size() && servable.models[stage.model].key != key)
      ++stage.model;
    if (stage.model == servable.models.size()) {
      reader.Fail("model", absl::StrCat("'", key, "' was not declared"));
      return stage;
    }
    stage.subgraph = static_cast<uint32_t>(
        reader.Int(json, "subgraph", 0, 0,
                   static_cast<int64_t>(servable.models[stage.model].files.size()) - 1));
  } else if (type == "python") {
    stage.kind = StageSpec::Kind::kPython;
    stage.batch_size = reader.Int(json, "batch_size", -1, 0, 1 << 20);
  } else if (type == "builtin" && reader.Text(json, "name") == "argmax_cpp") {
    stage.kind = StageSpec::Kind::kArgmax;
    if (stage.inputs.size() != 1 || stage.outputs_count != 1)
      reader.Fail("argmax_cpp", "has one input and one output");
  } else {
    reader.Fail("type", absl::StrCat("'", type, "' is no kind of stage"));
  }
  return stage;
}

MethodSpec ReadMethod(Reader& reader, const Json& json, const ServableSpec& servable) {
  MethodSpec method;
  method.name = reader.Text(json, "name");
  method.inputs = reader.Texts(json, "inputs");
  method.outputs = reader.Texts(json, "outputs");
  std::vector<uint32_t> outputs{static_cast<uint32_t>(method.inputs.size())};
  for (const Json& stage : reader.Array(json, "stages").GetArray()) {
    method.stages.push_back(ReadStage(reader, stage, servable, outputs));
    outputs.push_back(method.stages.back().outputs_count);
  }
  method.results = reader.Refs(json, "results", outputs);
  if (method.results.size() != method.outputs.size())
    reader.Fail("results", "are not as many as outputs");
  const auto options = json.FindMember("options");
  if (options != json.MemberEnd() && options->value.IsObject()) {
    method.max_queue_delay_us =
        reader.Int(options->value, "max_queue_delay_us", 0, 0, int64_t{3600} * 1000000);
    method.max_queue_size =
        static_cast<uint64_t>(reader.Int(options->value, "max_queue_size", 0, 0, kMaxInt));
    method.timeout_us = reader.Int(options->value, "timeout_us", 0, 0, int64_t{86400} * 1000000);
  }
  return method;
}

}  // namespace

absl::StatusOr<ServableSpec> ParseDescription(absl::string_view json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "description of the servable: ", rapidjson::GetParseError_En(document.GetParseError())));
  }
  Reader reader;
  ServableSpec servable;
  for (const Json& model : reader.Array(document, "models").GetArray()) {
    if (!model.IsObject()) reader.Fail("models", "holds something that is no object");
    if (!reader.status().ok()) return reader.status();
    servable.models.push_back(ReadModel(reader, model));
  }
  for (const Json& method : reader.Array(document, "methods").GetArray()) {
    if (!method.IsObject()) reader.Fail("methods", "holds something that is no object");
    if (!reader.status().ok()) return reader.status();
    servable.methods.push_back(ReadMethod(reader, method, servable));
    for (const StageSpec& stage : servable.methods.back().stages) {
      servable.uses_python = servable.uses_python || stage.kind == StageSpec::Kind::kPython;
    }
  }
  if (!reader.status().ok()) return reader.status();
  return servable;
}

}  // namespace mirin::serving
