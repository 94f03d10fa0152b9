#include "core/backends/cpu/kernel_list.h"

#include <map>
#include <string>

namespace mirin::cpu {

const std::vector<KernelFactory>* KernelsFor(absl::string_view op) {
  static const auto* const kList = [] {
    auto* list = new std::map<std::string, std::vector<KernelFactory>, std::less<>>{
        {"AvgPool", {MakePooling}},
        {"AvgPool3D", {MakePooling}},
        {"BatchMatMul", {MakeMatMul}},
        {"BatchNorm", {MakeBatchNorm}},
        {"BiasAdd", {MakeBiasAdd}},
        {"Cast", {MakeCast}},
        {"Concat", {MakeConcat}},
        {"Conv2D", {MakeConvolution}},
        {"Conv2DTranspose", {MakeDeconvolution}},
        {"Conv3D", {MakeConvolution}},
        {"Conv3DTranspose", {MakeDeconvolution}},
        {"Dense", {MakeMatMul}},
        {"GRUV2", {MakeRecurrent}},
        {"Gather", {MakeGather}},
        {"LSTM", {MakeRecurrent}},
        {"LayerNorm", {MakeLayerNorm}},
        {"LogSoftmax", {MakeSoftmax}},
        {"MatMul", {MakeMatMul}},
        {"MatMulExt", {MakeMatMul}},
        {"MaxPool", {MakePooling}},
        {"MaxPool3D", {MakePooling}},
        {"ScaledDotProductAttention", {MakeAttention}},
        {"Slice", {MakeSlice}},
        {"Softmax", {MakeSoftmax}},
        {"Split", {MakeSplit}},
        {"StridedSlice", {MakeSlice}},
        {"StridedSliceAxes", {MakeSlice}},
        {"Transpose", {MakeTranspose}},
    };
    for (const char* name : {"ReduceMean", "ReduceSum", "ReduceMax", "MeanExt", "SumExt"}) (*list)[name] = {MakeReduce};
    for (const char* name : {"Add", "Sub", "Mul", "RealDiv", "Div", "Maximum", "Minimum", "Muls", "Divs"}) (*list)[name] = {MakeBinary};
    for (const char* name : {"ReLU", "ReLU6", "Sigmoid", "Tanh", "HSwish", "HSigmoid", "SiLU", "GeLU", "GeLUErf", "Exp", "Sqrt", "Rsqrt",
                             "Neg", "Abs", "Square", "Reciprocal", "LeakyRelu", "Erf"}) {
      (*list)[name] = {MakeUnary};
    }
    return list;
  }();
  auto it = kList->find(std::string(op));
  return it == kList->end() ? nullptr : &it->second;
}

}  // namespace mirin::cpu
