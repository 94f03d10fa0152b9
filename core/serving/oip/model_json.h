// What the Open Inference Protocol and its extensions say of a model, as JSON.
#ifndef CORE_SERVING_OIP_MODEL_JSON_H_
#define CORE_SERVING_OIP_MODEL_JSON_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/serving/engine.h"

namespace mirin::serving {

// The name of a method as a model: that of its servable when it is the servable's first, else "servable.method".
std::string OipModelName(const Engine& engine, const MethodInfo& method);

std::string ModelMetadataJson(absl::string_view model, const MethodInfo& method,
                              const std::vector<uint64_t>& versions);
// Triton's ModelConfig.
std::string ModelConfigJson(absl::string_view model, const MethodInfo& method);
// One item of "model_stats".
std::string ModelStatisticsJson(absl::string_view model, const MethodInfo& method,
                                const MethodStatistics& statistics);

}  // namespace mirin::serving

#endif  // CORE_SERVING_OIP_MODEL_JSON_H_
