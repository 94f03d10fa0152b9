// Matrix products of bytes: activations that come as bytes, or become bytes row by row; 1x1 convolutions over channels-last images.
#include <algorithm>

#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/int8_gemm.h"
#include "core/base/status.h"
#include "core/ops/window.h"

namespace mirin::cpu {
namespace {

// What both kinds have: x[m, k] times the constant weight, a scale and perhaps a bias per column.
struct Product {
  int64_t m = 1, n = 0, k = 0;
  PackedInt8 weight;
  bool has_bias = false;
  UnaryKind activation = UnaryKind::kIdentity;

  // Bytes of all prepared rows, of their scales and of their zero points, one after the other.
  size_t RowBytes() const { return static_cast<size_t>((m * PreparedBytes(k) + 63) / 64 * 64); }
  size_t scratch_bytes() const {
    return RowBytes() + static_cast<size_t>(m) * (sizeof(float) + sizeof(int32_t));
  }

  Int8GemmArgs Args(const KernelContext& c) const {
    Int8GemmArgs g = {};
    g.m = m;
    g.n = n;
    g.k = k;
    g.a = c.scratch();
    g.a_row = PreparedBytes(k);
    g.packed_b = weight.panels.get();
    g.sums = weight.sums();
    g.interleaved = weight.interleaved;
    g.activation = activation;
    g.activate = Simd().unary;
    g.c_row = n;
    return g;
  }
};

// Bytes whose rounding bounds are all of the activation.
bool TakesInterleaved(const KernelRequest& r, const Product& p) {
  return IsByte(r.outputs[0].dtype) &&
         (p.activation == UnaryKind::kIdentity || p.activation == UnaryKind::kRelu ||
          p.activation == UnaryKind::kRelu6);
}

absl::StatusOr<Product> Plan(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims();
  if (!r.can_pack(1)) return absl::UnimplementedError("computed weights");
  Product p;
  const bool transposed = r.node->attrs().Bool("transpose_b");
  p.k = w[transposed ? 1 : 0];
  p.n = w[transposed ? 0 : 1];
  p.m = NumElements(absl::MakeConstSpan(x).subspan(0, x.size() - 1));
  if (p.m == 0 || p.n == 0 || p.k == 0) return absl::UnimplementedError("an empty tensor");
  if (p.k > kMaxInt8Depth)
    return absl::UnimplementedError(absl::StrCat("sums of ", p.k, " products"));
  p.has_bias = r.has_input(3);
  if (r.node->op() != "MatMulInteger") {
    MIRIN_ASSIGN_OR_RETURN(p.activation, FusedActivation(*r.node));
  }
  MIRIN_ASSIGN_OR_RETURN(p.weight, PackInt8(r, 1, p.k, p.n, transposed ? 1 : p.n,
                                            transposed ? p.k : 1, TakesInterleaved(r, p)));
  return p;
}

std::string Name(absl::string_view kernel) {
  return absl::StrCat("cpu:", kernel, ":", Int8().name);
}

}  // namespace

KernelResult MakeDynamicQuantMatMul(const KernelRequest& r) {
  MIRIN_ASSIGN_OR_RETURN(const Product p, Plan(r));
  const bool by_row = r.node->attrs().String("range") == "row";
  KernelTraits traits;
  traits.implementation = Name(by_row ? "int8_gemm_rows" : "int8_gemm_tensor");
  traits.consumed = 2;
  traits.scratch_bytes = p.scratch_bytes();
  return FromFunction(traits, [p, by_row, &kernels = Int8()](const KernelContext& c) {
    char* rows = static_cast<char*>(c.scratch());
    float* scales = reinterpret_cast<float*>(rows + p.RowBytes());
    int32_t* zeros = reinterpret_cast<int32_t*>(scales + p.m);
    Int8GemmArgs g = p.Args(c);
    const float* x = c.input(0).as<float>();
    const Int8Form whole = by_row ? Int8Form() : RangeForm(c.threads(), x, p.m * p.k);
    c.threads().ParallelFor(
        p.m, std::max<int64_t>(1, kElementGrain / p.k), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            Int8Form form = whole;
            if (by_row) {
              float low, high;
              kernels.range(x + i * p.k, p.k, &low, &high);
              form = kernels.form_of_range(low, high);
            }
            kernels.quantize_row(x + i * p.k, p.k, form, rows + i * g.a_row, zeros + i);
            scales[i] = form.scale;
          }
        });
    g.scale = c.input(2).as<float>();
    g.bias = p.has_bias ? c.input(3).as<float>() : nullptr;
    g.row_scales = scales;
    g.zeros = zeros;
    g.row_step = 1;
    g.c = c.output(0).as<float>();
    ParallelInt8Gemm(c.threads(), g);
  });
}

namespace {

// The rows of a product that are pixels of channels-last images: every stride_y-th of a column, every stride_x-th of a row.
struct Pixels {
  int64_t height = 1, width = 1;  // of an image
  int64_t rows = 1, columns = 1;  // of those that count
  int64_t stride_y = 1, stride_x = 1;

  bool all() const { return stride_y == 1 && stride_x == 1; }
  // The place of row i of the product among all pixels.
  int64_t Place(int64_t i) const {
    if (all()) return i;
    const int64_t line = i / columns;
    return (line / rows * height + line % rows * stride_y) * width + i % columns * stride_x;
  }
};

// A product of bytes whose zero point is zero_of(context); set_result(context, args) says what it gives.
template <typename Zero, typename Result>
KernelResult MakeProductOfBytes(const KernelRequest& r, const Product& p, KernelTraits traits,
                                const Pixels& pixels, Zero zero_of, Result set_result) {
  const bool is_signed = r.inputs[0].dtype == DType::kInt8;
  // Rows that are as the GEMM wants them are read where they are.
  const bool as_they_are =
      Int8().a_bytes == 1 && !is_signed && p.k % Int8().depth_step == 0 && pixels.all();
  traits.implementation = Name("int8_gemm");
  traits.scratch_bytes = as_they_are ? 0 : p.scratch_bytes();
  return FromFunction(traits, [=, &kernels = Int8()](const KernelContext& c) {
    Int8GemmArgs g = p.Args(c);
    const uint8_t* x = c.input(0).as<uint8_t>();
    const int32_t x_zero = zero_of(c);
    int32_t zero = x_zero;
    if (as_they_are) {
      g.a = x;
      g.a_row = p.k;
    } else {
      char* rows = static_cast<char*>(c.scratch());
      c.threads().ParallelFor(p.m, std::max<int64_t>(1, kElementGrain / p.k),
                              [&](int64_t begin, int64_t end) {
                                for (int64_t i = begin; i < end; ++i) {
                                  int32_t of_row = x_zero;
                                  kernels.prepare_row(x + pixels.Place(i) * p.k, p.k, is_signed,
                                                      &of_row, rows + i * g.a_row);
                                }
                              });
      kernels.prepare_row(x, 0, is_signed, &zero, rows);
    }
    const float one = 1;
    g.row_scales = &one;
    g.zeros = &zero;
    set_result(c, &g);
    ParallelInt8Gemm(c.threads(), g);
  });
}

// The same, scaled to floats or bytes as the attributes of r say.
KernelResult MakeScaledProduct(const KernelRequest& r, const Product& p, const KernelTraits& traits,
                               const Pixels& pixels) {
  const int32_t x_zero = static_cast<int32_t>(r.node->attrs().Int("x_zero"));
  const bool bytes = IsByte(r.outputs[0].dtype);
  const Int8Form form = FormOf(*r.node, "y", r.outputs[0].dtype);
  return MakeProductOfBytes(
      r, p, traits, pixels, [=](const KernelContext&) { return x_zero; },
      [=](const KernelContext& c, Int8GemmArgs* g) {
        g->scale = c.input(2).as<float>();
        g->bias = p.has_bias ? c.input(3).as<float>() : nullptr;
        if (bytes) {
          g->quantised = c.output(0).as<uint8_t>();
          g->form = form;
        } else {
          g->c = c.output(0).as<float>();
        }
      });
}

// Only the weight is packed.
KernelTraits PlainTraits() {
  KernelTraits traits;
  traits.consumed = 2;
  return traits;
}

}  // namespace

KernelResult MakeQuantizedMatMul(const KernelRequest& r) {
  MIRIN_ASSIGN_OR_RETURN(const Product p, Plan(r));
  return MakeScaledProduct(r, p, PlainTraits(), Pixels());
}

KernelResult MakeMatMulInteger(const KernelRequest& r) {
  MIRIN_ASSIGN_OR_RETURN(const Product p, Plan(r));
  const bool is_signed = r.inputs[0].dtype == DType::kInt8;
  return MakeProductOfBytes(
      r, p, PlainTraits(), Pixels(),
      [=](const KernelContext& c) -> int32_t {
        if (!c.has_input(2)) return 0;
        return is_signed ? *c.input(2).as<int8_t>() : *c.input(2).as<uint8_t>();
      },
      [](const KernelContext& c, Int8GemmArgs* g) { g->integers = c.output(0).as<int32_t>(); });
}

KernelResult MakeQuantizedPointwise(const KernelRequest& r) {
  const Dims &x = r.inputs[0].shape.dims(), &w = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  if (!Int8().vnni) return absl::UnimplementedError("products of bytes are slower than of floats");
  if (!r.can_pack(1)) return absl::UnimplementedError("computed weights");
  if (w[2] != 1 || w[3] != 1 || r.node->attrs().Int("group", 1) != 1)
    return absl::UnimplementedError("not a 1x1 convolution");
  if (r.has_input(4)) return absl::UnimplementedError("a residual");
  if (NumElements(x) == 0 || NumElements(y) == 0)
    return absl::UnimplementedError("an empty tensor");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ops::WindowAxis> axes,
                         ops::PlanWindow(r.node->attrs(), {x[2], x[3]}, {1, 1}));
  for (const ops::WindowAxis& a : axes) {
    if (a.pad_before != 0 || a.pad_after != 0) return absl::UnimplementedError("padding");
  }
  Product p;
  p.m = y[0] * y[2] * y[3];
  p.k = w[1];
  p.n = w[0];
  if (p.k > kMaxInt8Depth)
    return absl::UnimplementedError(absl::StrCat("sums of ", p.k, " products"));
  p.has_bias = r.has_input(3);
  MIRIN_ASSIGN_OR_RETURN(p.activation, FusedActivation(*r.node));
  MIRIN_ASSIGN_OR_RETURN(p.weight, PackInt8(r, 1, p.k, p.n, 1, p.k, TakesInterleaved(r, p)));
  KernelTraits traits = PlainTraits();
  traits.layout = Layout::kChannelsLast;
  traits.plain = ~uint32_t{1};
  return MakeScaledProduct(r, p, traits, {x[2], x[3], y[2], y[3], axes[0].stride, axes[1].stride});
}

}  // namespace mirin::cpu
