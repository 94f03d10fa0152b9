#include "core/serving/grpc/predict_codec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxInstances = 65536;
constexpr size_t kMaxItems = 262144;          // of all instances
constexpr size_t kMaxItemsPerInstance = 256;  // the search for an equal name is linear
constexpr size_t kMaxRank = 8;
constexpr size_t kLargeOutput = 64 << 10;  // that goes to the result memory
constexpr uint64_t kResultAlignment = 64;

// By number in the message.
constexpr mirin_dtype kDtypes[] = {
    MIRIN_DTYPE_UNKNOWN, MIRIN_DTYPE_BOOL, MIRIN_DTYPE_I8,  MIRIN_DTYPE_U8,     MIRIN_DTYPE_I16,
    MIRIN_DTYPE_U16,     MIRIN_DTYPE_I32,  MIRIN_DTYPE_U32, MIRIN_DTYPE_I64,    MIRIN_DTYPE_U64,
    MIRIN_DTYPE_F16,     MIRIN_DTYPE_F32,  MIRIN_DTYPE_F64, MIRIN_DTYPE_STRING,
};
constexpr int64_t kString = 13, kBytes = 14;

int64_t DtypeNumber(const Tensor& tensor) {
  if (tensor.dtype == MIRIN_DTYPE_STRING) return tensor.is_bytes ? kBytes : kString;
  const auto* const found = std::find(std::begin(kDtypes), std::end(kDtypes), tensor.dtype);
  return found == std::end(kDtypes) ? 0 : found - std::begin(kDtypes);
}

bool ReadSpec(MessageReader message, InferRequest* request) {
  while (message.Next()) {
    if (message.field() == 1 && !ReadText(message, &request->servable)) return false;
    if (message.field() == 2 && !ReadText(message, &request->method)) return false;
    if (message.field() == 3) request->version = static_cast<uint64_t>(message.integer());
  }
  return message.ok();
}

bool ReadPlace(MessageReader message, SharedPlace* place) {
  *place = SharedPlace();
  while (message.Next()) {
    if (message.field() == 1 && !ReadText(message, &place->region)) return false;
    if (message.field() == 2) place->region_size = static_cast<uint64_t>(message.integer());
    if (message.field() == 3) place->offset = static_cast<uint64_t>(message.integer());
    if (message.field() == 4) place->size = static_cast<uint64_t>(message.integer());
  }
  return message.ok();
}

// The fields of a Tensor; its bytes stay where they are.
struct RawTensor {
  Dims dims;
  uint64_t rank = 0;  // dims holds the first ones only, when it is too large
  int64_t dtype = 0;
  bool has_data = false, has_place = false;
  MessageReader data;
  SharedPlace place;
  uint64_t texts = 0;
  std::string text;  // the first
};

bool ReadDims(MessageReader message, RawTensor* tensor) {
  const auto add = [&](int64_t d) {
    if (++tensor->rank <= kMaxRank) tensor->dims.push_back(d);
  };
  while (message.Next()) {
    if (message.field() == 1 && !message.Integers(add)) return false;
  }
  return message.ok();
}

bool ReadRawTensor(MessageReader message, RawTensor* tensor) {
  while (message.Next()) {
    switch (message.field()) {
      case 1:
        if (!ReadDims(message.Message(), tensor)) return false;
        break;
      case 2:
        tensor->dtype = message.integer();
        break;
      case 3:
        tensor->has_data = true;
        tensor->has_place = false;
        tensor->data = message;
        break;
      case 4:
        if (tensor->texts++ == 0) {
          tensor->text = std::string(message.bytes());
        }
        break;
      case 5:
        tensor->has_place = true;
        tensor->has_data = false;
        if (!ReadPlace(message.Message(), &tensor->place)) return false;
        break;
      default:
        break;
    }
  }
  return message.ok();
}

absl::Status CheckFailed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("Tensor check failed: ", what));
}

absl::Status CheckText(const RawTensor& raw) {
  constexpr absl::string_view kFailed = "Instance tensor check failed: bytes or string type ";
  if (raw.texts != 1)
    return absl::InvalidArgumentError(absl::StrCat(kFailed, "shape batch size can only be 1"));
  if (raw.rank > 1 || (raw.rank == 1 && raw.dims[0] != 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(kFailed, "input  shape can only be (1,) or empty, but given shape is ",
                     DimsText(raw.dims)));
  }
  if (raw.dtype == kString && !IsValidUtf8(raw.text))
    return CheckFailed("MS_STRING is not valid UTF-8");
  return absl::OkStatus();
}

absl::Status MakeTensor(RawTensor& raw, const SharedMemoryRegistry& shared_memory, Tensor* tensor) {
  if (raw.dtype <= 0 || raw.dtype > kBytes)
    return CheckFailed("input data type proto::MS_UNKNOWN invalid");
  if (raw.rank > kMaxRank) {
    return CheckFailed(absl::StrCat("input  shape of rank ", raw.rank,
                                    " invalid, the rank can only be ", kMaxRank, " at most"));
  }
  tensor->dims = raw.dims;
  if (raw.dtype >= kString) {
    const absl::Status status = CheckText(raw);
    if (!status.ok()) return status;
    tensor->dtype = MIRIN_DTYPE_STRING;
    tensor->is_bytes = raw.dtype == kBytes;
    tensor->texts.push_back(std::move(raw.text));
    return absl::OkStatus();
  }
  tensor->dtype = kDtypes[raw.dtype];
  const absl::StatusOr<int64_t> elements = Elements(raw.dims);
  const bool zero_inside =
      !raw.dims.empty() && std::find(raw.dims.begin(), raw.dims.end() - 1, 0) != raw.dims.end() - 1;
  if (!elements.ok() || zero_inside)
    return CheckFailed(absl::StrCat("input  shape ", DimsText(raw.dims), " invalid"));
  const uint64_t size = raw.has_place ? raw.place.size : raw.has_data ? raw.data.bytes().size() : 0;
  const uint64_t item = mirin_dtype_size(tensor->dtype);
  if (size % item != 0 || size / item != static_cast<uint64_t>(*elements)) {
    return CheckFailed(absl::StrCat("input data size ", size, " invalid"));
  }
  if (raw.has_place) {
    absl::StatusOr<Buffer> bytes = shared_memory.Read(raw.place.region, raw.place.offset, size);
    if (!bytes.ok()) return CheckFailed(bytes.status().message());
    tensor->data = *std::move(bytes);
  } else if (size != 0) {
    tensor->data = raw.data.Data(item);
  }
  return absl::OkStatus();
}

using OutputBuffers = std::vector<std::pair<std::string, SharedPlace>>;

// Reads an entry of a map: fields 1 (a name) and 2 (a message).
bool ReadEntry(MessageReader entry, std::string* key, MessageReader* value) {
  while (entry.Next()) {
    if (entry.field() == 1 && !ReadText(entry, key)) return false;
    if (entry.field() == 2) {
      if (!entry.is_bytes()) return false;
      *value = entry.Message();
    }
  }
  return entry.ok();
}

bool ReadInstance(MessageReader message, const SharedMemoryRegistry& shared_memory,
                  Instance* instance, OutputBuffers* buffers, PredictCall* call) {
  while (message.Next()) {
    if (message.field() != 1 && message.field() != 2) continue;
    std::string name;
    MessageReader value;
    if (!message.is_bytes() || !ReadEntry(message.Message(), &name, &value)) return false;
    if (instance->size() + buffers->size() >= kMaxItemsPerInstance) {
      if (call->failure.ok()) {
        call->failure = InvalidInputs(absl::StrCat("An instance of the request has more than ",
                                                   kMaxItemsPerInstance, " items"));
      }
      return true;
    }
    if (message.field() == 2) {
      SharedPlace place;
      if (!ReadPlace(value, &place)) return false;
      const absl::Status known = shared_memory.Read(place.region, place.offset, 0).status();
      if (!known.ok() && call->failure.ok()) {
        call->failure = InvalidInputs(
            absl::StrCat("Output buffer ", name, " check failed, detail: ", known.message()));
      }
      buffers->emplace_back(std::move(name), std::move(place));
      continue;
    }
    RawTensor raw;
    if (!ReadRawTensor(value, &raw)) return false;
    auto item = std::find_if(instance->begin(), instance->end(),
                             [&](const NamedTensor& t) { return t.name == name; });
    if (item == instance->end()) {
      instance->emplace_back();
      item = instance->end() - 1;
      item->name = name;
    }
    item->value = Tensor();
    const absl::Status status = MakeTensor(raw, shared_memory, &item->value);
    if (item->value.data.is_foreign()) {
      call->attached_bytes += item->value.data.size();
      call->attached_key = raw.place.region;
    }
    if (!status.ok() && call->failure.ok()) {
      call->failure = InvalidInputs(
          absl::StrCat("Instances input ", name, " check failed, detail: ", status.message()));
      call->failed_input = name;
    }
  }
  return message.ok();
}

}  // namespace

bool ReadPredictRequest(MessageReader message, const SharedMemoryRegistry& shared_memory,
                        PredictCall* call) {
  size_t items = 0;
  InferRequest& request = *call->request;
  while (message.Next()) {
    if (message.field() == 1 && !ReadSpec(message.Message(), &request)) return false;
    if (message.field() == 1000) {
      if (!message.is_bytes() || !ReadPlace(message.Message(), &call->result_memory)) return false;
      const SharedPlace& place = call->result_memory;
      const absl::Status known =
          shared_memory.attached().Read(place.region, place.offset, place.size).status();
      if (!known.ok() && call->failure.ok())
        call->failure =
            InvalidInputs(absl::StrCat("Result memory check failed, detail: ", known.message()));
    }
    if (message.field() != 2) continue;
    if (!message.is_bytes()) return false;
    if (request.instances.size() >= kMaxInstances || items > kMaxItems) {
      call->failure =
          InvalidInputs(absl::StrCat("Instances count of request cannot exceed ", kMaxInstances));
      return true;
    }
    OutputBuffers buffers;
    request.instances.emplace_back();
    if (!ReadInstance(message.Message(), shared_memory, &request.instances.back(), &buffers, call))
      return false;
    items += request.instances.back().size();
    if (!buffers.empty()) {
      call->output_buffers.resize(request.instances.size());
      call->output_buffers.back() = std::move(buffers);
    }
  }
  if (!message.ok()) return false;
  if (request.instances.empty())
    call->failure = InvalidInputs("Instances count of request cannot be 0");
  return true;
}

namespace {

void WriteError(const Failure& failure, WireWriter* out) {
  WireWriter error;
  if (!failure.ok()) {
    error.Integer(1, static_cast<int32_t>(failure.code));
    error.Bytes(2, failure.text);
  }
  out->Message(4, error);
}

// An output: a Tensor's fields up to the bytes themselves, and the bytes.
struct OutputParts {
  const std::string* name;
  WireWriter head;
  Buffer data;
  size_t tensor_size() const { return head.bytes().size() + data.size(); }
  size_t entry_size() const {
    return WireWriter::BytesSize(1, name->size()) + WireWriter::BytesSize(2, tensor_size());
  }
};

// What is left of the memory for results.
class ResultMemory {
 public:
  explicit ResultMemory(const SharedPlace& place) : left_(place) {}

  // Where `size` bytes go; null: they go inline.
  const SharedPlace* Take(uint64_t size) {
    const uint64_t skipped = -left_.offset % kResultAlignment;
    if (size < kLargeOutput || skipped > left_.size || size > left_.size - skipped) return nullptr;
    taken_ = {left_.region, left_.region_size, left_.offset + skipped, size};
    left_.offset += skipped + size;
    left_.size -= skipped + size;
    return &taken_;
  }

 private:
  SharedPlace left_, taken_;
};

absl::Status WriteOutput(const Tensor& tensor, const SharedPlace* place,
                         const SharedMemoryRegistry& shared_memory, OutputParts* parts) {
  const int64_t dtype = DtypeNumber(tensor);
  if (dtype == 0) {
    return absl::UnimplementedError(absl::StrCat("Output ", *parts->name, " is of type ",
                                                 mirin_dtype_name(tensor.dtype),
                                                 ", which the protocol does not have"));
  }
  WireWriter shape;
  shape.Packed(1, tensor.dims);
  parts->head.Message(1, shape);
  parts->head.Integer(2, dtype);
  for (const std::string& text : tensor.texts) parts->head.Bytes(4, text);
  if (place != nullptr) {
    const size_t size = tensor.data.size();
    if (tensor.dtype == MIRIN_DTYPE_STRING || size > place->size) {
      return absl::InvalidArgumentError(absl::StrCat("Output ", *parts->name, " of ", size,
                                                     " bytes does not fit its output buffer of ",
                                                     place->size));
    }
    const absl::Status status =
        shared_memory.Write(place->region, place->offset, tensor.data.view());
    if (!status.ok()) return status;
    WireWriter shm;
    shm.Bytes(1, place->region);
    shm.Integer(2, static_cast<int64_t>(place->region_size));
    shm.Integer(3, static_cast<int64_t>(place->offset));
    shm.Integer(4, static_cast<int64_t>(size));
    parts->head.Message(5, shm);
  } else if (tensor.data.size() != 0) {
    parts->head.Prefix(3, tensor.data.size());
    parts->data = tensor.data;
  }
  return absl::OkStatus();
}

using InstanceParts = absl::InlinedVector<OutputParts, 2>;

void WriteInstance(const InstanceParts& outputs, ReplyWriter* out) {
  size_t size = 0;
  for (const OutputParts& output : outputs) size += WireWriter::BytesSize(1, output.entry_size());
  out->wire().Prefix(3, size);
  for (const OutputParts& output : outputs) {
    out->wire().Prefix(1, output.entry_size());
    out->wire().Bytes(1, *output.name);
    out->wire().Prefix(2, output.tensor_size());
    out->wire().Append(output.head.bytes());
    out->Data(output.data);
  }
}

const SharedPlace* FindPlace(const decltype(PredictCall::output_buffers)& all, size_t instance,
                             const std::string& name) {
  if (instance >= all.size()) return nullptr;
  for (const auto& [output, place] : all[instance]) {
    if (output == name) return &place;
  }
  return nullptr;
}

}  // namespace

void WritePredictReply(const PredictEcho& echo, const InferReply& reply,
                       const SharedMemoryRegistry& shared_memory,
                       const decltype(PredictCall::output_buffers)& output_buffers,
                       const SharedPlace& result_memory, ReplyWriter* out) {
  WireWriter spec;
  if (!echo.servable.empty()) spec.Bytes(1, echo.servable);
  if (!echo.method.empty()) spec.Bytes(2, echo.method);
  if (echo.version != 0) spec.Integer(3, static_cast<int64_t>(echo.version));
  out->wire().Message(1, spec);
  if (!reply.failure.ok()) {
    WriteError(reply.failure, &out->wire());
    return;
  }

  const size_t count = reply.instances.size();
  std::vector<InstanceParts> instances(count);
  std::vector<Failure> failures(count);
  size_t failed = 0;
  bool all_equal = true;
  ResultMemory results(result_memory);
  for (size_t i = 0; i < count; ++i) {
    failures[i] = reply.instances[i].failure;
    const std::vector<Tensor>& outputs = reply.instances[i].outputs;
    for (size_t k = 0; failures[i].ok() && k < outputs.size() && k < reply.names.size(); ++k) {
      instances[i].emplace_back();
      instances[i].back().name = &reply.names[k];
      const SharedPlace* place = FindPlace(output_buffers, i, reply.names[k]);
      if (place == nullptr) place = results.Take(outputs[k].data.size());
      const absl::Status status =
          WriteOutput(outputs[k], place, shared_memory, &instances[i].back());
      if (!status.ok())
        failures[i] = {Code::kInvalidInputs, status.code(), std::string(status.message())};
    }
    if (failures[i].ok()) continue;
    instances[i].clear();
    ++failed;
    all_equal =
        all_equal && failures[i].code == failures[0].code && failures[i].text == failures[0].text;
  }
  if (failed != 0 && failed == count && all_equal) {
    WriteError(failures[0], &out->wire());
    return;
  }
  for (const InstanceParts& instance : instances) WriteInstance(instance, out);
  for (size_t i = 0; failed != 0 && i < count; ++i) WriteError(failures[i], &out->wire());
}

}  // namespace mirin::serving
