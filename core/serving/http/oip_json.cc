#include "core/serving/http/oip_json.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status.h"
#include "core/serving/http/json_document.h"
#include "core/serving/http/json_text.h"

namespace mirin::serving {
namespace {

constexpr uint32_t kMaxTensors = 4096;

absl::Status Invalid(absl::string_view a, absl::string_view b = "") {
  return absl::InvalidArgumentError(absl::StrCat(a, b));
}

// --- parameters ---

absl::StatusOr<std::string> TextOf(JsonValue object, absl::string_view key) {
  const JsonValue value = object.Find(key);
  if (!value.present()) return std::string();
  if (value.kind() != JsonKind::kString)
    return Invalid(absl::StrCat("'", key, "' must be a string"));
  return std::string(value.text());
}

absl::StatusOr<uint64_t> NumberOf(JsonValue object, absl::string_view key, uint64_t otherwise) {
  const JsonValue value = object.Find(key);
  if (!value.present()) return otherwise;
  if (value.kind() != JsonKind::kInt || (value.integer() < 0 && !value.above_int64())) {
    return Invalid(absl::StrCat("'", key, "' must be an unsigned integer"));
  }
  return static_cast<uint64_t>(value.integer());
}

absl::StatusOr<bool> BoolOf(JsonValue object, absl::string_view key, bool otherwise) {
  const JsonValue value = object.Find(key);
  if (!value.present()) return otherwise;
  if (value.kind() != JsonKind::kBool)
    return Invalid(absl::StrCat("'", key, "' must be a boolean"));
  return value.boolean();
}

// The member "parameters"; absent is fine.
absl::StatusOr<JsonValue> ParametersOf(JsonValue object) {
  const JsonValue value = object.Find("parameters");
  if (value.present() && value.kind() != JsonKind::kObject)
    return Invalid("'parameters' must be an object");
  return value;
}

struct Region {
  bool given = false;
  std::string name;
  uint64_t offset = 0;
  uint64_t byte_size = 0;
};

absl::StatusOr<Region> ReadRegion(JsonValue parameters, const SharedMemoryRegistry* shared_memory) {
  Region region;
  region.given = parameters.Find("shared_memory_region").present();
  if (!region.given) return region;
  if (shared_memory == nullptr)
    return absl::PermissionDeniedError("shared memory is not allowed over this address");
  MIRIN_ASSIGN_OR_RETURN(region.name, TextOf(parameters, "shared_memory_region"));
  MIRIN_ASSIGN_OR_RETURN(region.offset, NumberOf(parameters, "shared_memory_offset", 0));
  if (!parameters.Find("shared_memory_byte_size").present()) {
    return Invalid("'shared_memory_region' needs 'shared_memory_byte_size'");
  }
  MIRIN_ASSIGN_OR_RETURN(region.byte_size, NumberOf(parameters, "shared_memory_byte_size", 0));
  return region;
}

absl::Status ReadRequestParameters(JsonValue parameters, InferRequest* request, OipForm* form) {
  const JsonValue sequence = parameters.Find("sequence_id");
  if (sequence.kind() == JsonKind::kString) {
    request->session = std::string(sequence.text());
  } else {
    MIRIN_ASSIGN_OR_RETURN(const uint64_t number, NumberOf(parameters, "sequence_id", 0));
    if (number != 0) request->session = absl::StrCat(number);
  }
  MIRIN_ASSIGN_OR_RETURN(request->session_start, BoolOf(parameters, "sequence_start", false));
  MIRIN_ASSIGN_OR_RETURN(request->session_end, BoolOf(parameters, "sequence_end", false));
  MIRIN_ASSIGN_OR_RETURN(const uint64_t priority, NumberOf(parameters, "priority", 0));
  if (priority > std::numeric_limits<int32_t>::max()) return Invalid("'priority' is too large");
  request->priority = static_cast<int32_t>(priority);
  MIRIN_ASSIGN_OR_RETURN(const uint64_t timeout_us, NumberOf(parameters, "timeout", 0));
  if (timeout_us != 0 && timeout_us < static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    request->deadline =
        std::min(request->deadline,
                 request->received + absl::Microseconds(static_cast<int64_t>(timeout_us)));
  }
  MIRIN_ASSIGN_OR_RETURN(form->binary, BoolOf(parameters, "binary_data_output", false));
  return absl::OkStatus();
}

// --- inputs ---

absl::Status SizeError(const Tensor& tensor, uint64_t size) {
  return Invalid(absl::StrCat("shape ", DimsText(tensor.dims), " of ", OipName(tensor.dtype),
                              " does not fit ", size, " bytes"));
}

absl::Status SplitTexts(absl::string_view bytes, int64_t count, Tensor* tensor) {
  if (static_cast<uint64_t>(count) > bytes.size() / 4) return SizeError(*tensor, bytes.size());
  tensor->texts.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    uint32_t size;
    if (bytes.size() < sizeof size) return SizeError(*tensor, bytes.size());
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (size > bytes.size())
      return Invalid("its bytes are not strings with their lengths in front");
    tensor->texts.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) return Invalid("its bytes are more than its shape needs");
  DecideText(tensor);
  return absl::OkStatus();
}

absl::Status FillFromBytes(const Buffer& bytes, int64_t elements, Tensor* tensor) {
  if (tensor->dtype == MIRIN_DTYPE_STRING) return SplitTexts(bytes.view(), elements, tensor);
  const uint64_t item = mirin_dtype_size(tensor->dtype);
  if (bytes.size() % item != 0 || bytes.size() / item != static_cast<uint64_t>(elements))
    return SizeError(*tensor, bytes.size());
  tensor->data =
      reinterpret_cast<uintptr_t>(bytes.data()) % item == 0 ? bytes : Buffer::Copy(bytes.view());
  return absl::OkStatus();
}

// Appends the numbers of "data", flat or nested, to a tensor.
class DataReader {
 public:
  explicit DataReader(Tensor* tensor, int64_t elements)
      : tensor_(*tensor), limit_(static_cast<uint64_t>(elements)) {}

  absl::Status Read(JsonValue data) {
    if (data.kind() != JsonKind::kArray) return Invalid("'data' must be an array");
    if (tensor_.dtype == MIRIN_DTYPE_F16 || tensor_.dtype == MIRIN_DTYPE_BF16) {
      return Invalid(OipName(tensor_.dtype), " needs binary tensor data");
    }
    // A JSON element takes two bytes at least, so that the text has paid for a shape that it fills.
    count_ = 0;
    MIRIN_RETURN_IF_ERROR(Count(data));
    if (count_ != limit_)
      return Invalid(absl::StrCat("shape ", DimsText(tensor_.dims), " needs ", limit_,
                                  " elements, not ", count_));
    if (tensor_.dtype == MIRIN_DTYPE_STRING) {
      tensor_.texts.reserve(limit_);
    } else {
      tensor_.data = Buffer::Allocate(limit_ * mirin_dtype_size(tensor_.dtype), &out_);
    }
    return Fill(data);
  }

 private:
  absl::Status Mixed() const {
    return Invalid(absl::StrCat("'data' holds values that are not ", OipName(tensor_.dtype)));
  }

  absl::Status Count(JsonValue array) {
    if (array.items() != JsonItems::kValues) {
      count_ += array.size();
      return array.items() == JsonItems::kMixed ? Mixed() : absl::OkStatus();
    }
    absl::Status status;
    array.ForEachItem([&](JsonValue item) {
      if (item.kind() == JsonKind::kArray) {
        status = Count(item);
      } else {
        ++count_;
      }
      return status.ok();
    });
    return status;
  }

  absl::Status Fill(JsonValue array) {
    absl::Status status;
    switch (array.items()) {
      case JsonItems::kNone:
        return absl::OkStatus();
      case JsonItems::kBools:
        if (tensor_.dtype != MIRIN_DTYPE_BOOL) return Mixed();
        return Store<uint8_t>(array.integers());
      case JsonItems::kInts:
        return FillIntegers(array);
      case JsonItems::kFloats:
      case JsonItems::kNumbers:
        if (tensor_.dtype == MIRIN_DTYPE_F32) return Store<float>(array.floats());
        if (tensor_.dtype == MIRIN_DTYPE_F64) return Store<double>(array.floats());
        return Mixed();
      default:
        array.ForEachItem([&](JsonValue item) {
          if (item.kind() == JsonKind::kArray) {
            status = Fill(item);
          } else if (item.kind() == JsonKind::kString && tensor_.dtype == MIRIN_DTYPE_STRING) {
            tensor_.texts.emplace_back(item.text());
          } else {
            status = Mixed();
          }
          return status.ok();
        });
        return status;
    }
  }

  absl::Status FillIntegers(JsonValue array) {
    const absl::Span<const int64_t> values = array.integers();
    const bool above = array.above_int64();
    if (above && tensor_.dtype != MIRIN_DTYPE_U64 && tensor_.dtype != MIRIN_DTYPE_F32 &&
        tensor_.dtype != MIRIN_DTYPE_F64)
      return Range();
    switch (tensor_.dtype) {
      case MIRIN_DTYPE_BOOL:
        return StoreChecked<bool, uint8_t>(values);
      case MIRIN_DTYPE_I8:
        return StoreChecked<int8_t>(values);
      case MIRIN_DTYPE_I16:
        return StoreChecked<int16_t>(values);
      case MIRIN_DTYPE_I32:
        return StoreChecked<int32_t>(values);
      case MIRIN_DTYPE_U8:
        return StoreChecked<uint8_t>(values);
      case MIRIN_DTYPE_U16:
        return StoreChecked<uint16_t>(values);
      case MIRIN_DTYPE_U32:
        return StoreChecked<uint32_t>(values);
      case MIRIN_DTYPE_U64:
        if (array.has_negative()) return Range();
        return Store<int64_t>(values);
      case MIRIN_DTYPE_I64:
        return Store<int64_t>(values);
      case MIRIN_DTYPE_F32:
        return above ? StoreUnsigned<float>(array) : Store<float>(values);
      case MIRIN_DTYPE_F64:
        return above ? StoreUnsigned<double>(array) : Store<double>(values);
      default:
        return Mixed();
    }
  }

  absl::Status Range() const {
    return Invalid("a value of 'data' is out of the range of ", OipName(tensor_.dtype));
  }

  template <typename To, typename From>
  absl::Status Store(absl::Span<const From> values) {
    auto* to = reinterpret_cast<To*>(out_);
    for (size_t i = 0; i < values.size(); ++i) to[i] = static_cast<To>(values[i]);
    out_ += values.size() * sizeof(To);
    return absl::OkStatus();
  }
  template <typename To, typename Stored = To>
  absl::Status StoreChecked(absl::Span<const int64_t> values) {
    for (int64_t v : values) {
      if (v < std::numeric_limits<To>::min() || v > std::numeric_limits<To>::max()) return Range();
    }
    return Store<Stored>(values);
  }
  template <typename To>
  absl::Status StoreUnsigned(JsonValue array) {
    if (array.has_negative()) return Range();
    const auto* values = reinterpret_cast<const uint64_t*>(array.integers().data());
    return Store<To>(absl::MakeConstSpan(values, array.size()));
  }

  Tensor& tensor_;
  const uint64_t limit_;
  uint64_t count_ = 0;
  uint8_t* out_ = nullptr;
};

absl::Status ReadDims(JsonValue shape, Dims* dims) {
  if (shape.kind() != JsonKind::kArray) return Invalid("'shape' must be an array");
  if (shape.size() == 0) return absl::OkStatus();
  if (shape.items() != JsonItems::kInts || shape.has_negative() || shape.above_int64()) {
    return Invalid("'shape' must hold unsigned integers");
  }
  if (shape.size() > MIRIN_MAX_RANK)
    return Invalid(absl::StrCat("the rank ", shape.size(), " is more than ", MIRIN_MAX_RANK));
  dims->assign(shape.integers().begin(), shape.integers().end());
  return absl::OkStatus();
}

// binary: what is left of the binary data behind the JSON.
absl::Status ReadInput(JsonValue input, const SharedMemoryRegistry* shared_memory, Buffer* binary,
                       Tensor* tensor) {
  MIRIN_ASSIGN_OR_RETURN(const std::string datatype, TextOf(input, "datatype"));
  tensor->dtype = DtypeFromOip(datatype);
  if (tensor->dtype == MIRIN_DTYPE_UNKNOWN)
    return Invalid(absl::StrCat("datatype '", datatype, "' is unknown"));
  MIRIN_RETURN_IF_ERROR(ReadDims(input.Find("shape"), &tensor->dims));
  MIRIN_ASSIGN_OR_RETURN(const int64_t elements, Elements(tensor->dims));
  MIRIN_ASSIGN_OR_RETURN(const JsonValue parameters, ParametersOf(input));
  MIRIN_ASSIGN_OR_RETURN(const Region region, ReadRegion(parameters, shared_memory));
  const JsonValue data = input.Find("data");
  const bool in_binary = parameters.Find("binary_data_size").present();
  if (data.present() + region.given + in_binary != 1) {
    return Invalid("it needs one of 'data', 'binary_data_size' and 'shared_memory_region'");
  }
  if (region.given) {
    MIRIN_ASSIGN_OR_RETURN(const Buffer bytes,
                           shared_memory->Read(region.name, region.offset, region.byte_size));
    return FillFromBytes(bytes, elements, tensor);
  }
  if (in_binary) {
    MIRIN_ASSIGN_OR_RETURN(const uint64_t size, NumberOf(parameters, "binary_data_size", 0));
    if (size > binary->size()) return Invalid("there is less binary data than 'binary_data_size'");
    const Buffer bytes = binary->Slice(0, size);
    *binary = binary->Slice(size, binary->size() - size);
    return FillFromBytes(bytes, elements, tensor);
  }
  return DataReader(tensor, elements).Read(data);
}

absl::Status ReadInputs(JsonValue inputs, const SharedMemoryRegistry* shared_memory, Buffer* binary,
                        InferRequest* request) {
  if (inputs.kind() != JsonKind::kArray || inputs.size() == 0 ||
      inputs.items() != JsonItems::kValues) {
    return Invalid("'inputs' must be an array of objects");
  }
  if (inputs.size() > kMaxTensors) return Invalid("too many inputs");
  absl::flat_hash_set<std::string> names;
  Instance& instance = request->instances.emplace_back();
  absl::Status status;
  inputs.ForEachItem([&](JsonValue input) {
    if (input.kind() != JsonKind::kObject) {
      status = Invalid("'inputs' must be an array of objects");
      return false;
    }
    absl::StatusOr<std::string> name = TextOf(input, "name");
    if (!name.ok()) {
      status = name.status();
    } else if (name->empty()) {
      status = Invalid("an input has no 'name'");
    } else if (!names.insert(*name).second) {
      status = Invalid(absl::StrCat("input '", *name, "' is given twice"));
    } else {
      instance.push_back({*name, Tensor()});
      status = Annotate(ReadInput(input, shared_memory, binary, &instance.back().value),
                        absl::StrCat("input '", *name, "'"));
    }
    return status.ok();
  });
  MIRIN_RETURN_IF_ERROR(status);
  if (binary->size() != 0)
    return Invalid(absl::StrCat(binary->size(), " bytes of binary data belong to no input"));
  return absl::OkStatus();
}

absl::Status ReadOutput(JsonValue object, const SharedMemoryRegistry* shared_memory, bool binary,
                        OipForm::Output* output) {
  if (object.kind() != JsonKind::kObject) return Invalid("'outputs' must be an array of objects");
  MIRIN_ASSIGN_OR_RETURN(output->name, TextOf(object, "name"));
  if (output->name.empty()) return Invalid("an output has no 'name'");
  MIRIN_ASSIGN_OR_RETURN(const JsonValue parameters, ParametersOf(object));
  if (parameters.Find("classification").present()) {
    return absl::UnimplementedError("the classification extension is not supported");
  }
  MIRIN_ASSIGN_OR_RETURN(output->binary, BoolOf(parameters, "binary_data", binary));
  MIRIN_ASSIGN_OR_RETURN(Region region, ReadRegion(parameters, shared_memory));
  output->shared = region.given;
  output->region = std::move(region.name);
  output->offset = region.offset;
  output->byte_size = region.byte_size;
  return absl::OkStatus();
}

absl::Status ReadOutputs(JsonValue outputs, const SharedMemoryRegistry* shared_memory,
                         InferRequest* request, OipForm* form) {
  if (!outputs.present()) return absl::OkStatus();
  if (outputs.kind() != JsonKind::kArray ||
      (outputs.size() != 0 && outputs.items() != JsonItems::kValues)) {
    return Invalid("'outputs' must be an array of objects");
  }
  if (outputs.size() > kMaxTensors) return Invalid("too many outputs");
  if (outputs.size() == 0) return absl::OkStatus();
  absl::flat_hash_set<std::string> names;
  absl::Status status;
  outputs.ForEachItem([&](JsonValue object) {
    OipForm::Output& output = form->outputs.emplace_back();
    status = ReadOutput(object, shared_memory, form->binary, &output);
    if (status.ok() && !names.insert(output.name).second) {
      status = Invalid(absl::StrCat("output '", output.name, "' is requested twice"));
    }
    request->outputs.push_back(output.name);
    return status.ok();
  });
  return status;
}

// --- outputs ---

Buffer JoinTexts(const Tensor& tensor) {
  size_t size = 0;
  for (const std::string& text : tensor.texts) size += sizeof(uint32_t) + text.size();
  uint8_t* out;
  Buffer bytes = Buffer::Allocate(size, &out);
  for (const std::string& text : tensor.texts) {
    const auto length = static_cast<uint32_t>(text.size());
    std::memcpy(out, &length, sizeof length);
    std::memcpy(out + sizeof length, text.data(), text.size());
    out += sizeof length + text.size();
  }
  return bytes;
}

absl::Status AppendData(const Tensor& tensor, std::string* out) {
  if (tensor.dtype != MIRIN_DTYPE_STRING) {
    const absl::StatusOr<int64_t> elements = Elements(tensor.dims);
    MIRIN_RETURN_IF_ERROR(elements.status());
    AppendTensor(tensor, {*elements}, FloatStyle::kShortest, out);
    return absl::OkStatus();
  }
  char separator = '[';
  for (const std::string& text : tensor.texts) {
    if (!IsValidUtf8(text)) return Invalid("its bytes are not UTF-8: ask for binary tensor data");
    out->push_back(separator);
    separator = ',';
    AppendJsonText(text, out);
  }
  out->append(separator == '[' ? "[]" : "]");
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadOipRequest(HttpRequest* http, SharedMemoryRegistry* shared_memory,
                            InferRequest* request, OipForm* form) {
  size_t json_size = http->body.size();
  if (!http->json_size.empty() &&
      (!absl::SimpleAtoi(http->json_size, &json_size) || json_size > http->body.size())) {
    return Invalid("Inference-Header-Content-Length is not a size within the body");
  }
  if (json_size == 0) return Invalid("the request has no JSON");
  JsonDocument document;
  const absl::Status parsed = document.Parse(http->text, json_size);
  if (!parsed.ok())
    return Invalid("the request is no JSON: ",
                   parsed.message().empty() ? "it is not UTF-8" : parsed.message());
  const JsonValue root = document.root();
  if (root.kind() != JsonKind::kObject) return Invalid("the request must be a JSON object");
  MIRIN_ASSIGN_OR_RETURN(form->id, TextOf(root, "id"));
  MIRIN_ASSIGN_OR_RETURN(const JsonValue parameters, ParametersOf(root));
  MIRIN_RETURN_IF_ERROR(ReadRequestParameters(parameters, request, form));
  Buffer binary = http->body.Slice(json_size, http->body.size() - json_size);
  MIRIN_RETURN_IF_ERROR(ReadInputs(root.Find("inputs"), shared_memory, &binary, request));
  return ReadOutputs(root.Find("outputs"), shared_memory, request, form);
}

absl::Status WriteOipReply(const OipForm& form, const InferReply& reply,
                           SharedMemoryRegistry* shared_memory, HttpResponse* response) {
  std::string& out = response->body;
  out = "{\"model_name\":";
  AppendJsonText(form.model, &out);
  absl::StrAppend(&out, ",\"model_version\":\"", reply.version, "\"");
  if (!form.id.empty()) {
    out += ",\"id\":";
    AppendJsonText(form.id, &out);
  }
  out += ",\"outputs\":[";
  const std::vector<Tensor>& tensors = reply.instances[0].outputs;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    const OipForm::Output* wanted = i < form.outputs.size() ? &form.outputs[i] : nullptr;
    if (OipName(tensor.dtype).empty())
      return absl::InternalError(absl::StrCat("output '", reply.names[i], "' has no datatype"));
    if (i != 0) out.push_back(',');
    out += "{\"name\":";
    AppendJsonText(reply.names[i], &out);
    absl::StrAppend(&out, ",\"datatype\":\"", OipName(tensor.dtype), "\",\"shape\":[",
                    absl::StrJoin(tensor.dims, ","), "]");
    const bool shared = wanted != nullptr && wanted->shared;
    if (!shared && !(wanted != nullptr ? wanted->binary : form.binary)) {
      out += ",\"data\":";
      MIRIN_RETURN_IF_ERROR(
          Annotate(AppendData(tensor, &out), absl::StrCat("output '", reply.names[i], "'")));
      out.push_back('}');
      continue;
    }
    Buffer bytes = tensor.dtype == MIRIN_DTYPE_STRING ? JoinTexts(tensor) : tensor.data;
    if (!shared) {
      absl::StrAppend(&out, ",\"parameters\":{\"binary_data_size\":", bytes.size(), "}}");
      response->parts.push_back(std::move(bytes));
      continue;
    }
    if (bytes.size() > wanted->byte_size) {
      return Invalid(absl::StrCat("output '", wanted->name, "' has ", bytes.size(),
                                  " bytes, more than shared_memory_byte_size ", wanted->byte_size));
    }
    MIRIN_RETURN_IF_ERROR(
        Annotate(shared_memory->Write(wanted->region, wanted->offset, bytes.view()),
                 absl::StrCat("output '", wanted->name, "'")));
    out += ",\"parameters\":{\"shared_memory_region\":";
    AppendJsonText(wanted->region, &out);
    absl::StrAppend(&out, ",\"shared_memory_byte_size\":", bytes.size());
    if (wanted->offset != 0) absl::StrAppend(&out, ",\"shared_memory_offset\":", wanted->offset);
    out += "}}";
  }
  out += "]}";
  if (!response->parts.empty()) {
    response->content_type = "application/octet-stream";
    response->headers.emplace_back("Inference-Header-Content-Length", absl::StrCat(out.size()));
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
