// Conversions between dtypes.
#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

namespace mirin::reference::kernels {
namespace {

using Text = absl::string_view;

// Integers keep all their digits; "1.5" as an integer is 1.
template <typename N>
bool Parse(Text text, N* number) {
  if constexpr (std::is_integral_v<N>) {
    if (absl::SimpleAtoi(text, number)) return true;
    double real = 0;
    if (!absl::SimpleAtod(text, &real)) return false;
    *number = FromDouble<N>(real);
    return true;
  } else {
    return absl::SimpleAtod(text, number);
  }
}

absl::Status FromTexts(const KernelContext& c) {
  const TensorView& x = c.input(0);
  return WithExact(c.output(0).dtype, [&](auto zero) -> absl::Status {
    std::vector<decltype(zero)> numbers(static_cast<size_t>(x.elements()), zero);
    for (size_t i = 0; i < numbers.size(); ++i) {
      const Text text = x.as<Text>()[i];
      if (!Parse(text, &numbers[i]))
        return absl::InvalidArgumentError(absl::StrCat("'", text.substr(0, 40), "' is no number"));
    }
    WriteAll(c.output(0), numbers);
    return absl::OkStatus();
  });
}

// Plain digits, as many as tell numbers of the dtype apart to its precision; INF, -INF and NaN.
std::string TextOf(double v, DType dtype) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "INF" : "-INF";
  char text[40];
  std::snprintf(text, sizeof text, dtype == DType::kFloat64 ? "%.17g" : "%.8g", v);
  return text;
}
std::string TextOf(int64_t v, DType) { return absl::StrCat(v); }
std::string TextOf(uint64_t v, DType) { return absl::StrCat(v); }

absl::Status ToTexts(const KernelContext& c) {
  const TensorView& x = c.input(0);
  return WithExact(x.dtype, [&](auto zero) -> absl::Status {
    const auto numbers = ReadAll<decltype(zero)>(x);
    for (size_t i = 0; i < numbers.size(); ++i) {
      MIRIN_ASSIGN_OR_RETURN(c.output(0).as<Text>()[i],
                             c.texts().Keep(TextOf(numbers[i], x.dtype)));
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status Cast(const ir::Node& /*node*/, const KernelContext& c) {
  const TensorView &x = c.input(0), &y = c.output(0);
  if (x.dtype == y.dtype) {
    if (x.bytes() > 0) std::memcpy(y.data, x.data, x.bytes());
    return absl::OkStatus();
  }
  if (x.dtype == DType::kString) return FromTexts(c);
  if (y.dtype == DType::kString) return ToTexts(c);
  WithExact(x.dtype, [&](auto zero) { WriteAll(y, ReadAll<decltype(zero)>(x)); });
  return absl::OkStatus();
}

absl::Status BitCast(const ir::Node& /*node*/, const KernelContext& c) {
  const TensorView &x = c.input(0), &y = c.output(0);
  if (x.bytes() > 0) std::memcpy(y.data, x.data, x.bytes());
  if (y.dtype == DType::kBool) {
    auto* bytes = static_cast<uint8_t*>(y.data);
    for (size_t i = 0; i < y.bytes(); ++i) bytes[i] = bytes[i] != 0;
  }
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
