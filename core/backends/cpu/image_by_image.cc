#include "core/backends/cpu/image_by_image.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace mirin::cpu {
namespace {

// Operands that have an element for each image; the others are weights.
std::vector<bool> WithImages(const KernelRequest& r) {
  std::vector<bool> with;
  for (size_t i = 0; i < r.inputs.size(); ++i)
    with.push_back(r.has_input(i) && r.constants[i] == nullptr);
  return with;
}

ir::TensorType FirstImage(const ir::TensorType& type) {
  Dims dims = type.shape.dims();
  dims[0] = 1;
  return {type.dtype, Shape(dims)};
}

class ImageByImage final : public Kernel {
 public:
  ImageByImage(std::unique_ptr<Kernel> kernel, int64_t images, std::vector<bool> with_images)
      : kernel_(std::move(kernel)), images_(images), with_images_(std::move(with_images)) {}

  absl::Status Run(const KernelContext& c) const override {
    constexpr int kMostOperands = 16;
    if (c.num_inputs() + c.num_outputs() > kMostOperands)
      return absl::InternalError("too many operands");
    TensorView views[kMostOperands];
    const TensorView* operands[kMostOperands];
    Dims dims[kMostOperands];
    size_t steps[kMostOperands] = {};
    int count = 0;
    const auto add = [&](const TensorView& whole, bool has_images) {
      TensorView& view = views[count] = whole;
      operands[count] = &view;
      if (has_images) {
        dims[count].assign(whole.dims.begin(), whole.dims.end());
        dims[count][0] = 1;
        view.dims = dims[count];
        steps[count] = view.bytes();
      }
      ++count;
    };
    for (int i = 0; i < c.num_inputs(); ++i) add(c.input(i), with_images_[static_cast<size_t>(i)]);
    for (int i = 0; i < c.num_outputs(); ++i) add(c.output(i), true);
    const auto all = absl::MakeConstSpan(operands, static_cast<size_t>(count));
    const size_t inputs = static_cast<size_t>(c.num_inputs());
    const KernelContext one = c.With(all.subspan(0, inputs), all.subspan(inputs));
    for (int64_t image = 0; image < images_; ++image) {
      if (c.cancelled()) return absl::CancelledError("the run was cancelled");
      MIRIN_RETURN_IF_ERROR(kernel_->Run(one));
      for (int i = 0; i < count; ++i) {
        if (steps[i] > 0) views[i].data = views[i].as<char>() + steps[i];
      }
    }
    return absl::OkStatus();
  }

  size_t scratch_bytes() const override { return kernel_->scratch_bytes(); }
  Layout input_layout(int i) const override { return kernel_->input_layout(i); }
  Layout output_layout(int i) const override { return kernel_->output_layout(i); }
  bool CanRunInPlace(int i) const override {
    return with_images_[static_cast<size_t>(i)] && kernel_->CanRunInPlace(i);
  }
  bool ConsumesConstant(int i) const override { return kernel_->ConsumesConstant(i); }
  bool NeedsArena() const override { return kernel_->NeedsArena(); }
  absl::string_view implementation() const override { return kernel_->implementation(); }

 private:
  const std::unique_ptr<Kernel> kernel_;
  const int64_t images_;
  const std::vector<bool> with_images_;
};

}  // namespace

bool IsImageBatch(const KernelRequest& r) {
  static constexpr absl::string_view kOps[] = {
      "AvgPool",         "AvgPool3D", "Conv2D",  "Conv2DTranspose", "Conv3D",
      "Conv3DTranspose", "LRN",       "MaxPool", "MaxPool3D",       "QuantizedConv2D"};
  return std::find(std::begin(kOps), std::end(kOps), r.node->op()) != std::end(kOps) &&
         r.inputs[0].shape.rank() >= 3 && r.inputs[0].shape.dim(0) > 1;
}

KernelResult MakeImageByImage(const KernelRequest& r,
                              absl::FunctionRef<KernelResult(const KernelRequest&)> make) {
  const int64_t images = r.inputs[0].shape.dim(0);
  std::vector<bool> with_images = WithImages(r);
  std::vector<ir::TensorType> inputs(r.inputs.begin(), r.inputs.end()), outputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!with_images[i]) continue;
    if (inputs[i].shape.rank() < 1 || inputs[i].shape.dim(0) != images)
      return absl::UnimplementedError("an operand that is not divided into images");
    inputs[i] = FirstImage(inputs[i]);
  }
  for (const ir::TensorType& type : r.outputs) {
    if (type.shape.rank() < 1 || type.shape.dim(0) != images)
      return absl::UnimplementedError("a result that is not divided into images");
    outputs.push_back(FirstImage(type));
  }
  KernelRequest one = r;
  one.inputs = inputs;
  one.outputs = outputs;
  MIRIN_ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel, make(one));
  return std::make_unique<ImageByImage>(std::move(kernel), images, std::move(with_images));
}

}  // namespace mirin::cpu
