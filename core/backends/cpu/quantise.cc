// Between floats and bytes, and sums of bytes: element by element, in whatever layout the first operand has.
#include <algorithm>

#include "core/backends/cpu/int8_gemm.h"

namespace mirin::cpu {
namespace {

// Elements in memory, those that fill up blocks included.
int64_t Stored(const TensorView& view) {
  return static_cast<int64_t>(view.bytes() / SizeOf(view.dtype));
}

// The form that inputs 1 and 2 give.
Int8Form FormAtRun(const KernelContext& c, DType dtype) {
  Int8Form form{dtype == DType::kInt8, 0, c.input(1).as<float>()[0]};
  if (c.has_input(2))
    form.zero = form.is_signed ? *c.input(2).as<int8_t>() : *c.input(2).as<uint8_t>();
  return form;
}

absl::Status CheckParameters(const KernelRequest& r) {
  if (r.inputs[1].dtype != DType::kFloat32 || NumElements(r.inputs[1].shape.dims()) != 1)
    return absl::UnimplementedError("more than one scale");
  const DType precision = r.node->attrs().Type("precision");
  if (precision != DType::kUnknown && precision != DType::kFloat32)
    return absl::UnimplementedError(absl::StrCat("precision ", Name(precision)));
  return absl::OkStatus();
}

// Images of few channels to channels last.
class ByteReorder final : public Kernel {
 public:
  ByteReorder(int64_t batch, int64_t channels, int64_t pixels)
      : batch_(batch),
        channels_(channels),
        pixels_(pixels),
        implementation_(absl::StrCat("cpu:interleave:", Int8().name)) {}

  absl::Status Run(const KernelContext& c) const override {
    for (int64_t image = 0; image < batch_; ++image) {
      const uint8_t* x = c.input(0).as<uint8_t>() + image * channels_ * pixels_;
      uint8_t* y = c.output(0).as<uint8_t>() + image * channels_ * pixels_;
      c.threads().ParallelFor(pixels_, kElementGrain, [&](int64_t begin, int64_t end) {
        Int8().interleave(x + begin, pixels_, channels_, end - begin, y + begin * channels_);
      });
    }
    return absl::OkStatus();
  }
  Layout output_layout(int) const override { return Layout::kChannelsLast; }
  absl::string_view implementation() const override { return implementation_; }

 private:
  int64_t batch_, channels_, pixels_;
  std::string implementation_;
};

KernelTraits Elementwise(const KernelRequest& r, absl::string_view name) {
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:", name, ":", Int8().name);
  traits.layout = r.input_layouts[0];
  traits.plain = ~uint32_t{1};
  return traits;
}

}  // namespace

KernelResult MakeQuantize(const KernelRequest& r) {
  const DType to = r.outputs[0].dtype;
  if (!IsF32(r, 0) || !IsByte(to)) return Refuse(r.inputs[0]);
  if (absl::Status status = CheckParameters(r); !status.ok()) return status;
  return FromFunction(Elementwise(r, "quantize"), [=, &kernels = Int8()](const KernelContext& c) {
    const Int8Form form = FormAtRun(c, to);
    c.threads().ParallelFor(Stored(c.input(0)), kElementGrain, [&](int64_t begin, int64_t end) {
      kernels.quantize(c.input(0).as<float>() + begin, c.output(0).as<uint8_t>() + begin,
                       end - begin, form);
    });
  });
}

KernelResult MakeDynamicQuantize(const KernelRequest& r) {
  if (!IsF32(r, 0)) return Refuse(r.inputs[0]);
  KernelTraits traits;
  traits.implementation = absl::StrCat("cpu:dynamic_quantize:", Int8().name);
  return FromFunction(traits, [&kernels = Int8()](const KernelContext& c) {
    const int64_t n = c.input(0).elements();
    const float* x = c.input(0).as<float>();
    const Int8Form form = RangeForm(c.threads(), x, n);
    *c.output(1).as<float>() = form.scale;
    *c.output(2).as<uint8_t>() = static_cast<uint8_t>(form.zero);
    c.threads().ParallelFor(n, kElementGrain, [&](int64_t begin, int64_t end) {
      kernels.quantize(x + begin, c.output(0).as<uint8_t>() + begin, end - begin, form);
    });
  });
}

KernelResult MakeDequantize(const KernelRequest& r) {
  const DType from = r.inputs[0].dtype;
  if (!IsByte(from) || r.outputs[0].dtype != DType::kFloat32) return Refuse(r.inputs[0]);
  if (absl::Status status = CheckParameters(r); !status.ok()) return status;
  return FromFunction(Elementwise(r, "dequantize"), [=, &kernels = Int8()](const KernelContext& c) {
    const Int8Form form = FormAtRun(c, from);
    c.threads().ParallelFor(Stored(c.input(0)), kElementGrain, [&](int64_t begin, int64_t end) {
      kernels.dequantize(c.input(0).as<uint8_t>() + begin, c.output(0).as<float>() + begin,
                         end - begin, form);
    });
  });
}

KernelResult MakeQuantizedAdd(const KernelRequest& r) {
  if (r.inputs[0].shape != r.inputs[1].shape)
    return absl::UnimplementedError("operands of two shapes");
  KernelTraits traits = Elementwise(r, "add");
  traits.plain = 0;
  traits.in_place = 3;
  const Int8Sum sum = {
      FormOf(*r.node, "a", r.inputs[0].dtype), FormOf(*r.node, "b", r.inputs[1].dtype),
      FormOf(*r.node, "y", r.outputs[0].dtype), r.node->attrs().String("activation") == "relu"};
  return FromFunction(traits, [=, &kernels = Int8()](const KernelContext& c) {
    c.threads().ParallelFor(Stored(c.input(0)), kElementGrain, [&](int64_t begin, int64_t end) {
      kernels.add(c.input(0).as<uint8_t>() + begin, c.input(1).as<uint8_t>() + begin,
                  c.output(0).as<uint8_t>() + begin, end - begin, sum);
    });
  });
}

KernelResult MakeByteReorder(const ir::TensorType& type, Layout from, Layout to) {
  const Dims& dims = type.shape.dims();
  if (!IsByte(type.dtype) || from != Layout::kPlain || to != Layout::kChannelsLast ||
      dims.size() < 3 || dims[1] < 1 || dims[1] > kMostPlanes)
    return Refuse(type);
  const int64_t batch = dims[0], channels = dims[1],
                pixels = NumElements(absl::MakeConstSpan(dims).subspan(2));
  return std::make_unique<ByteReorder>(batch, channels, pixels);
}

}  // namespace mirin::cpu
