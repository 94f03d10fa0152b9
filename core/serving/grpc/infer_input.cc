#include "core/serving/grpc/infer_input.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/base/wire.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxParameters = 256;
constexpr uint64_t kMaxRank = 8;

}  // namespace

// An entry of map<string, InferParameter>.
absl::Status ReadParameter(const MessageReader& field, Parameters* parameters) {
  if (parameters->size() >= kMaxParameters)
    return absl::InvalidArgumentError("too many parameters");
  Parameter parameter;
  WireReader entry(field.bytes());
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

namespace {

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
    return SplitTexts(raw.bytes(), elements, tensor);
  }
  MIRIN_RETURN_IF_ERROR(CheckBytes(*tensor, elements, raw.bytes().size()));
  tensor->data = raw.Data(mirin_dtype_size(tensor->dtype));
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
  std::string bytes;
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
        tensor->texts.emplace_back(contents.bytes());
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
    const auto add_value = [&](auto v) { add(&v); };
    const bool good =
        wanted == 6 ? contents.Floats<float>(add_value) : contents.Floats<double>(add_value);
    if (!good) return NotARequest();
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

}  // namespace

namespace {

absl::Status Fill(const RawInput& input, const std::vector<MessageReader>& raw, size_t* next_raw,
                  const SharedMemoryRegistry& shared_memory, Tensor* tensor) {
  tensor->dtype = DtypeFromOip(input.datatype);
  if (tensor->dtype == MIRIN_DTYPE_UNKNOWN) {
    return absl::InvalidArgumentError(absl::StrCat("unknown datatype '", input.datatype, "'"));
  }
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

}  // namespace

absl::Status FillInput(const RawInput& input, const std::vector<MessageReader>& raw,
                       size_t* next_raw, const SharedMemoryRegistry& shared_memory,
                       Tensor* tensor) {
  MIRIN_RETURN_IF_ERROR(Fill(input, raw, next_raw, shared_memory, tensor));
  DecideText(tensor);
  return absl::OkStatus();
}

}  // namespace mirin::serving
