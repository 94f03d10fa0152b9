#include "core/serving/oip/model_json.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/json.h"

namespace mirin::serving {
namespace {

// UNKNOWN, which is any, is called BYTES: clients need a type they know.
absl::string_view TypeName(mirin_dtype dtype) {
  const absl::string_view name = OipName(dtype);
  return name.empty() ? "BYTES" : name;
}

// Without a known shape: any, of one axis.
Dims DimsOf(const ValueInfo& value) { return value.has_shape ? value.dims : Dims({-1}); }

std::string ValuesJson(const MethodInfo& method, const std::vector<ValueInfo>& values) {
  std::vector<std::string> items;
  for (const ValueInfo& value : values) {
    Dims dims = DimsOf(value);
    if (method.batchable) dims.insert(dims.begin(), -1);
    items.push_back(absl::StrCat("{\"name\":", JsonString(value.name), ",\"datatype\":\"",
                                 TypeName(value.dtype), "\",\"shape\":[", absl::StrJoin(dims, ","),
                                 "]}"));
  }
  return absl::StrCat("[", absl::StrJoin(items, ","), "]");
}

std::string ConfigValuesJson(const std::vector<ValueInfo>& values) {
  std::vector<std::string> items;
  for (const ValueInfo& value : values) {
    const absl::string_view type = TypeName(value.dtype);
    items.push_back(absl::StrCat("{\"name\":", JsonString(value.name), ",\"data_type\":\"TYPE_",
                                 type == "BYTES" ? "STRING" : type, "\",\"dims\":[",
                                 absl::StrJoin(DimsOf(value), ","), "]}"));
  }
  return absl::StrCat("[", absl::StrJoin(items, ","), "]");
}

std::string DurationJson(absl::string_view name, const DurationStatistic& statistic) {
  return absl::StrCat("\"", name, "\":{\"count\":", statistic.count, ",\"ns\":", statistic.ns, "}");
}

}  // namespace

std::string OipModelName(const Engine& engine, const MethodInfo& method) {
  const auto first = engine.Find(method.servable, absl::StrCat(method.version));
  if (first.ok() && (*first)->method == method.method) return method.servable;
  return absl::StrCat(method.servable, ".", method.method);
}

std::string ModelMetadataJson(absl::string_view model, const MethodInfo& method,
                              const std::vector<uint64_t>& versions) {
  std::vector<std::string> names;
  for (uint64_t version : versions) names.push_back(absl::StrCat("\"", version, "\""));
  return absl::StrCat("{\"name\":", JsonString(model), ",\"versions\":[", absl::StrJoin(names, ","),
                      "],\"platform\":", JsonString(method.platform),
                      ",\"inputs\":", ValuesJson(method, method.inputs),
                      ",\"outputs\":", ValuesJson(method, method.outputs), "}");
}

std::string ModelConfigJson(absl::string_view model, const MethodInfo& method) {
  std::string out =
      absl::StrCat("{\"name\":", JsonString(model), ",\"platform\":", JsonString(method.platform),
                   ",\"backend\":\"mirin\"",
                   ",\"version_policy\":{\"latest\":{\"num_versions\":1}},\"max_batch_size\":",
                   method.max_batch_size, ",\"input\":", ConfigValuesJson(method.inputs),
                   ",\"output\":", ConfigValuesJson(method.outputs),
                   ",\"instance_group\":[{\"name\":", JsonString(absl::StrCat(model, "_0")),
                   ",\"kind\":\"KIND_AUTO\",\"count\":", method.replicas, "}]");
  if (method.batchable) {
    absl::StrAppend(
        &out, ",\"dynamic_batching\":{\"max_queue_delay_microseconds\":", method.max_queue_delay_us,
        ",\"default_queue_policy\":{\"max_queue_size\":", method.max_queue_size, "}}");
  }
  if (method.stateful) out += ",\"sequence_batching\":{}";
  return out + "}";
}

std::string ModelStatisticsJson(absl::string_view model, const MethodInfo& method,
                                const MethodStatistics& statistics) {
  std::vector<std::string> batches;
  for (const BatchStatistic& batch : statistics.batches) {
    batches.push_back(absl::StrCat("{\"batch_size\":", batch.size, ",",
                                   DurationJson("compute_input", batch.compute_input), ",",
                                   DurationJson("compute_infer", batch.compute_infer), ",",
                                   DurationJson("compute_output", batch.compute_output), "}"));
  }
  return absl::StrCat("{\"name\":", JsonString(model), ",\"version\":\"", method.version,
                      "\",\"last_inference\":", statistics.last_inference_ms,
                      ",\"inference_count\":", statistics.inference_count,
                      ",\"execution_count\":", statistics.execution_count, ",\"inference_stats\":{",
                      DurationJson("success", statistics.success), ",",
                      DurationJson("fail", statistics.fail), ",",
                      DurationJson("queue", statistics.queue), ",",
                      DurationJson("compute_input", statistics.compute_input), ",",
                      DurationJson("compute_infer", statistics.compute_infer), ",",
                      DurationJson("compute_output", statistics.compute_output),
                      "},\"batch_stats\":[", absl::StrJoin(batches, ","), "]}");
}

}  // namespace mirin::serving
