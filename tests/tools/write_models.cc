// write_models FOLDER: the ONNX models that tools_test.sh works on.
#include <fstream>
#include <string>

#include "tests/support/onnx_builder.h"

namespace mirin::testing {
namespace {

void Save(const onnx::ModelProto& model, const std::string& path) {
  std::ofstream(path, std::ios::binary) << model.SerializeAsString();
}

// The MLP with an operator more that nothing knows, twice.
onnx::ModelProto Unsupported() {
  onnx::ModelProto model = OnnxMlp();
  AddOnnxNode(model.mutable_graph(), "Frobnicate", {"y"}, {"a"}, "first");
  AddOnnxNode(model.mutable_graph(), "Frobnicate", {"xw"}, {"b"}, "second");
  return model;
}

// The MLP with one weight off: the product is where it begins to differ.
onnx::ModelProto Changed() {
  onnx::ModelProto model = OnnxMlp();
  model.mutable_graph()->mutable_initializer(0)->set_float_data(4, 0.5f);
  return model;
}

onnx::ModelProto Image() {
  onnx::ModelProto model = OnnxModel();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxInput(g, "image", {1, 3, 4, 5});
  AddOnnxNode(g, "Relu", {"image"}, {"positive"}, "relu");
  AddOnnxOutput(g, "positive", {1, 3, 4, 5});
  return model;
}

}  // namespace
}  // namespace mirin::testing

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  const std::string folder = std::string(argv[1]) + "/";
  mirin::testing::Save(mirin::testing::OnnxMlp(), folder + "mlp.onnx");
  mirin::testing::Save(mirin::testing::Unsupported(), folder + "unsupported.onnx");
  mirin::testing::Save(mirin::testing::Changed(), folder + "changed.onnx");
  mirin::testing::Save(mirin::testing::Image(), folder + "image.onnx");
  std::ofstream(folder + "garbage.onnx") << "this is no model";
  return 0;
}
