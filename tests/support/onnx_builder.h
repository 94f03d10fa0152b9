// Small ONNX models in memory, message by message: right ones and wrong ones.
#ifndef TESTS_SUPPORT_ONNX_BUILDER_H_
#define TESTS_SUPPORT_ONNX_BUILDER_H_

#include <string>
#include <vector>

#include "core/converter/onnx/onnx.pb.h"

namespace mirin::testing {

enum OnnxType : int { kOnnxFloat = 1, kOnnxInt64 = 7, kOnnxString = 8, kOnnxBool = 9 };

// Without nodes, inputs and outputs.
inline onnx::ModelProto OnnxModel(int64_t opset = 17) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("test");
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("graph");
  return model;
}

// A dim of -1 is symbolic.
inline void SetOnnxType(onnx::ValueInfoProto* v, const std::string& name, int type,
                        const std::vector<int64_t>& dims) {
  v->set_name(name);
  auto* tensor = v->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape();
  for (const int64_t d : dims) {
    auto* dim = tensor->mutable_shape()->add_dim();
    if (d < 0) {
      dim->set_dim_param("N");
    } else {
      dim->set_dim_value(d);
    }
  }
}

inline void AddOnnxInput(onnx::GraphProto* g, const std::string& name,
                         const std::vector<int64_t>& dims, int type = kOnnxFloat) {
  SetOnnxType(g->add_input(), name, type, dims);
}

inline void AddOnnxOutput(onnx::GraphProto* g, const std::string& name,
                          const std::vector<int64_t>& dims, int type = kOnnxFloat) {
  SetOnnxType(g->add_output(), name, type, dims);
}

template <typename Nodes>  // a graph or a function
onnx::NodeProto* AddOnnxNode(Nodes* g, const std::string& op,
                             const std::vector<std::string>& inputs,
                             const std::vector<std::string>& outputs,
                             const std::string& name = "") {
  onnx::NodeProto* node = g->add_node();
  node->set_op_type(op);
  node->set_name(name);
  for (const std::string& i : inputs) node->add_input(i);
  for (const std::string& o : outputs) node->add_output(o);
  return node;
}

inline onnx::TensorProto* AddOnnxWeight(onnx::GraphProto* g, const std::string& name,
                                        const std::vector<int64_t>& dims,
                                        const std::vector<float>& values) {
  onnx::TensorProto* t = g->add_initializer();
  t->set_name(name);
  t->set_data_type(kOnnxFloat);
  for (const int64_t d : dims) t->add_dims(d);
  for (const float v : values) t->add_float_data(v);
  return t;
}

inline onnx::AttributeProto* AddOnnxAttribute(onnx::NodeProto* node, const std::string& name,
                                              int type) {
  onnx::AttributeProto* a = node->add_attribute();
  a->set_name(name);
  a->set_type(type);
  return a;
}
inline void SetOnnxInt(onnx::NodeProto* node, const std::string& name, int64_t value) {
  AddOnnxAttribute(node, name, 2)->set_i(value);
}
inline void SetOnnxInts(onnx::NodeProto* node, const std::string& name,
                        const std::vector<int64_t>& values) {
  auto* a = AddOnnxAttribute(node, name, 7);
  for (const int64_t v : values) a->add_ints(v);
}
inline onnx::GraphProto* SetOnnxGraph(onnx::NodeProto* node, const std::string& name) {
  auto* graph = AddOnnxAttribute(node, name, 5)->mutable_g();
  graph->set_name(name);
  return graph;
}

inline void SetExternal(onnx::TensorProto* t,
                        const std::vector<std::pair<std::string, std::string>>& entries) {
  t->set_data_location(1);
  t->clear_float_data();
  for (const auto& [key, value] : entries) {
    auto* e = t->add_external_data();
    e->set_key(key);
    e->set_value(value);
  }
}

// y = Relu(x * w), x float32[N,4] (or [2,4]), w float32[4,3]; nodes "product" and "relu", the product is "xw".
inline onnx::ModelProto OnnxMlp(int64_t batch = 2) {
  onnx::ModelProto model = OnnxModel();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxInput(g, "x", {batch, 4});
  AddOnnxWeight(g, "w", {4, 3}, {1, -1, 0.5, 2, 0, 1, -1, 1, 0.25, 0, 3, -2});
  AddOnnxNode(g, "MatMul", {"x", "w"}, {"xw"}, "product");
  AddOnnxNode(g, "Relu", {"xw"}, {"y"}, "relu");
  AddOnnxOutput(g, "y", {batch, 3});
  return model;
}

}  // namespace mirin::testing

#endif  // TESTS_SUPPORT_ONNX_BUILDER_H_
