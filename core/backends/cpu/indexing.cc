// Kernels that take or set elements at computed places.
#include <cstring>

#include "core/backends/cpu/kernel.h"
#include "core/base/status.h"

namespace mirin::cpu {
namespace {

bool IsIndex(DType dtype) { return dtype == DType::kInt32 || dtype == DType::kInt64; }

// Calls fn with pointers to the indices in their type.
template <typename Fn>
absl::Status WithIndices(const TensorView& indices, Fn fn) {
  return indices.dtype == DType::kInt64 ? fn(indices.as<int64_t>()) : fn(indices.as<int32_t>());
}

// Places in a tensor that are those of the indices but along one axis, where the index says it.
struct AxisPlaces {
  Dims dims;     // of the indices
  Dims strides;  // of the tensor
  int axis;
  int64_t n;  // of the tensor along the axis

  // fn(k, offset) for every index k.
  template <typename Index, typename Fn>
  absl::Status ForEach(const Index* indices, Fn fn) const {
    const int last = static_cast<int>(dims.size()) - 1;
    const int64_t width = dims[last], lines = width == 0 ? 0 : NumElements(dims) / width;
    int64_t k = 0;
    for (int64_t line = 0; line < lines; ++line) {
      int64_t rest = line, base = 0;
      for (int d = last - 1; d >= 0; --d) {
        if (d != axis) base += rest % dims[d] * strides[d];
        rest /= dims[d];
      }
      const int64_t step = axis == last ? 0 : strides[last];
      for (int64_t j = 0; j < width; ++j, ++k) {
        const int64_t given = indices[k], at = given < 0 ? given + n : given;
        if (at < 0 || at >= n) return IndexError(given, n);
        fn(k, base + j * step + at * strides[axis]);
      }
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<AxisPlaces> PlanPlaces(const ir::TensorType& tensor, const ir::TensorType& indices,
                                      int64_t axis) {
  const Dims &x = tensor.shape.dims(), &i = indices.shape.dims();
  if (tensor.dtype == DType::kString || SizeOf(tensor.dtype) > 8 || !IsIndex(indices.dtype) ||
      x.empty())
    return Refuse(tensor);
  MIRIN_ASSIGN_OR_RETURN(const int a, NormalizeAxis(axis, static_cast<int>(x.size())));
  for (int d = 0; d < static_cast<int>(x.size()); ++d) {
    if (d != a && i[d] > x[d]) return absl::UnimplementedError("more indices than elements");
  }
  return AxisPlaces{i, Strides(x), a, x[a]};
}

}  // namespace

// y[k] = x[.., index[k], ..]
KernelResult MakeGatherElements(const KernelRequest& r) {
  if (r.constants[1] == nullptr) return absl::UnimplementedError("a computed axis");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> axis, r.constants[1]->ToInt64s());
  MIRIN_ASSIGN_OR_RETURN(const AxisPlaces places, PlanPlaces(r.inputs[0], r.inputs[2], axis.at(0)));
  const size_t size = SizeOf(r.inputs[0].dtype);
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  return FromFunction(traits, [places, size](const KernelContext& c) {
    return WithElement(size, [&](auto zero) {
      using T = decltype(zero);
      const T* from = c.input(0).as<T>();
      T* to = c.output(0).as<T>();
      return WithIndices(c.input(2), [&](const auto* indices) {
        return places.ForEach(indices, [&](int64_t k, int64_t at) { to[k] = from[at]; });
      });
    });
  });
}

// y = x, then y[.., index[k], ..] = updates[k]
KernelResult MakeScatterElements(const KernelRequest& r) {
  if (r.node->attrs().String("reduction") != "none")
    return absl::UnimplementedError("updates that are added up");
  MIRIN_ASSIGN_OR_RETURN(const AxisPlaces places,
                         PlanPlaces(r.inputs[0], r.inputs[1], r.node->attrs().Int("axis")));
  if (r.inputs[2].dtype != r.inputs[0].dtype) return Refuse(r.inputs[2]);
  const size_t size = SizeOf(r.inputs[0].dtype);
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", r.node->op());
  return FromFunction(traits, [places, size](const KernelContext& c) {
    if (c.input(0).bytes() > 0) std::memcpy(c.output(0).data, c.input(0).data, c.input(0).bytes());
    return WithElement(size, [&](auto zero) {
      using T = decltype(zero);
      const T* from = c.input(2).as<T>();
      T* to = c.output(0).as<T>();
      return WithIndices(c.input(1), [&](const auto* indices) {
        return places.ForEach(indices, [&](int64_t k, int64_t at) { to[at] = from[k]; });
      });
    });
  });
}

// Slices of x named by rows of indices.
KernelResult MakeGatherNd(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &i = r.inputs[1].shape.dims();
  if (r.inputs[0].dtype == DType::kString || !IsIndex(r.inputs[1].dtype) || i.empty())
    return Refuse(r.inputs[0]);
  const int64_t depth = i.back(), rows = depth == 0 ? 0 : NumElements(i) / depth;
  if (depth == 0) return absl::UnimplementedError("rows without indices");
  const auto axes = static_cast<size_t>(depth);
  const Dims strides = Strides(absl::MakeConstSpan(x).subspan(0, axes));
  const size_t slice = static_cast<size_t>(NumElements(absl::MakeConstSpan(x).subspan(axes))) *
                       SizeOf(r.inputs[0].dtype);
  KernelTraits traits;
  traits.implementation = "cpu:GatherNd";
  return FromFunction(traits, [=](const KernelContext& c) {
    const char* from = c.input(0).as<char>();
    char* to = c.output(0).as<char>();
    return WithIndices(c.input(1), [&](const auto* indices) -> absl::Status {
      for (int64_t row = 0; row < rows; ++row, indices += depth) {
        int64_t place = 0;
        for (size_t d = 0; d < axes; ++d) {
          const int64_t given = indices[d], at = given < 0 ? given + x[d] : given;
          if (at < 0 || at >= x[d]) return IndexError(given, x[d]);
          place += at * strides[d];
        }
        std::memcpy(to + static_cast<size_t>(row) * slice,
                    from + static_cast<size_t>(place) * slice, slice);
      }
      return absl::OkStatus();
    });
  });
}

namespace {

template <typename T>
KernelResult NonZeroOf(const KernelRequest& r) {
  const Dims& x = r.inputs[0].shape.dims();
  KernelTraits traits;
  traits.implementation = "cpu:NonZero";
  return FromFunction(traits, [x](const KernelContext& c) {
    const T* values = c.input(0).as<T>();
    const size_t axes = x.size();
    int64_t* out = c.output(0).as<int64_t>();
    const int64_t* end = out + c.output(0).elements();
    const int64_t n = NumElements(x);
    for (int64_t k = 0; k < n && out < end; ++k) {
      if (values[k] == T{0}) continue;
      int64_t rest = k;
      for (size_t d = axes; d-- > 0;) {
        out[d] = rest % x[d];
        rest /= x[d];
      }
      out += axes;
    }
  });
}

}  // namespace

// The places of what is not zero, a row each.
KernelResult MakeNonZero(const KernelRequest& r) {
  if (r.inputs[0].shape.rank() == 0) return absl::UnimplementedError("a scalar");
  switch (r.inputs[0].dtype) {
    case DType::kBool:
      return NonZeroOf<uint8_t>(r);
    case DType::kFloat32:
      return NonZeroOf<float>(r);
    case DType::kInt64:
      return NonZeroOf<int64_t>(r);
    default:
      return Refuse(r.inputs[0]);
  }
}

}  // namespace mirin::cpu
