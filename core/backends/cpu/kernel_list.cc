#include "core/backends/cpu/kernel_list.h"

#include <map>
#include <set>
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
        {"BroadcastTo", {MakeRepeat}},
        {"Cast", {MakeCast}},
        {"Concat", {MakeConcat}},
        {"Conv2D",
         {MakeDepthwise, MakeRowWinograd, MakeWinograd, MakeStrassenConvolution,
          MakeDirectConvolution, MakeConvolution}},
        {"Conv2DTranspose", {MakeDeconvolution}},
        {"Conv3D", {MakeConvolution}},
        {"Conv3DTranspose", {MakeDeconvolution}},
        {"Dense", {MakeMatMul}},
        {"DequantizeLinear", {MakeDequantize}},
        {"DynamicQuantMatMul", {MakeDynamicQuantMatMul}},
        {"DynamicQuantizeLinear", {MakeDynamicQuantize}},
        {"GRUV2", {MakeRecurrent}},
        {"Gather", {MakeGather}},
        {"GatherD", {MakeGatherElements}},
        {"GatherNd", {MakeGatherNd}},
        {"GroupNorm", {MakeGroupNorm}},
        {"InstanceNorm", {MakeGroupNorm}},
        {"LRN", {MakeLrn}},
        {"LSTM", {MakeRecurrent}},
        {"LayerNorm", {MakeLayerNorm}},
        {"LogSoftmax", {MakeSoftmax}},
        {"MatMul", {MakeMatMul}},
        {"MatMulExt", {MakeMatMul}},
        {"MatMulInteger", {MakeMatMulInteger}},
        {"MaxPool", {MakePooling}},
        {"MaxPool3D", {MakePooling}},
        {"Mul", {MakeChannelScales, MakeBinary}},
        {"NonZero", {MakeNonZero}},
        {"Pad", {MakePad}},
        {"PadV3", {MakePad}},
        {"QuantizeLinear", {MakeQuantize}},
        {"QuantizedAdd", {MakeQuantizedAdd}},
        {"QuantizedConv2D",
         {MakeQuantizedPointwise, MakeQuantizedDepthwise, MakeQuantizedConvolution,
          MakeQuantizedConvolutionInFloat}},
        {"QuantizedMatMul", {MakeQuantizedMatMul}},
        {"ResizeAxes", {MakeResizeAxes}},
        {"RmsNorm", {MakeRmsNorm}},
        {"ScaledDotProductAttention", {MakeAttention}},
        {"Slice", {MakeSlice}},
        {"Softmax", {MakeSoftmax}},
        {"Sort", {MakeTopK}},
        {"Split", {MakeSplit}},
        {"SplitSizes", {MakeSplit}},
        {"SplitV", {MakeSplit}},
        {"Stack", {MakeConcat}},
        {"StridedSlice", {MakeSlice}},
        {"StridedSliceAxes", {MakeSlice}},
        {"TensorScatterElements", {MakeScatterElements}},
        {"Tile", {MakeRepeat}},
        {"TopK", {MakeTopK}},
        {"TopKAxis", {MakeTopK}},
        {"Transpose", {MakeTranspose}},
        {"Unstack", {MakeSplit}},
    };
    for (const char* name : {"ReduceL2", "ReduceMax", "ReduceMin"}) (*list)[name] = {MakeReduce};
    for (const char* name : {"ReduceMean", "ReduceSum", "MeanExt", "SumExt"})
      (*list)[name] = {MakeChannelSums, MakeReduce};
    for (const char* name : {"Add", "Sub", "RealDiv", "Div", "Maximum", "Minimum", "Muls", "Divs"})
      (*list)[name] = {MakeBinary};
    for (const char* name :
         {"ReLU", "ReLU6", "Sigmoid", "Tanh", "HSwish", "HSigmoid", "SiLU", "GeLU", "GeLUErf",
          "Exp", "Sqrt", "Rsqrt", "Neg", "Abs", "Square", "Reciprocal", "LeakyRelu", "Erf"}) {
      (*list)[name] = {MakeUnary};
    }
    for (const char* name : {"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual",
                             "EqScalar", "GreaterEqualScalar", "LessScalar"}) {
      (*list)[name] = {MakeCompare};
    }
    for (const char* name :
         {"ResizeBilinear", "ResizeBilinearV2", "ResizeNearestNeighbor", "ResizeNearestNeighborV2"})
      (*list)[name] = {MakeResize};
    for (const char* name : {"IsNan", "LogicalNot"}) (*list)[name] = {MakePredicate};
    for (const char* name : {"LogicalAnd", "LogicalOr", "LogicalXor"})
      (*list)[name] = {MakeLogical};
    for (const char* name : {"Select", "SelectV2"}) (*list)[name] = {MakeSelect};
    for (const char* name :
         {"ACos", "Acosh", "Asin",  "Asinh",    "Atan",     "Atanh", "Ceil", "Cos",
          "Cosh", "Erfc",  "Expm1", "Floor",    "Log",      "Log1p", "Mish", "Rint",
          "Sign", "Sin",   "Sinh",  "Softplus", "Softsign", "Tan",   "Trunc"}) {
      (*list)[name] = {MakeMath};
    }
    for (const char* name : {"Pow", "PowTensorScalar", "PowScalarTensor"})
      (*list)[name] = {MakePow};
    return list;
  }();
  auto it = kList->find(std::string(op));
  return it == kList->end() ? nullptr : &it->second;
}

bool FlushesSubnormals(absl::string_view op) {
  static const auto* const kOps =
      new std::set<std::string, std::less<>>{"AvgPool",
                                             "AvgPool3D",
                                             "BatchMatMul",
                                             "BatchNorm",
                                             "Conv2D",
                                             "Conv2DTranspose",
                                             "Conv3D",
                                             "Conv3DTranspose",
                                             "Dense",
                                             "DynamicQuantMatMul",
                                             "GRUV2",
                                             "GeLU",
                                             "GeLUErf",
                                             "GroupNorm",
                                             "HSigmoid",
                                             "HSwish",
                                             "InstanceNorm",
                                             "LRN",
                                             "LSTM",
                                             "LayerNorm",
                                             "LogSoftmax",
                                             "MatMul",
                                             "MatMulExt",
                                             "MaxPool",
                                             "MaxPool3D",
                                             "Mish",
                                             "QuantizedConv2D",
                                             "QuantizedMatMul",
                                             "RmsNorm",
                                             "ScaledDotProductAttention",
                                             "SiLU",
                                             "Sigmoid",
                                             "Softmax",
                                             "Softplus",
                                             "Tanh"};
  return kOps->find(op) != kOps->end();
}

}  // namespace mirin::cpu
