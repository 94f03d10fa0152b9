#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/grpc/infer_codec.h"
#include "core/serving/grpc/infer_input.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxTensors = 1024;  // inputs, or outputs; the search for an equal name is linear
constexpr size_t kMaxId = 1024;

absl::Status ReadOutput(MessageReader message, ModelInferCall* call) {
  std::string name;
  Parameters parameters;
  while (message.Next()) {
    if (message.field() == 1 && !ReadText(message, &name)) return NotARequest();
    if (message.field() == 2) MIRIN_RETURN_IF_ERROR(ReadParameter(message, &parameters));
  }
  if (!message.ok()) return NotARequest();
  const std::string where = absl::StrCat("output '", name, "'");
  for (const Parameter& p : parameters) {
    if (p.name == "classification") {
      return absl::UnimplementedError(
          absl::StrCat(where, ": the classification extension is not supported"));
    }
  }
  RegionParameters region;
  MIRIN_RETURN_IF_ERROR(Annotate(ReadRegion(parameters, &region), where));
  std::vector<std::string>& outputs = call->request->outputs;
  if (outputs.size() >= kMaxTensors)
    return absl::InvalidArgumentError("too many outputs are requested");
  if (std::find(outputs.begin(), outputs.end(), name) != outputs.end()) {
    return absl::InvalidArgumentError(absl::StrCat(where, " is requested twice"));
  }
  outputs.push_back(name);
  if (region.given) {
    call->echo.regions.push_back(
        {std::move(name), std::move(region.region), region.offset, region.size});
  }
  return absl::OkStatus();
}

absl::Status ApplyParameter(const Parameter& p, absl::Time now, InferRequest* request) {
  if (p.name == "sequence_id") {
    if (const auto* text = absl::get_if<std::string>(&p.value)) {
      if (text->size() > kMaxId) return p.Wrong("shorter");
      request->session = *text;
      return absl::OkStatus();
    }
    MIRIN_ASSIGN_OR_RETURN(const uint64_t id, p.Number());
    request->session = id == 0 ? "" : absl::StrCat(id);
  } else if (p.name == "sequence_start") {
    MIRIN_ASSIGN_OR_RETURN(request->session_start, p.Bool());
  } else if (p.name == "sequence_end") {
    MIRIN_ASSIGN_OR_RETURN(request->session_end, p.Bool());
  } else if (p.name == "priority") {
    MIRIN_ASSIGN_OR_RETURN(const uint64_t priority, p.Number());
    request->priority = static_cast<int32_t>(std::min<uint64_t>(priority, INT32_MAX));
  } else if (p.name == "timeout") {
    MIRIN_ASSIGN_OR_RETURN(const uint64_t us, p.Number());
    if (us != 0 && us < uint64_t{1} << 53) {
      request->deadline =
          std::min(request->deadline, now + absl::Microseconds(static_cast<int64_t>(us)));
    }
  } else if (p.name == "triton_enable_empty_final_response") {
    return p.Bool().status();  // every response is a final one
  } else if (absl::StartsWith(p.name, "triton_")) {
    return absl::InvalidArgumentError(
        absl::StrCat("parameter keys starting with 'triton_' are reserved for Triton usage; '",
                     p.name, "' is unknown"));
  }
  return absl::OkStatus();
}

absl::Status ReadFields(MessageReader message, std::vector<RawInput>* inputs,
                        std::vector<MessageReader>* raw, Parameters* parameters,
                        ModelInferCall* call) {
  InferEcho& echo = call->echo;
  while (message.Next()) {
    switch (message.field()) {
      case 1:
        if (!ReadText(message, &echo.model)) return NotARequest();
        break;
      case 2:
        if (!ReadText(message, &echo.version)) return NotARequest();
        break;
      case 3:
        if (message.bytes().size() > kMaxId) {
          return absl::InvalidArgumentError(
              absl::StrCat("the id of a request can have ", kMaxId, " bytes"));
        }
        if (!ReadText(message, &echo.id)) return NotARequest();
        break;
      case 4:
        MIRIN_RETURN_IF_ERROR(ReadParameter(message, parameters));
        break;
      case 5:
        if (!message.is_bytes()) return NotARequest();
        if (inputs->size() >= kMaxTensors) return absl::InvalidArgumentError("too many inputs");
        inputs->emplace_back();
        MIRIN_RETURN_IF_ERROR(ReadInput(message.Message(), &inputs->back()));
        break;
      case 6:
        if (!message.is_bytes()) return NotARequest();
        MIRIN_RETURN_IF_ERROR(ReadOutput(message.Message(), call));
        break;
      case 7:
        if (!message.is_bytes()) return NotARequest();
        if (raw->size() >= kMaxTensors)
          return absl::InvalidArgumentError("too many raw_input_contents");
        raw->push_back(message);
        break;
      default:
        break;
    }
  }
  return message.ok() ? absl::OkStatus() : NotARequest();
}

}  // namespace

absl::Status ReadModelInferRequest(MessageReader message, const Engine& engine,
                                   const SharedMemoryRegistry& shared_memory, absl::Time now,
                                   ModelInferCall* call) {
  std::vector<RawInput> inputs;
  std::vector<MessageReader> raw;
  Parameters parameters;
  MIRIN_RETURN_IF_ERROR(ReadFields(message, &inputs, &raw, &parameters, call));

  InferRequest& request = *call->request;
  MIRIN_ASSIGN_OR_RETURN(const std::shared_ptr<const MethodInfo> method,
                         engine.Find(call->echo.model, call->echo.version));
  request.servable = method->servable;
  request.method = method->method;
  request.version = call->echo.version.empty() ? 0 : method->version;
  request.batched = true;
  if (!call->echo.id.empty()) request.id = call->echo.id;
  for (const Parameter& p : parameters) MIRIN_RETURN_IF_ERROR(ApplyParameter(p, now, &request));
  for (const OutputRegion& output :
       call->echo.regions) {  // an unknown one should not cost an inference
    MIRIN_RETURN_IF_ERROR(Annotate(shared_memory.Read(output.region, output.offset, 0).status(),
                                   absl::StrCat("output '", output.output, "'")));
  }

  if (inputs.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("a request for model '", call->echo.model, "' has no inputs"));
  request.instances.resize(1);
  Instance& instance = request.instances[0];
  size_t next_raw = 0;
  for (const RawInput& input : inputs) {
    const auto same = [&](const NamedTensor& other) { return other.name == input.name; };
    if (std::any_of(instance.begin(), instance.end(), same)) {
      return absl::InvalidArgumentError(absl::StrCat("input '", input.name, "' is given twice"));
    }
    instance.emplace_back();
    instance.back().name = input.name;
    MIRIN_RETURN_IF_ERROR(
        Annotate(FillInput(input, raw, &next_raw, shared_memory, &instance.back().value),
                 absl::StrCat("input '", input.name, "'")));
  }
  if (next_raw != raw.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("raw_input_contents has ", raw.size(), " entries for ", next_raw, " inputs"));
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
