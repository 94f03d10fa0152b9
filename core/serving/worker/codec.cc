#include "core/serving/worker/codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/json.h"
#include "core/base/status.h"

namespace mirin::serving::worker {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are little endian");

constexpr uint8_t kTextsAreBytes = 1;
constexpr size_t kMaxRank = 64;
constexpr size_t kMaxTensors = 4096;           // of one instance
constexpr size_t kMaxFrameTensors = 1u << 20;  // of all its instances
constexpr size_t kMaxModelInstances = 1u << 16;
constexpr size_t kMaxText = 64u << 10;

enum Place : uint8_t { kInline = 0, kSender = 1, kReceiver = 2, kTexts = 3 };

absl::Status Malformed(absl::string_view what) { return absl::InvalidArgumentError(what); }

size_t Padding(uint64_t size) { return (8 - size % 8) % 8; }

class Writer {
 public:
  Writer(FrameType type, uint64_t id) {
    Put<uint32_t>(0);
    Put(static_cast<uint32_t>(type));
    Put(id);
  }

  void Reserve(size_t payload) { out_.reserve(kFrameHead + payload); }
  template <class T>
  void Put(T value) {
    Raw({reinterpret_cast<const char*>(&value), sizeof(value)});
  }
  void Raw(absl::string_view bytes) {
    if (out_.size() + bytes.size() > kMaxFrameSize) {
      too_large_ = true;
    } else {
      out_.append(bytes.data(), bytes.size());
    }
  }
  void Bytes(absl::string_view bytes) {
    Put(static_cast<uint32_t>(bytes.size()));  // too large a text makes the frame too large
    Raw(bytes);
  }
  void Value(const Tensor& tensor, TensorPlacer* placer) {
    const bool texts = tensor.dtype == MIRIN_DTYPE_STRING;
    const std::optional<uint32_t> segment =
        !texts && tensor.data.size() >= kLargeTensor ? placer->Place(tensor.data) : std::nullopt;
    Put(static_cast<uint8_t>(tensor.dtype));
    Put<uint8_t>(tensor.is_bytes ? kTextsAreBytes : 0);
    too_many_axes_ |= tensor.dims.size() > kMaxRank;
    Put(static_cast<uint8_t>(tensor.dims.size()));
    Put<uint8_t>(texts ? kTexts : segment ? kSender : kInline);
    for (int64_t d : tensor.dims) Put(d);
    if (texts) {
      Put(static_cast<uint32_t>(tensor.texts.size()));
      for (const std::string& text : tensor.texts) Bytes(text);
    } else if (segment) {
      Put(*segment);
      Put<uint64_t>(0);
      Put<uint64_t>(tensor.data.size());
    } else {
      Put<uint64_t>(tensor.data.size());
      Raw(tensor.data.view());
      Raw(absl::string_view("\0\0\0\0\0\0\0\0", Padding(tensor.data.size())));
    }
  }
  void Values(const std::vector<Tensor>& tensors, TensorPlacer* placer) {
    Put(static_cast<uint32_t>(tensors.size()));
    for (const Tensor& tensor : tensors) Value(tensor, placer);
  }

  absl::StatusOr<std::string> Finish() && {
    if (too_many_axes_)
      return absl::InvalidArgumentError(absl::StrCat("a tensor of more than ", kMaxRank, " axes"));
    if (too_large_) {
      return absl::ResourceExhaustedError("the values do not fit a frame of 1 GiB to a worker");
    }
    return std::move(*this).Small();
  }
  // For frames that cannot get too large.
  std::string Small() && {
    const auto size = static_cast<uint32_t>(out_.size() - sizeof(uint32_t));
    std::memcpy(&out_[0], &size, sizeof(size));
    return std::move(out_);
  }

 private:
  std::string out_;
  bool too_large_ = false;
  bool too_many_axes_ = false;
};

// After a read past the end everything is 0 and ok() is false.
class Reader {
 public:
  explicit Reader(absl::string_view rest) : rest_(rest) {}

  template <class T>
  T Get() {
    T value{};
    const absl::string_view bytes = Raw(sizeof(T));
    if (ok_) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  absl::string_view Raw(uint64_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const absl::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  absl::string_view Bytes() { return Raw(Get<uint32_t>()); }
  size_t left() const { return ok_ ? rest_.size() : 0; }
  bool ok() const { return ok_; }
  // Ok when everything was there and nothing is left.
  absl::Status End() const {
    if (!ok_) return Malformed("a frame that ends early");
    return rest_.empty() ? absl::OkStatus() : Malformed("a frame with bytes after its end");
  }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

absl::Status ReadTexts(Reader& reader, Tensor* tensor) {
  const auto count = reader.Get<uint32_t>();
  if (count > reader.left() / sizeof(uint32_t)) return Malformed("a frame that ends early");
  tensor->texts.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    tensor->texts.emplace_back(reader.Bytes());
    if (!tensor->is_bytes && !IsValidUtf8(tensor->texts.back()))
      return Malformed("a text that is not UTF-8");
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensor> ReadTensor(Reader& reader, TensorFinder* finder) {
  Tensor tensor;
  tensor.dtype = static_cast<mirin_dtype>(reader.Get<uint8_t>());
  const auto flags = reader.Get<uint8_t>();
  const auto rank = reader.Get<uint8_t>();
  const auto place = reader.Get<uint8_t>();
  if (rank > kMaxRank) return Malformed(absl::StrCat("a tensor of ", rank, " axes"));
  for (uint8_t i = 0; i < rank; ++i) tensor.dims.push_back(reader.Get<int64_t>());
  tensor.is_bytes = flags == kTextsAreBytes;
  if (flags > kTextsAreBytes || (flags != 0 && tensor.dtype != MIRIN_DTYPE_STRING)) {
    return Malformed(absl::StrCat("a tensor with flags ", flags));
  }
  if (place > kTexts || (place == kTexts) != (tensor.dtype == MIRIN_DTYPE_STRING)) {
    return Malformed(
        absl::StrCat("a tensor of dtype ", static_cast<int>(tensor.dtype), " at place ", place));
  }
  if (place == kTexts) {
    MIRIN_RETURN_IF_ERROR(ReadTexts(reader, &tensor));
  } else if (place == kInline) {
    const auto size = reader.Get<uint64_t>();
    const absl::string_view bytes = reader.Raw(size);
    reader.Raw(Padding(size));
    if (reader.ok()) tensor.data = Buffer::Copy(bytes);
  } else {
    const auto segment = reader.Get<uint32_t>();
    const auto offset = reader.Get<uint64_t>();
    const auto size = reader.Get<uint64_t>();
    if (reader.ok()) {
      MIRIN_ASSIGN_OR_RETURN(tensor.data, finder->Find(place == kReceiver, segment, offset, size));
    }
  }
  if (!reader.ok()) return Malformed("a frame that ends early");
  MIRIN_RETURN_IF_ERROR(CheckSize(tensor));
  return tensor;
}

absl::StatusOr<std::vector<Tensor>> ReadTensors(Reader& reader, TensorFinder* finder,
                                                size_t* budget) {
  const auto count = reader.Get<uint32_t>();
  if (!reader.ok()) return Malformed("a frame that ends early");
  if (count > kMaxTensors || count > *budget)
    return Malformed(absl::StrCat("an instance of ", count, " tensors"));
  *budget -= count;
  std::vector<Tensor> tensors;
  for (uint32_t i = 0; i < count; ++i) {
    MIRIN_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(reader, finder));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

absl::StatusOr<Failure> ReadFailure(Reader& reader) {
  Failure failure;
  const auto code = reader.Get<uint32_t>();
  if (code == 0) return failure;
  if (code > static_cast<uint32_t>(Code::kServableUnavailable))
    return Malformed(absl::StrCat("a result of code ", code));
  failure.code = static_cast<Code>(code);
  switch (failure.code) {
    case Code::kInvalidInputs:
      failure.status = absl::StatusCode::kInvalidArgument;
      break;
    case Code::kWorkerUnavailable:
    case Code::kServableUnavailable:
      failure.status = absl::StatusCode::kUnavailable;
      break;
    default:
      failure.status = absl::StatusCode::kInternal;
  }
  failure.text = CleanText(reader.Bytes());
  return failure;
}

}  // namespace

absl::StatusOr<size_t> FrameBytes(absl::string_view bytes) {
  if (bytes.size() < kFrameHead) return 0;
  uint32_t size, type;
  std::memcpy(&size, bytes.data(), sizeof(size));
  std::memcpy(&type, bytes.data() + sizeof(size), sizeof(type));
  if (size < kFrameHead - sizeof(size) || size > kMaxFrameSize)
    return Malformed(absl::StrCat("a frame of ", size, " bytes"));
  if (type < static_cast<uint32_t>(FrameType::kHello) ||
      type > static_cast<uint32_t>(FrameType::kPong)) {
    return Malformed(absl::StrCat("a frame of type ", type));
  }
  return sizeof(size) + size;
}

Frame ParseFrame(absl::string_view bytes) {
  Frame frame;
  std::memcpy(&frame.type, bytes.data() + sizeof(uint32_t), sizeof(frame.type));
  std::memcpy(&frame.id, bytes.data() + 2 * sizeof(uint32_t), sizeof(frame.id));
  frame.payload = bytes.substr(kFrameHead);
  return frame;
}

std::string EncodeFrame(FrameType type, uint64_t id, absl::string_view payload) {
  Writer writer(type, id);
  writer.Raw(payload);
  return std::move(writer).Small();
}

std::string EncodeHello(absl::string_view json, absl::string_view key) {
  Writer writer(FrameType::kHello, 0);
  writer.Reserve(json.size() + key.size() +
                 2 * sizeof(uint32_t));  // growing would leave copies of the key
  writer.Bytes(json);
  writer.Bytes(key);
  return std::move(writer).Small();
}

std::string EncodeBuffer(uint32_t segment, uint64_t size) {
  Writer writer(FrameType::kBuffer, 0);
  writer.Put(segment);
  writer.Put(size);
  return std::move(writer).Small();
}

std::string EncodeSegmentFrame(FrameType type, uint32_t segment) {
  Writer writer(type, 0);
  writer.Put(segment);
  return std::move(writer).Small();
}

absl::StatusOr<std::string> EncodeCall(uint64_t id, const StageCall& call, TensorPlacer* placer) {
  Writer writer(FrameType::kCall, id);
  writer.Put(call.method);
  writer.Put(call.stage);
  writer.Put(static_cast<uint32_t>(call.instances.size()));
  for (const std::vector<Tensor>& instance : call.instances) writer.Values(instance, placer);
  return std::move(writer).Finish();
}

absl::StatusOr<std::string> EncodeModelReply(
    uint64_t id, const absl::StatusOr<std::vector<StageResult>>& results, TensorPlacer* placer) {
  Writer writer(FrameType::kModelReply, id);
  writer.Put(static_cast<uint32_t>(results.status().code()));
  if (!results.ok()) {
    writer.Bytes(results.status().message());
    return std::move(writer).Finish();
  }
  writer.Put(static_cast<uint32_t>(results->size()));
  for (const StageResult& result : *results) {
    writer.Put(static_cast<uint32_t>(result.failure.code));
    if (result.failure.ok()) {
      writer.Values(result.outputs, placer);
    } else {
      writer.Bytes(result.failure.text);
    }
  }
  return std::move(writer).Finish();
}

absl::StatusOr<BufferFrame> DecodeBuffer(absl::string_view payload) {
  Reader reader(payload);
  BufferFrame frame;
  frame.segment = reader.Get<uint32_t>();
  frame.size = reader.Get<uint64_t>();
  MIRIN_RETURN_IF_ERROR(reader.End());
  return frame;
}

absl::StatusOr<uint32_t> DecodeSegment(absl::string_view payload) {
  Reader reader(payload);
  const auto segment = reader.Get<uint32_t>();
  MIRIN_RETURN_IF_ERROR(reader.End());
  return segment;
}

absl::StatusOr<std::vector<StageResult>> DecodeReply(absl::string_view payload, size_t instances,
                                                     TensorFinder* finder) {
  Reader reader(payload);
  const auto count = reader.Get<uint32_t>();
  if (count != instances)
    return Malformed(absl::StrCat(count, " results for ", instances, " instances"));
  std::vector<StageResult> results(count);
  size_t budget = kMaxFrameTensors;
  for (StageResult& result : results) {
    MIRIN_ASSIGN_OR_RETURN(result.failure, ReadFailure(reader));
    if (!result.failure.ok()) continue;
    MIRIN_ASSIGN_OR_RETURN(result.outputs, ReadTensors(reader, finder, &budget));
  }
  MIRIN_RETURN_IF_ERROR(reader.End());
  return results;
}

absl::StatusOr<ModelCall> DecodeModelCall(absl::string_view payload, TensorFinder* finder) {
  Reader reader(payload);
  ModelCall call;
  call.model = std::string(reader.Bytes());
  call.subgraph = reader.Get<uint32_t>();
  call.session = std::string(reader.Bytes());
  const auto count = reader.Get<uint32_t>();
  if (!IsValidUtf8(call.model) || !IsValidUtf8(call.session))
    return Malformed("a text that is not UTF-8");
  if (count > kMaxModelInstances) return Malformed(absl::StrCat("a call of ", count, " instances"));
  if (count > reader.left() / sizeof(uint32_t)) return Malformed("a frame that ends early");
  size_t budget = kMaxFrameTensors;
  for (uint32_t i = 0; i < count; ++i) {
    MIRIN_ASSIGN_OR_RETURN(std::vector<Tensor> instance, ReadTensors(reader, finder, &budget));
    call.instances.push_back(std::move(instance));
  }
  MIRIN_RETURN_IF_ERROR(reader.End());
  return call;
}

std::string CleanText(absl::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kMaxText) {
    const size_t letter = Utf8Letter(text);
    if (letter == 0 || text[0] == '\0') {
      out += "\xef\xbf\xbd";
    } else {
      out.append(text.data(), letter);
    }
    text.remove_prefix(std::max<size_t>(letter, 1));
  }
  if (!text.empty()) out += " ..";
  return out;
}

}  // namespace mirin::serving::worker
