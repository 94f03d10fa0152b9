// What the reference kernels share: numbers of any dtype as double or int64, and N-d iteration. Clarity before speed.
#ifndef CORE_BACKENDS_REFERENCE_LOOPS_H_
#define CORE_BACKENDS_REFERENCE_LOOPS_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/backend/kernel.h"
#include "core/base/saturate.h"
#include "core/base/shape.h"
#include "core/base/status.h"
#include "core/ir/graph.h"

namespace mirin::reference {

// All elements, converted. N is double, int64_t or uint64_t; empty for strings.
template <typename N>
std::vector<N> ReadAll(const TensorView& view) {
  std::vector<N> out(static_cast<size_t>(view.elements()));
  VisitDType(
      view.dtype,
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        const T* from = view.as<T>();
        for (size_t i = 0; i < out.size(); ++i) {
          if constexpr (std::is_same_v<N, int64_t> && !std::is_integral_v<T>) {
            out[i] = FromDouble<int64_t>(static_cast<double>(from[i]));
          } else {
            out[i] = static_cast<N>(from[i]);
          }
        }
        return true;
      },
      false);
  return out;
}

// Integers wrap around when they go to a narrower integer dtype.
template <typename N>
void WriteAll(const TensorView& view, const std::vector<N>& values) {
  VisitDType(
      view.dtype,
      [&](auto tag) {
        using T = typename decltype(tag)::type;
        T* to = view.as<T>();
        for (size_t i = 0; i < values.size(); ++i) {
          if constexpr (std::is_same_v<N, double>) {
            to[i] = FromDouble<T>(values[i]);
          } else if constexpr (std::is_same_v<T, bool>) {
            to[i] = values[i] != 0;
          } else if constexpr (std::is_integral_v<T>) {
            to[i] = static_cast<T>(values[i]);
          } else {
            to[i] = FromDouble<T>(static_cast<double>(values[i]));
          }
        }
        return true;
      },
      false);
}

// Calls fn with a zero of the number type that holds every value of a dtype exactly, in order.
template <typename Fn>
auto WithExact(DType dtype, Fn&& fn) {
  if (IsFloat(dtype)) return fn(0.0);
  if (dtype == DType::kUInt64) return fn(uint64_t{0});
  return fn(int64_t{0});
}

// Integers wrap around.
template <typename N>
N Sum(N a, N b) {
  if constexpr (std::is_integral_v<N>)
    return static_cast<N>(static_cast<std::make_unsigned_t<N>>(a) +
                          static_cast<std::make_unsigned_t<N>>(b));
  return a + b;
}
template <typename N>
N Difference(N a, N b) {
  if constexpr (std::is_integral_v<N>)
    return static_cast<N>(static_cast<std::make_unsigned_t<N>>(a) -
                          static_cast<std::make_unsigned_t<N>>(b));
  return a - b;
}
template <typename N>
N Product(N a, N b) {
  if constexpr (std::is_integral_v<N>)
    return static_cast<N>(static_cast<std::make_unsigned_t<N>>(a) *
                          static_cast<std::make_unsigned_t<N>>(b));
  return a * b;
}

// a / b for numbers as they come from files: integers by 0 give 0, the least one by -1 wraps around to itself.
template <typename N>
N Quotient(N a, N b) {
  if constexpr (std::is_integral_v<N>) {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<N>) {
      if (b == -1) return static_cast<N>(-static_cast<std::make_unsigned_t<N>>(a));
    }
  }
  return a / b;
}

inline absl::Status NoKernel(const ir::Node& node, const TensorView& view) {
  return absl::UnimplementedError(
      absl::StrCat("'", node.op(), "' is not implemented for ", Name(view.dtype)));
}

// Integers of an Ints parameter.
inline std::vector<int64_t> Ints(const KernelContext& c, int i) {
  return c.has_input(i) ? ReadAll<int64_t>(c.input(i)) : std::vector<int64_t>();
}

// Strides of `dims` broadcast to rank and sizes of `to`: 0 along repeated axes.
inline Dims BroadcastStrides(absl::Span<const int64_t> dims, absl::Span<const int64_t> to) {
  const Dims own = Strides(dims);
  Dims out(to.size(), 0);
  for (size_t i = 0; i < dims.size(); ++i) {
    const size_t axis = to.size() - dims.size() + i;
    out[axis] = dims[i] == 1 ? 0 : own[i];
  }
  return out;
}

// Calls fn(offset) for every index of `dims` in C order, offset = sum of index * stride.
template <typename Fn>
void ForEachOffset(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides, Fn&& fn) {
  if (NumElements(dims) == 0) return;
  Dims index(dims.size(), 0);
  int64_t offset = 0;
  while (true) {
    fn(offset);
    int axis = static_cast<int>(dims.size()) - 1;
    for (; axis >= 0; --axis) {
      offset += strides[axis];
      if (++index[axis] < dims[axis]) break;
      offset -= strides[axis] * dims[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

// Calls fn(index) for every index of `dims` in C order.
template <typename Fn>
void ForEachIndex(absl::Span<const int64_t> dims, Fn&& fn) {
  if (NumElements(dims) == 0) return;
  Dims index(dims.size(), 0);
  while (true) {
    fn(absl::MakeConstSpan(index));
    int axis = static_cast<int>(dims.size()) - 1;
    for (; axis >= 0; --axis) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

inline int64_t Offset(absl::Span<const int64_t> index, absl::Span<const int64_t> strides) {
  int64_t offset = 0;
  for (size_t i = 0; i < index.size(); ++i) offset += index[i] * strides[i];
  return offset;
}

// The elements of `view` repeated to the shape `to`.
template <typename N>
std::vector<N> ReadBroadcast(const TensorView& view, absl::Span<const int64_t> to) {
  const std::vector<N> own = ReadAll<N>(view);
  if (view.dims == to) return own;
  std::vector<N> out;
  out.reserve(static_cast<size_t>(NumElements(to)));
  ForEachOffset(to, BroadcastStrides(view.dims, to), [&](int64_t o) { out.push_back(own[o]); });
  return out;
}

// Moves elements of any dtype by index: to[k] = from[source(k)].
class ElementMover {
 public:
  ElementMover(const TensorView& from, const TensorView& to)
      : from_(from.as<char>()), to_(to.as<char>()), size_(SizeOf(to.dtype)) {}
  void Move(int64_t from, int64_t to, int64_t count = 1) const {
    std::memcpy(to_ + to * static_cast<int64_t>(size_), from_ + from * static_cast<int64_t>(size_),
                size_ * static_cast<size_t>(count));
  }

 private:
  const char* from_;
  char* to_;
  size_t size_;
};

// x of shape [outer, n, inner] around one axis.
struct AxisView {
  int64_t outer = 1;
  int64_t n = 1;
  int64_t inner = 1;
  AxisView(absl::Span<const int64_t> dims, int axis) {
    for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
      (i < axis ? outer : i == axis ? n : inner) *= dims[i];
    }
  }
};

inline int Axis(int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

}  // namespace mirin::reference

#endif  // CORE_BACKENDS_REFERENCE_LOOPS_H_
