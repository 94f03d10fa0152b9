#include "core/serving/grpc/infer_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/variant.h"
#include "core/base/status.h"
#include "core/base/wire.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxTensors = 1024;  // inputs, or outputs; the search for an equal name is linear
constexpr size_t kMaxParameters = 256;
constexpr uint64_t kMaxRank = 8;
constexpr size_t kMaxId = 1024;

absl::Status NotARequest() { return absl::InternalError("Unable to parse request"); }

bool ReadText(const MessageReader& field, std::string* out) {
  if (!field.is_bytes()) return false;
  out->resize(field.size());
  field.CopyTo(&(*out)[0]);
  return IsValidUtf8(*out);
}

struct Parameter {
  std::string name;
  absl::variant<absl::monostate, bool, int64_t, std::string, double, uint64_t> value;

  absl::StatusOr<uint64_t> Number() const {
    if (const auto* n = absl::get_if<int64_t>(&value); n != nullptr && *n >= 0)
      return static_cast<uint64_t>(*n);
    if (const auto* n = absl::get_if<uint64_t>(&value)) return *n;
    return Wrong("a number that is not negative");
  }
  absl::StatusOr<std::string> Text() const {
    if (const auto* text = absl::get_if<std::string>(&value)) return *text;
    return Wrong("a string");
  }
  absl::StatusOr<bool> Bool() const {
    if (const auto* b = absl::get_if<bool>(&value)) return *b;
    return Wrong("a bool");
  }
  absl::Status Wrong(absl::string_view kind) const {
    return absl::InvalidArgumentError(absl::StrCat("parameter '", name, "' must be ", kind));
  }
};
using Parameters = std::vector<Parameter>;

// An entry of map<string, InferParameter>.
absl::Status ReadParameter(const MessageReader& field, Parameters* parameters) {
  if (parameters->size() >= kMaxParameters)
    return absl::InvalidArgumentError("too many parameters");
  std::string scratch, inner;
  Parameter parameter;
  WireReader entry(field.Bytes(&scratch));
  while (entry.Next()) {
    if (entry.field() == 1) parameter.name = std::string(entry.bytes());
    if (entry.field() != 2) continue;
    WireReader value(entry.bytes());
    while (value.Next()) {
      if (value.field() == 1) parameter.value = value.integer() != 0;
      if (value.field() == 2) parameter.value = value.integer();
      if (value.field() == 3) parameter.value = std::string(value.bytes());
      if (value.field() == 4) parameter.value = value.float64();
      if (value.field() == 5) parameter.value = static_cast<uint64_t>(value.integer());
    }
    if (!value.ok()) return NotARequest();
  }
  if (!field.is_bytes() || !entry.ok() || !IsValidUtf8(parameter.name)) return NotARequest();
  parameters->push_back(std::move(parameter));
  return absl::OkStatus();
}

// shared_memory_region and its companions, of an input or an output.
struct RegionParameters {
  bool given = false;
  std::string region;
  uint64_t offset = 0;
  uint64_t size = 0;
};

absl::Status ReadRegion(const Parameters& parameters, RegionParameters* out) {
  bool has_size = false;
  for (const Parameter& p : parameters) {
    if (p.name == "shared_memory_region") {
      MIRIN_ASSIGN_OR_RETURN(out->region, p.Text());
      out->given = true;
    } else if (p.name == "shared_memory_offset") {
      MIRIN_ASSIGN_OR_RETURN(out->offset, p.Number());
    } else if (p.name == "shared_memory_byte_size") {
      MIRIN_ASSIGN_OR_RETURN(out->size, p.Number());
      has_size = true;
    }
  }
  if (out->given && !has_size) {
    return absl::InvalidArgumentError("'shared_memory_region' needs 'shared_memory_byte_size'");
  }
  return absl::OkStatus();
}

struct RawInput {
  std::string name, datatype;
  Dims dims;
  uint64_t rank = 0;
  bool has_contents = false;
  MessageReader contents;
  Parameters parameters;
};

absl::Status ReadInput(MessageReader message, RawInput* input) {
  const auto add = [&](int64_t d) {
    if (++input->rank <= kMaxRank) input->dims.push_back(d);
  };
  while (message.Next()) {
    switch (message.field()) {
      case 1:
        if (!ReadText(message, &input->name)) return NotARequest();
        break;
      case 2:
        if (!ReadText(message, &input->datatype)) return NotARequest();
        break;
      case 3:
        if (!message.Integers(add)) return NotARequest();
        break;
      case 4:
        MIRIN_RETURN_IF_ERROR(ReadParameter(message, &input->parameters));
        break;
      case 5:
        input->has_contents = true;
        input->contents = message.Message();
        break;
      default:
        break;
    }
  }
  return message.ok() ? absl::OkStatus() : NotARequest();
}

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

// --- the bytes of an input -----------------------------------------------------------------------------------------------------

absl::Status SizeError(const Tensor& tensor, uint64_t size) {
  return absl::InvalidArgumentError(absl::StrCat("shape ", DimsText(tensor.dims), " of ",
                                                 OipName(tensor.dtype), " does not fit ", size,
                                                 " bytes"));
}

// Texts as "u32 length, bytes" each, little endian.
absl::Status SplitTexts(absl::string_view bytes, int64_t count, Tensor* tensor) {
  if (static_cast<uint64_t>(count) > bytes.size() / 4) return SizeError(*tensor, bytes.size());
  tensor->texts.reserve(static_cast<size_t>(count));
  while (bytes.size() >= 4) {
    uint32_t size;
    std::memcpy(&size, bytes.data(), 4);
    bytes.remove_prefix(4);
    if (size > bytes.size() || tensor->texts.size() == static_cast<uint64_t>(count)) break;
    tensor->texts.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (bytes.empty() && tensor->texts.size() == static_cast<uint64_t>(count))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("its bytes are not ", count,
                                                 " strings with their lengths in front, as shape ",
                                                 DimsText(tensor->dims), " needs"));
}

// The size of `elements` of a fixed size type must be `size`.
absl::Status CheckBytes(const Tensor& tensor, int64_t elements, uint64_t size) {
  const uint64_t item = mirin_dtype_size(tensor.dtype);
  if (size % item != 0 || size / item != static_cast<uint64_t>(elements))
    return SizeError(tensor, size);
  return absl::OkStatus();
}

absl::Status FillFromRaw(const MessageReader& raw, int64_t elements, Tensor* tensor) {
  if (tensor->dtype == MIRIN_DTYPE_STRING) {
    std::string scratch;
    return SplitTexts(raw.Bytes(&scratch), elements, tensor);
  }
  MIRIN_RETURN_IF_ERROR(CheckBytes(*tensor, elements, raw.size()));
  uint8_t* bytes;
  tensor->data = Buffer::Allocate(raw.size(), &bytes);
  raw.CopyTo(bytes);
  return absl::OkStatus();
}

absl::Status FillFromRegion(const RegionParameters& region, int64_t elements,
                            const SharedMemoryRegistry& shared_memory, Tensor* tensor) {
  const bool texts = tensor->dtype == MIRIN_DTYPE_STRING;
  if (!texts) MIRIN_RETURN_IF_ERROR(CheckBytes(*tensor, elements, region.size));
  MIRIN_ASSIGN_OR_RETURN(Buffer bytes,
                         shared_memory.Read(region.region, region.offset, region.size));
  if (texts) return SplitTexts(bytes.view(), elements, tensor);
  tensor->data = std::move(bytes);
  return absl::OkStatus();
}

// The field of InferTensorContents for a dtype; 0: none has it (FP16 and BF16 come raw only).
uint32_t ContentsField(mirin_dtype dtype) {
  switch (dtype) {
    case MIRIN_DTYPE_BOOL:
      return 1;
    case MIRIN_DTYPE_I8:
    case MIRIN_DTYPE_I16:
    case MIRIN_DTYPE_I32:
      return 2;
    case MIRIN_DTYPE_I64:
      return 3;
    case MIRIN_DTYPE_U8:
    case MIRIN_DTYPE_U16:
    case MIRIN_DTYPE_U32:
      return 4;
    case MIRIN_DTYPE_U64:
      return 5;
    case MIRIN_DTYPE_F32:
      return 6;
    case MIRIN_DTYPE_F64:
      return 7;
    case MIRIN_DTYPE_STRING:
      return 8;
    default:
      return 0;
  }
}

// Whether `value` of a contents field is one of the dtype's.
bool Fits(mirin_dtype dtype, int64_t value) {
  switch (dtype) {
    case MIRIN_DTYPE_I8:
      return value == static_cast<int8_t>(value);
    case MIRIN_DTYPE_I16:
      return value == static_cast<int16_t>(value);
    case MIRIN_DTYPE_I32:
      return value == static_cast<int32_t>(value);
    case MIRIN_DTYPE_U8:
      return value == static_cast<uint8_t>(value);
    case MIRIN_DTYPE_U16:
      return value == static_cast<uint16_t>(value);
    case MIRIN_DTYPE_U32:
      return value == static_cast<uint32_t>(value);
    default:
      return true;
  }
}

absl::Status FillFromContents(MessageReader contents, int64_t elements, Tensor* tensor) {
  const uint32_t wanted = ContentsField(tensor->dtype);
  if (wanted == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(OipName(tensor->dtype), " can only come in raw_input_contents"));
  }
  const size_t item = wanted == 8 ? 0 : mirin_dtype_size(tensor->dtype);
  // a packed element takes a byte at least: no count beyond what the message could hold
  const uint64_t limit = static_cast<uint64_t>(elements);
  std::string bytes, scratch;
  uint64_t count = 0;
  bool fits = true;
  const auto add = [&](const void* value) {
    if (++count <= limit) bytes.append(static_cast<const char*>(value), item);
  };
  while (contents.Next()) {
    if (contents.field() != wanted)
      return absl::InvalidArgumentError(absl::StrCat("contents of field ", contents.field(),
                                                     " do not belong to datatype ",
                                                     OipName(tensor->dtype)));
    if (wanted == 8) {
      if (++count <= limit) {
        tensor->texts.emplace_back(contents.size(), '\0');
        contents.CopyTo(&tensor->texts.back()[0]);
      }
      continue;
    }
    if (wanted < 6) {
      const bool good = contents.Integers([&](int64_t v) {
        fits = fits && Fits(tensor->dtype, v);
        if (tensor->dtype == MIRIN_DTYPE_BOOL) v = v != 0;
        add(&v);
      });
      if (!good) return NotARequest();
      continue;
    }
    const absl::string_view values =
        contents.Bytes(&scratch);  // packed or not, they are the bytes themselves
    if (values.size() % item != 0) return NotARequest();
    for (size_t i = 0; i < values.size(); i += item) add(values.data() + i);
  }
  if (!contents.ok()) return NotARequest();
  if (!fits)
    return absl::InvalidArgumentError(
        absl::StrCat("a value is out of the range of ", OipName(tensor->dtype)));
  if (count != limit) {
    return absl::InvalidArgumentError(absl::StrCat("shape ", DimsText(tensor->dims), " needs ",
                                                   elements, " elements, not ", count));
  }
  if (wanted != 8) tensor->data = Buffer::Copy(bytes);
  return absl::OkStatus();
}

// Where the bytes of the inputs come from: raw_input_contents has those of all that are not in shared memory, or of none.
absl::Status FillInput(const RawInput& input, const std::vector<MessageReader>& raw,
                       size_t* next_raw, const SharedMemoryRegistry& shared_memory,
                       Tensor* tensor) {
  tensor->dtype = DtypeFromOip(input.datatype);
  if (tensor->dtype == MIRIN_DTYPE_UNKNOWN) {
    return absl::InvalidArgumentError(absl::StrCat("unknown datatype '", input.datatype, "'"));
  }
  // A BYTES element is any bytes; who needs text checks it.
  tensor->is_bytes = tensor->dtype == MIRIN_DTYPE_STRING;
  if (input.rank > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("rank ", input.rank, " is too large, ", kMaxRank, " at most"));
  }
  tensor->dims = input.dims;
  MIRIN_ASSIGN_OR_RETURN(const int64_t elements, Elements(tensor->dims));
  RegionParameters region;
  MIRIN_RETURN_IF_ERROR(ReadRegion(input.parameters, &region));
  if (region.given) {
    if (input.has_contents) {
      return absl::InvalidArgumentError("unexpected 'contents' for an input in shared memory");
    }
    return FillFromRegion(region, elements, shared_memory, tensor);
  }
  if (raw.empty()) return FillFromContents(input.contents, elements, tensor);
  if (input.has_contents) {
    return absl::InvalidArgumentError(
        "contents field must not be specified when using raw_input_contents");
  }
  if (*next_raw == raw.size())
    return absl::InvalidArgumentError("raw_input_contents has no entry for it");
  return FillFromRaw(raw[(*next_raw)++], elements, tensor);
}

// --- the request ---------------------------------------------------------------------------------------------------------------

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
        if (message.size() > kMaxId) {
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

namespace {

absl::Status ToStatus(const Failure& failure) {
  const absl::StatusCode code =
      failure.status == absl::StatusCode::kOk ? absl::StatusCode::kInternal : failure.status;
  return absl::Status(code, failure.text);
}

Buffer JoinTexts(const std::vector<std::string>& texts) {
  size_t size = 0;
  for (const std::string& text : texts) size += 4 + text.size();
  uint8_t* at;
  Buffer joined = Buffer::Allocate(size, &at);
  for (const std::string& text : texts) {
    const auto length = static_cast<uint32_t>(text.size());
    std::memcpy(at, &length, 4);
    if (!text.empty()) std::memcpy(at + 4, text.data(), text.size());
    at += 4 + text.size();
  }
  return joined;
}

void WriteParameter(uint32_t field, absl::string_view name, uint32_t kind, absl::string_view text,
                    int64_t number, WireWriter* out) {
  WireWriter value, entry;
  if (kind == 3) {
    value.Bytes(kind, text);
  } else {
    value.Integer(kind, number);
  }
  entry.Bytes(1, name);
  entry.Message(2, value);
  out->Message(field, entry);
}

// Writes InferOutputTensor; *raw holds the bytes that raw_output_contents has of it.
absl::Status WriteOutput(const std::string& name, const Tensor& tensor, const InferEcho& echo,
                         const SharedMemoryRegistry& shared_memory, Buffer* raw, WireWriter* out) {
  const absl::string_view datatype = OipName(tensor.dtype);
  if (datatype.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("output '", name, "' is of a type that the protocol does not have"));
  }
  out->Bytes(1, name);
  out->Bytes(2, datatype);
  out->Packed(3, tensor.dims);
  *raw = tensor.dtype == MIRIN_DTYPE_STRING ? JoinTexts(tensor.texts) : tensor.data;
  for (const OutputRegion& region : echo.regions) {
    if (region.output != name) continue;
    if (raw->size() > region.size) {
      return absl::InvalidArgumentError(
          absl::StrCat("shared memory size specified with the request for output '", name, "' (",
                       region.size, " bytes) should be at least ", raw->size(), " bytes"));
    }
    MIRIN_RETURN_IF_ERROR(shared_memory.Write(region.region, region.offset, raw->view()));
    WriteParameter(4, "shared_memory_region", 3, region.region, 0, out);
    WriteParameter(4, "shared_memory_byte_size", 2, "", static_cast<int64_t>(raw->size()), out);
    if (region.offset != 0)
      WriteParameter(4, "shared_memory_offset", 2, "", static_cast<int64_t>(region.offset), out);
    *raw = Buffer();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteModelInferResponse(const InferEcho& echo, const InferReply& reply,
                                     const SharedMemoryRegistry& shared_memory, bool last,
                                     ReplyWriter* out) {
  if (!reply.failure.ok()) return ToStatus(reply.failure);
  if (reply.instances.size() != 1) return absl::InternalError("the request was not answered");
  const InstanceReply& instance = reply.instances[0];
  if (!instance.failure.ok()) return ToStatus(instance.failure);

  WireWriter head;
  head.Bytes(1, echo.model);
  head.Bytes(2, absl::StrCat(reply.version));
  if (!echo.id.empty()) head.Bytes(3, echo.id);
  if (last) WriteParameter(4, "triton_final_response", 1, "", 1, &head);
  std::vector<Buffer> raws;
  for (size_t i = 0; i < instance.outputs.size() && i < reply.names.size(); ++i) {
    WireWriter output;
    Buffer raw;
    MIRIN_RETURN_IF_ERROR(
        WriteOutput(reply.names[i], instance.outputs[i], echo, shared_memory, &raw, &output));
    head.Message(5, output);
    // an output in shared memory has an empty entry, so that entries and outputs stay in step
    raws.push_back(std::move(raw));
  }
  out->wire().Append(head.bytes());
  for (const Buffer& raw : raws) {
    out->wire().Prefix(6, raw.size());
    out->Data(raw);
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
