#include "core/tools/values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "core/base/status.h"

namespace mirin::tools {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 36;

// xorshift64*: the same numbers everywhere.
uint64_t NextRandom(uint64_t* state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1dULL;
}

template <typename T>
void Fill(void* data, int64_t n, uint64_t seed, T (*make)(uint64_t)) {
  uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(data)[i] = make(NextRandom(&state));
}

float UnitFloat(uint64_t bits) { return static_cast<float>(bits >> 40) / 8388608.0f - 1.0f; }

template <typename T>
T Bit(uint64_t bits) {
  return static_cast<T>(bits >> 63);
}

// Floats as integers in their order, so that neighbours differ by one.
template <typename Signed, typename T>
double Position(T value) {
  Signed bits;
  static_assert(sizeof bits == sizeof value);
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<double>(
      bits < 0 ? static_cast<Signed>(std::numeric_limits<Signed>::min() - bits) : bits);
}

double PositionAt(mirin_dtype dtype, const void* data, int64_t i) {
  const auto at = [&](auto zero) {
    std::memcpy(&zero, static_cast<const char*>(data) + static_cast<size_t>(i) * sizeof zero,
                sizeof zero);
    return zero;
  };
  switch (dtype) {
    case MIRIN_DTYPE_F32:
      return Position<int32_t>(at(0.0f));
    case MIRIN_DTYPE_F64:
      return Position<int64_t>(at(0.0));
    case MIRIN_DTYPE_F16:
    case MIRIN_DTYPE_BF16:
      return Position<int16_t>(at(int16_t{0}));
    default:
      return NumberAt(dtype, data, i);
  }
}

std::vector<TensorSpec> Specs(const mirin_model* model, size_t count,
                              const char* (*name)(const mirin_model*, size_t),
                              mirin_dtype (*dtype)(const mirin_model*, size_t),
                              int32_t (*rank)(const mirin_model*, size_t),
                              const int64_t* (*dims)(const mirin_model*, size_t)) {
  std::vector<TensorSpec> specs;
  for (size_t i = 0; i < count; ++i) {
    TensorSpec spec;
    spec.name = name(model, i);
    spec.dtype = dtype(model, i);
    const int32_t r = rank(model, i);
    spec.rank_known = r >= 0;
    if (r > 0) spec.dims.assign(dims(model, i), dims(model, i) + r);
    specs.push_back(std::move(spec));
  }
  return specs;
}

bool Fits(const TensorSpec& spec, const Dims& dims) {
  if (!spec.rank_known) return true;
  if (spec.dims.size() != dims.size()) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (spec.dims[i] >= 0 && spec.dims[i] != dims[i]) return false;
  }
  return true;
}

}  // namespace

std::vector<TensorSpec> InputsOf(const mirin_model* m) {
  return Specs(m, mirin_model_input_count(m), mirin_model_input_name, mirin_model_input_dtype,
               mirin_model_input_rank, mirin_model_input_dims);
}

std::vector<TensorSpec> OutputsOf(const mirin_model* m) {
  return Specs(m, mirin_model_output_count(m), mirin_model_output_name, mirin_model_output_dtype,
               mirin_model_output_rank, mirin_model_output_dims);
}

std::string ToString(const Dims& dims) {
  return absl::StrCat("[",
                      absl::StrJoin(dims, ",",
                                    [](std::string* out, int64_t d) {
                                      absl::StrAppend(out, d < 0 ? "?" : absl::StrCat(d));
                                    }),
                      "]");
}

std::string ToString(const TensorSpec& spec) {
  return absl::StrCat(mirin_dtype_name(spec.dtype),
                      spec.rank_known ? ToString(spec.dims) : "[...]");
}

absl::StatusOr<Shapes> ParseNamedShapes(absl::string_view text) {
  Shapes shapes;
  for (absl::string_view part : absl::StrSplit(text, ';', absl::SkipEmpty())) {
    const size_t colon = part.rfind(':');
    if (colon == absl::string_view::npos || colon == 0)
      return absl::InvalidArgumentError(absl::StrCat("the shape '", part, "' is not NAME:D,D.."));
    Dims dims;
    for (absl::string_view number :
         absl::StrSplit(part.substr(colon + 1), ',', absl::SkipEmpty())) {
      int64_t d = 0;
      if (!absl::SimpleAtoi(number, &d) || d < 0)
        return absl::InvalidArgumentError(
            absl::StrCat("'", number, "' in '", part, "' is no size"));
      dims.push_back(d);
    }
    shapes[std::string(part.substr(0, colon))] = std::move(dims);
  }
  return shapes;
}

absl::StatusOr<Dims> Concrete(const TensorSpec& spec, const Shapes& shapes) {
  const auto it = shapes.find(spec.name);
  if (it != shapes.end()) {
    if (!Fits(spec, it->second)) {
      return absl::InvalidArgumentError(absl::StrCat("the shape ", ToString(it->second),
                                                     " does not fit input '", spec.name, "' ",
                                                     ToString(spec)));
    }
    return it->second;
  }
  if (!spec.rank_known)
    return absl::InvalidArgumentError(
        absl::StrCat("input '", spec.name, "' takes any rank: give its shape"));
  Dims dims = spec.dims;
  for (int64_t& d : dims) d = d < 0 ? 1 : d;
  return dims;
}

absl::StatusOr<TensorPtr> RandomTensor(mirin_dtype dtype, const Dims& dims, uint64_t seed) {
  mirin_tensor* raw = nullptr;
  if (dtype == MIRIN_DTYPE_STRING) {
    int64_t n = 1;
    for (const int64_t d : dims) n *= d;
    const std::vector<const char*> texts(static_cast<size_t>(n), "");
    const std::vector<size_t> sizes(static_cast<size_t>(n), 0);
    MIRIN_RETURN_IF_ERROR(Take(
        mirin_tensor_create_strings(dims.data(), dims.size(), texts.data(), sizes.data(), &raw)));
    return TensorPtr(raw);
  }
  MIRIN_RETURN_IF_ERROR(Take(mirin_tensor_create(dtype, dims.data(), dims.size(), &raw)));
  TensorPtr tensor(raw);
  void* data = mirin_tensor_mutable_data(raw);
  const int64_t n = mirin_tensor_elements(raw);
  switch (dtype) {
    case MIRIN_DTYPE_F32:
      Fill<float>(data, n, seed, UnitFloat);
      break;
    case MIRIN_DTYPE_F64:
      Fill<double>(data, n, seed, [](uint64_t b) { return static_cast<double>(UnitFloat(b)); });
      break;
    case MIRIN_DTYPE_F16:
    case MIRIN_DTYPE_BF16: {
      std::vector<float> wide(static_cast<size_t>(n));
      Fill<float>(wide.data(), n, seed, UnitFloat);
      (dtype == MIRIN_DTYPE_F16 ? mirin_f32_to_f16 : mirin_f32_to_bf16)(
          wide.data(), static_cast<uint16_t*>(data), wide.size());
      break;
    }
    default:
      switch (mirin_dtype_size(dtype)) {
        case 1:
          Fill<uint8_t>(data, n, seed, Bit<uint8_t>);
          break;
        case 2:
          Fill<uint16_t>(data, n, seed, Bit<uint16_t>);
          break;
        case 4:
          Fill<uint32_t>(data, n, seed, Bit<uint32_t>);
          break;
        default:
          Fill<uint64_t>(data, n, seed, Bit<uint64_t>);
          break;
      }
  }
  return tensor;
}

absl::StatusOr<TensorPtr> FromArray(const NpzArray& array, const TensorSpec& spec) {
  const bool text = array.is_text();
  const int dtype = text ? static_cast<int>(MIRIN_DTYPE_STRING) : array.dtype();
  if (dtype != static_cast<int>(spec.dtype) || !Fits(spec, array.dims)) {
    return absl::InvalidArgumentError(absl::StrCat("'", spec.name, "' is ", array.descr,
                                                   ToString(array.dims), ", the model takes ",
                                                   ToString(spec)));
  }
  mirin_tensor* raw = nullptr;
  if (text) {
    std::vector<std::string> owned;
    for (int64_t i = 0; i < array.elements(); ++i) owned.push_back(array.Text(i));
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const std::string& t : owned) {
      texts.push_back(t.data());
      sizes.push_back(t.size());
    }
    MIRIN_RETURN_IF_ERROR(Take(mirin_tensor_create_strings(array.dims.data(), array.dims.size(),
                                                           texts.data(), sizes.data(), &raw)));
    return TensorPtr(raw);
  }
  MIRIN_RETURN_IF_ERROR(
      Take(mirin_tensor_create(spec.dtype, array.dims.data(), array.dims.size(), &raw)));
  if (!array.bytes.empty())
    std::memcpy(mirin_tensor_mutable_data(raw), array.bytes.data(), array.bytes.size());
  return TensorPtr(raw);
}

absl::StatusOr<TensorPtr> FromFile(const std::string& path, mirin_dtype dtype, const Dims& dims) {
  mirin_tensor* raw = nullptr;
  MIRIN_RETURN_IF_ERROR(Take(mirin_tensor_create(dtype, dims.data(), dims.size(), &raw)));
  TensorPtr tensor(raw);
  MIRIN_ASSIGN_OR_RETURN(const FileBytes file, MapFile(path, kMaxFileBytes));
  if (file.bytes.size() != mirin_tensor_size(raw)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path, "' has ", file.bytes.size(), " bytes, ", mirin_dtype_name(dtype),
                     ToString(dims), " takes ", mirin_tensor_size(raw)));
  }
  std::memcpy(mirin_tensor_mutable_data(raw), file.bytes.data(), file.bytes.size());
  return tensor;
}

Distance Compare(mirin_dtype dtype, const void* tensor, const void* reference, int64_t elements) {
  Distance d;
  double dot = 0, aa = 0, bb = 0, bias = 0;
  for (int64_t i = 0; i < elements; ++i) {
    const double a = NumberAt(dtype, tensor, i), b = NumberAt(dtype, reference, i);
    if (!std::isfinite(a) || !std::isfinite(b)) {
      d.special += (a == b || (std::isnan(a) && std::isnan(b))) ? 0 : 1;
      continue;
    }
    const double difference = std::fabs(a - b);
    d.max_abs = std::max(d.max_abs, difference);
    if (difference > 0)
      d.max_ulp = std::max(
          d.max_ulp, std::fabs(PositionAt(dtype, tensor, i) - PositionAt(dtype, reference, i)));
    d.largest = std::max(d.largest, std::fabs(b));
    bias += b == 0 ? difference : difference / std::fabs(b);
    dot += a * b;
    aa += a * a;
    bb += b * b;
  }
  if (elements > 0) d.relative_bias = bias / static_cast<double>(elements);
  if (aa > 0 && bb > 0) d.cosine = dot / std::sqrt(aa) / std::sqrt(bb);
  if ((aa > 0) != (bb > 0)) d.cosine = 0;
  return d;
}

}  // namespace mirin::tools
