// Matrix products over the packed-panel GEMM of simd_kernels.
#include <algorithm>

#include "core/backends/cpu/bf16x3.h"
#include "core/backends/cpu/bf16x3_kernels.h"
#include "core/backends/cpu/gemm.h"
#include "core/backends/cpu/kernel.h"
#include "core/backends/cpu/strassen.h"
#include "core/base/status.h"
#include "core/ops/activation_kind.h"

namespace mirin::cpu {

absl::StatusOr<UnaryKind> FusedActivation(const ir::Node& node) {
  MIRIN_ASSIGN_OR_RETURN(const ops::ActivationKind kind,
                         ops::ParseActivation(node.attrs().String("activation")));
  switch (kind) {
    case ops::ActivationKind::kNone:
      return UnaryKind::kIdentity;
    case ops::ActivationKind::kRelu:
      return UnaryKind::kRelu;
    case ops::ActivationKind::kRelu6:
      return UnaryKind::kRelu6;
    case ops::ActivationKind::kSigmoid:
      return UnaryKind::kSigmoid;
    case ops::ActivationKind::kTanh:
      return UnaryKind::kTanh;
    case ops::ActivationKind::kHSwish:
      return UnaryKind::kHSwish;
    case ops::ActivationKind::kSilu:
      return UnaryKind::kSilu;
    case ops::ActivationKind::kGelu:
      return UnaryKind::kGelu;
    case ops::ActivationKind::kGeluErf:
      return UnaryKind::kGeluErf;
  }
  return UnaryKind::kIdentity;
}

namespace {

struct Shapes {
  int64_t m = 1, n = 1, k = 1;
  int64_t a_row = 0, a_column = 0, b_row = 0, b_column = 0;
  std::vector<int64_t> a_batch, b_batch;  // offsets in floats
};

Shapes Plan(const KernelRequest& r) {
  const Dims &a = r.inputs[0].shape.dims(), &b = r.inputs[1].shape.dims(),
             &y = r.outputs[0].shape.dims();
  const bool ta = r.node->attrs().Bool("transpose_a") && a.size() > 1,
             tb = r.node->attrs().Bool("transpose_b") && b.size() > 1;
  Shapes s;
  const auto dim = [](const Dims& d, size_t from_end) { return d[d.size() - from_end]; };
  s.m = a.size() == 1 ? 1 : dim(a, ta ? 1 : 2);
  s.k = a.size() == 1 ? a[0] : dim(a, ta ? 2 : 1);
  s.n = b.size() == 1 ? 1 : dim(b, tb ? 2 : 1);
  s.a_row = ta ? 1 : s.k;
  s.a_column = ta ? s.m : 1;
  s.b_row = tb ? 1 : s.n;
  s.b_column = tb ? s.k : 1;
  const size_t batch_rank = y.size() - (a.size() > 1) - (b.size() > 1);
  const int64_t batches = NumElements(absl::MakeConstSpan(y).subspan(0, batch_rank));
  const auto offsets = [&](const Dims& d, int64_t matrix) {
    std::vector<int64_t> out;
    const size_t own = d.size() > 2 ? d.size() - 2 : 0;
    for (int64_t t = 0; t < batches; ++t) {
      int64_t rest = t, offset = 0, stride = matrix;
      for (size_t i = 0; i < batch_rank; ++i) {  // from the last batch axis
        const int64_t size = y[batch_rank - 1 - i];
        const int64_t at = rest % size;
        rest /= size;
        if (i >= own) continue;
        const int64_t mine = d[own - 1 - i];
        if (mine != 1) offset += at * stride;
        stride *= mine;
      }
      out.push_back(offset);
    }
    return out;
  };
  s.a_batch = offsets(a, s.m * s.k);
  s.b_batch = offsets(b, s.k * s.n);
  // One right-hand matrix for all: the batches of a plain left side are more rows of one product.
  if (b.size() <= 2 && !ta && a.size() > 2) {
    s.m *= batches;
    s.a_batch = s.b_batch = {0};
  }
  return s;
}

// A constant right-hand side in panels, of floats or of binary16 numbers.
struct Packed {
  std::shared_ptr<const void> memory;
  bool half = false;
  bool even = false;  // as strassen_even says of all pairs of panels
};

// Panel by panel through floats. OutOfRange when a number is too large for 16 bits.
absl::Status PackHalf(const Shapes& s, const float* b, WeightCache* weights, uint16_t* to) {
  const SimdKernels& simd = Simd();
  const int64_t columns = simd.tile_columns, panel = columns * s.k;
  const std::shared_ptr<void> floats = weights->Scratch(static_cast<size_t>(panel) * 4);
  if (floats == nullptr) return absl::ResourceExhaustedError("no memory for packing weights");
  auto* line = static_cast<float*>(floats.get());
  for (int64_t j = 0; j < s.n; j += columns) {
    simd.pack_b(b + j * s.b_column, s.k, std::min(columns, s.n - j), s.b_row, s.b_column, line);
    if (!simd.narrow(line, to + j * s.k, panel)) return absl::OutOfRangeError("a large number");
  }
  return absl::OkStatus();
}

// Pairs of panels are looked at while the cache has them; the answer stands behind them, a line of 0 or 1, for other processes.
absl::StatusOr<std::shared_ptr<const Packed>> PackFloat(const KernelRequest& r, const Shapes& s,
                                                        const float* b, const std::string& key) {
  const SimdKernels& simd = Simd();
  const int64_t columns = 2 * simd.tile_columns;
  constexpr int64_t kLine = 16;
  const int64_t floats = PackedFloats(s.k, s.n);
  Packed made;
  MIRIN_ASSIGN_OR_RETURN(made.memory,
                         r.Pack(1, key, static_cast<size_t>(floats + kLine) * 4, [&](void* to) {
                           auto* pair = static_cast<float*>(to);
                           bool even = MayUseStrassen(s.n, s.k);
                           for (int64_t j = 0; j < s.n; j += columns, pair += columns * s.k) {
                             const int64_t width = std::min(columns, s.n - j);
                             simd.pack_b(b + j * s.b_column, s.k, width, s.b_row, s.b_column, pair);
                             if (width == columns) even = even && simd.strassen_even(pair, s.k);
                           }
                           std::fill_n(static_cast<float*>(to) + floats, kLine, even ? 1.0f : 0.0f);
                           return absl::OkStatus();
                         }));
  made.even = static_cast<const float*>(made.memory.get())[floats] != 0;
  return std::make_shared<const Packed>(std::move(made));
}

absl::StatusOr<Packed> PackConstant(const KernelRequest& r, const Shapes& s) {
  const auto* b = static_cast<const float*>(r.constants[1]->data());
  const std::string form =
      absl::StrCat(Simd().name, ":", s.k, "x", s.n, ":", s.b_row, ",", s.b_column);
  const size_t half_bytes = static_cast<size_t>(PackedFloats(s.k, s.n)) * 2;
  if (r.prefer_fp16 && Simd().narrow != nullptr) {
    // That some do not fit is remembered too.
    MIRIN_ASSIGN_OR_RETURN(
        const std::shared_ptr<const Packed> half,
        r.weights->GetOrMake<Packed>(
            r.constant_values[1], absl::StrCat("half:", form),
            [&]() -> absl::StatusOr<std::shared_ptr<const Packed>> {
              auto memory = r.Pack(1, absl::StrCat("gemm16:", form), half_bytes, [&](void* to) {
                return PackHalf(s, b, r.weights, static_cast<uint16_t*>(to));
              });
              if (absl::IsOutOfRange(memory.status())) return std::make_shared<const Packed>();
              if (!memory.ok()) return memory.status();
              return std::make_shared<const Packed>(Packed{*std::move(memory), true});
            }));
    if (half->memory != nullptr) return *half;
  }
  MIRIN_ASSIGN_OR_RETURN(
      const std::shared_ptr<const Packed> whole,
      r.weights->GetOrMake<Packed>(r.constant_values[1], absl::StrCat("float:", form), [&] {
        return PackFloat(r, s, b, absl::StrCat("gemm:", form));
      }));
  return *whole;
}

// Columns behind the first `done`, whose packed numbers are W, are multiplied as usual.
template <typename W>
void MultiplyRest(const ThreadShare& threads, const GemmArgs& g, void (*gemm)(const GemmArgs&),
                  int64_t done) {
  if (done == g.n) return;
  ParallelGemm(threads, gemm, 1, g.m, g.n - done, g.k, [&](int64_t) {
    GemmArgs rest = g;
    rest.n -= done;
    rest.packed_b = static_cast<const W*>(g.packed_b) + done * g.k;
    rest.c += done;
    if (rest.bias != nullptr) rest.bias += done;
    return rest;
  });
}

void MultiplyStrassen(const StrassenPlan& plan, const ThreadShare& threads, const GemmArgs& g,
                      void* scratch) {
  StrassenArgs args = {};
  args.product = &g;
  args.a_block = args.c_block = Simd().lanes;
  RunStrassen(plan, threads, args, scratch);
  MultiplyRest<float>(threads, g, Simd().gemm, plan.pairs * 2 * plan.columns);
}

void MultiplyBf16x3(const Bf16x3Plan& plan, const ThreadShare& threads, const GemmArgs& g,
                    void* scratch) {
  const bool usable = RunBf16x3(plan, threads, g, scratch);
  MultiplyRest<uint16_t>(threads, g, Simd().gemm_half, usable ? plan.pairs * kBf16x3Columns : 0);
}

}  // namespace

KernelResult MakeMatMul(const KernelRequest& r) {
  if (!IsF32(r, 0) || !IsF32(r, 1)) return Refuse(r.inputs[0]);
  const bool has_bias = r.has_input(2);
  MIRIN_ASSIGN_OR_RETURN(const UnaryKind activation, FusedActivation(*r.node));
  const Shapes s = Plan(r);
  if (has_bias && !IsF32(r, 2)) return Refuse(r.inputs[2]);
  if (has_bias && (r.inputs[2].shape.rank() != 1 || r.inputs[2].shape.dim(0) != s.n))
    return absl::UnimplementedError("a bias that is not one per column");
  KernelTraits traits;
  traits.implementation = SimdName("gemm");
  Packed packed;
  const bool constant_b = r.can_pack(1) && s.b_batch.size() == 1;
  if (constant_b) {
    MIRIN_ASSIGN_OR_RETURN(packed, PackConstant(r, s));
    if (packed.half) traits.implementation = SimdName("gemm16");
    traits.consumed = 2;
  } else {
    traits.scratch_bytes = static_cast<size_t>(PackedFloats(s.k, s.n)) * 4 * s.b_batch.size();
  }
  const int64_t batches = static_cast<int64_t>(s.a_batch.size());
  std::optional<Bf16x3Plan> bf16x3;
  std::optional<StrassenPlan> strassen;
  if (batches == 1 && s.a_column == 1 && !r.deterministic) {
    if (packed.half) bf16x3 = PlanBf16x3(s.m, s.n, s.k);
    if (packed.even) strassen = PlanStrassen(s.m, s.n, s.k, Simd().tile_columns);
  }
  if (bf16x3.has_value()) {
    traits.implementation = "cpu:bf16x3_gemm16:avx512amx";
    traits.scratch_bytes = bf16x3->scratch_bytes(r.thread_count());
  } else if (strassen.has_value()) {
    traits.implementation = SimdName("strassen");
    traits.scratch_bytes = strassen->scratch_bytes(r.thread_count());
  }
  return FromFunction(traits, [=, &simd = Simd()](const KernelContext& c) {
    const float* a = c.input(0).as<float>();
    float* y = c.output(0).as<float>();
    const float* bias = has_bias ? c.input(2).as<float>() : nullptr;
    const auto* b = static_cast<const float*>(constant_b ? packed.memory.get() : c.scratch());
    const int64_t packed_size = PackedFloats(s.k, s.n);
    if (!constant_b) {
      const float* from = c.input(1).as<float>();
      float* to = static_cast<float*>(c.scratch());
      c.threads().ParallelFor(
          batches, std::max<int64_t>(1, 65536 / std::max<int64_t>(1, packed_size)),
          [&](int64_t begin, int64_t end) {
            for (int64_t t = begin; t < end; ++t)
              simd.pack_b(from + s.b_batch[t], s.k, s.n, s.b_row, s.b_column, to + t * packed_size);
          });
    }
    GemmArgs g = {};
    g.m = s.m;
    g.n = s.n;
    g.k = s.k;
    g.a_row = s.a_row;
    g.a_column = s.a_column;
    g.c_row = s.n;
    g.bias = bias;
    g.activation = activation;
    if (bf16x3.has_value() || strassen.has_value()) {
      g.a = a;
      g.c = y;
      g.packed_b = b;
      bf16x3.has_value() ? MultiplyBf16x3(*bf16x3, c.threads(), g, c.scratch())
                         : MultiplyStrassen(*strassen, c.threads(), g, c.scratch());
      return;
    }
    const bool half = packed.half;
    ParallelGemm(c.threads(), half ? simd.gemm_half : simd.gemm, batches, s.m, s.n, s.k,
                 [&](int64_t t) {
                   GemmArgs one = g;
                   one.a = a + s.a_batch[t];
                   one.c = y + t * s.m * s.n;
                   one.packed_b = b + (constant_b ? 0 : t * packed_size);
                   return one;
                 });
  });
}

}  // namespace mirin::cpu
