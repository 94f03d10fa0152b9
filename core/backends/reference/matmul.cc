#include <algorithm>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"
#include "core/ops/activation_kind.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {
namespace {

absl::Status Multiply(const ir::Node& node, const KernelContext& c) {
  const TensorView &a = c.input(0), &b = c.input(1), &y = c.output(0);
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind activation,
                         ops::ParseActivation(node.attrs().String("activation")));
  const bool ta = node.attrs().Bool("transpose_a") && a.rank() > 1,
             tb = node.attrs().Bool("transpose_b") && b.rank() > 1;
  const auto dim = [](const TensorView& t, int from_end) { return t.dims[t.rank() - from_end]; };
  const int64_t m = a.rank() == 1 ? 1 : dim(a, ta ? 1 : 2),
                k = a.rank() == 1 ? a.dims[0] : dim(a, ta ? 2 : 1);
  const int64_t n = b.rank() == 1 ? 1 : dim(b, tb ? 2 : 1);
  const size_t batch_rank = y.dims.size() - (a.rank() > 1) - (b.rank() > 1);
  const auto batch = y.dims.subspan(0, batch_rank);
  const Dims strides_a =
      BroadcastStrides(a.dims.subspan(0, static_cast<size_t>(std::max(0, a.rank() - 2))), batch);
  const Dims strides_b =
      BroadcastStrides(b.dims.subspan(0, static_cast<size_t>(std::max(0, b.rank() - 2))), batch);
  std::vector<int64_t> at_a, at_b;
  ForEachOffset(batch, strides_a, [&](int64_t o) { at_a.push_back(o * m * k); });
  ForEachOffset(batch, strides_b, [&](int64_t o) { at_b.push_back(o * k * n); });
  const auto run = [&](auto zero) {
    using N = decltype(zero);
    const std::vector<N> as = ReadAll<N>(a), bs = ReadAll<N>(b);
    std::vector<N> ys(static_cast<size_t>(y.elements()), 0);
    for (size_t t = 0; t < at_a.size(); ++t) {
      N* to = ys.data() + static_cast<int64_t>(t) * m * n;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t p = 0; p < k; ++p) {
          const N left = as[at_a[t] + (ta ? p * m + i : i * k + p)];
          for (int64_t j = 0; j < n; ++j)
            to[i * n + j] =
                Sum(to[i * n + j], Product(left, bs[at_b[t] + (tb ? j * k + p : p * n + j)]));
        }
      }
    }
    if (c.has_input(2)) {
      const std::vector<N> bias = ReadAll<N>(c.input(2));
      for (size_t i = 0; i < ys.size(); ++i) ys[i] = Sum(ys[i], bias[i % bias.size()]);
    }
    if constexpr (std::is_same_v<N, double>) {
      for (N& e : ys) e = ops::Apply(activation, e);
    }
    WriteAll(y, ys);
  };
  IsFloat(a.dtype) ? run(0.0) : run(int64_t{0});
  return absl::OkStatus();
}

}  // namespace

MIRIN_KERNEL(MatMul) { return Multiply(node, c); }
MIRIN_KERNEL(BatchMatMul) { return Multiply(node, c); }
MIRIN_KERNEL(MatMulExt) { return Multiply(node, c); }
MIRIN_KERNEL(Dense) { return Multiply(node, c); }

}  // namespace mirin::reference::kernels
