// Values as JSON texts.
#ifndef CORE_SERVING_HTTP_JSON_TEXT_H_
#define CORE_SERVING_HTTP_JSON_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

// With quotes. Bytes that are no UTF-8 become U+FFFD.
void AppendJsonText(absl::string_view text, std::string* out);

// Strict: the alphabet of RFC 4648, padded to a multiple of four. False when it is not that.
bool DecodeBase64(absl::string_view text, std::string* out);

// How float32 and float16 are printed: as the double they are (0.10000000149011612), or in the fewest digits that bring them back
// (0.1). NaN and the infinities are null either way.
enum class FloatStyle { kDouble, kShortest };

// The numbers or bools of `tensor` (not STRING; sizes must fit) as an array of arrays in the form of `dims`, a bare value when those
// are empty.
void AppendTensor(const Tensor& tensor, absl::Span<const int64_t> dims, FloatStyle style,
                  std::string* out);

// Rows of an empty tensor that are printed at most: [2,0] is [[],[]], a larger one is [].
constexpr int64_t kMaxEmptyRows = 1 << 20;
absl::Span<const int64_t> PrintableDims(absl::Span<const int64_t> dims);

// Arrays in the form of `dims`; leaf(i) appends element i, from 0.
template <typename Leaf>
void AppendNested(absl::Span<const int64_t> dims, int64_t* next, Leaf&& leaf, std::string* out) {
  if (dims.empty()) {
    leaf((*next)++);
    return;
  }
  out->push_back('[');
  for (int64_t i = 0; i < dims[0]; ++i) {
    if (i != 0) out->push_back(',');
    AppendNested(dims.subspan(1), next, leaf, out);
  }
  out->push_back(']');
}

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_JSON_TEXT_H_
