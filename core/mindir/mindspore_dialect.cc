#include "core/mindir/mindspore_dialect.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/ops/schema.h"
#include "core/ops/window.h"

namespace mirin::mindir {
namespace {

// The functions whose schema has attributes, with the number of their parameters.
constexpr struct {
  absl::string_view op;
  int parameters;
} kFunctions[] = {
    {"ArgMaxWithValue", 3},
    {"ArgMinWithValue", 3},
    {"Argmax", 3},
    {"Argmin", 3},
    {"AvgPool", 5},
    {"BatchMatMul", 4},
    {"BatchNorm", 9},
    {"BiasAdd", 3},
    {"BroadcastTo", 2},
    {"CeLU", 2},
    {"Concat", 2},
    {"CumProd", 4},
    {"CumSum", 4},
    {"Cummax", 2},
    {"Cummin", 2},
    {"Elu", 2},
    {"ExpandDims", 2},
    {"GLU", 2},
    {"Gather", 4},
    {"GridSampler2D", 5},
    {"HShrink", 2},
    {"LayerNorm", 6},
    {"LogSoftmax", 2},
    {"MatMul", 4},
    {"NanToNum", 4},
    {"OneHot", 5},
    {"Range", 4},
    {"ReduceAll", 3},
    {"ReduceAny", 3},
    {"ReduceMax", 3},
    {"ReduceMean", 3},
    {"ReduceMin", 3},
    {"ReduceProd", 3},
    {"ReduceStd", 4},
    {"ReduceSum", 4},
    {"ResizeBicubic", 4},
    {"ResizeBilinearV2", 4},
    {"ResizeNearestNeighborV2", 4},
    {"ReverseV2", 2},
    {"RmsNorm", 3},
    {"Roll", 3},
    {"SearchSorted", 5},
    {"SoftShrink", 2},
    {"Softmax", 2},
    {"Split", 3},
    {"Squeeze", 2},
    {"StridedSlice", 9},
    {"TensorScatterElements", 5},
    {"Triu", 2},
};

// Texts here, numbers there.
constexpr struct {
  absl::string_view attribute, text;
  int64_t number;
} kEnumerations[] = {
    {"pad_mode", "pad", 0},
    {"pad_mode", "same", 1},
    {"pad_mode", "valid", 2},
    {"data_format", "NCHW", 0},
    {"data_format", "NHWC", 1},
    {"interpolation_mode", "bilinear", 0},
    {"interpolation_mode", "nearest", 1},
    {"padding_mode", "zeros", 0},
    {"padding_mode", "border", 1},
    {"padding_mode", "reflection", 2},
    {"reduction", "none", 0},
    {"reduction", "add", 1},
};

// One number here, a tuple there, and the other way round.
constexpr std::pair<absl::string_view, absl::string_view> kTuples[] = {
    {"Softmax", "axis"}, {"ReverseV2", "axis"}, {"Squeeze", "axis"}};
constexpr std::pair<absl::string_view, absl::string_view> kNumbers[] = {{"ExpandDims", "axis"}};

bool Has(absl::Span<const std::pair<absl::string_view, absl::string_view>> list,
         absl::string_view op, absl::string_view name) {
  return std::find(list.begin(), list.end(), std::make_pair(op, name)) != list.end();
}

// Operators that MindSpore has no kernel for on a CPU, or has under this name in other libraries only.
constexpr absl::string_view kNoKernel[] = {
    "AvgPool3D", "BitwiseNot",   "Conv3DTranspose", "Einsum",          "InstanceNorm",
    "MaxPool3D", "FmodTensor",   "GeLUErf",         "LeakyRelu",       "ReduceL1",
    "ReduceL2",  "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare", "RmsNorm",
    "SplitV",    "Threshold",    "Unsqueeze",
};

// The numbers of the window's two axes as those of all four; one that makes no sense stays as it is.
ir::Attribute AllAxes(const ir::Attributes& attrs, const std::string& name) {
  const auto window = ops::SpatialAttribute(attrs, name, 2, 1, 1);
  if (!window.ok()) return *attrs.Find(name);
  return std::vector<int64_t>{1, 1, (*window)[0], (*window)[1]};
}

// MindSpore's numbers have 32 bits.
ir::Attribute Rounded(const ir::Attribute& value) {
  const auto* number = std::get_if<double>(&value);
  return number == nullptr ? value
                           : ir::Attribute(static_cast<double>(static_cast<float>(*number)));
}

bool AllEqual(const std::vector<int64_t>& values, int64_t to) {
  return std::all_of(values.begin(), values.end(), [to](int64_t v) { return v == to; });
}

bool SameBatch(const Shape& a, const Shape& b) {
  if (!a.rank_known() || !b.rank_known() || a.rank() != b.rank()) return false;
  for (int i = 0; i + 2 < a.rank(); ++i) {
    if (a.dim(i) != b.dim(i)) return false;
  }
  return true;
}

// How many parameters the function of that name has; 0 when it is none.
int ParametersOfFunction(absl::string_view op) {
  const auto* it = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                [&](const auto& f) { return f.op == op; });
  return it == std::end(kFunctions) ? 0 : it->parameters;
}

bool IsPool(absl::string_view op) { return op == "MaxPool" || op == "AvgPool"; }

}  // namespace

int FunctionParameters(const ir::Node& node) {
  const int parameters = ParametersOfFunction(node.op());
  const ops::OpSchema* schema = ops::FindSchema(node.op());
  if (parameters == 0 || schema == nullptr) return 0;
  int input = 0;
  for (int i = 0; i < static_cast<int>(schema->parameters().size()); ++i) {
    const ops::Parameter& p = schema->parameters()[i];
    const bool known = i < parameters;
    if (p.kind != ops::ParameterKind::kAttribute) {
      if (!known && node.input(input) != nullptr) return 0;
      ++input;
      continue;
    }
    const ir::Attribute* value = node.attrs().Find(p.name);
    if (!known && value != nullptr && !ir::Equal(*value, p.fallback)) return 0;
  }
  return parameters;
}

ir::Attribute FunctionOperand(const ir::Node& node, const std::string& name,
                              const ir::Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    const std::string lower = absl::AsciiStrToLower(*text);
    for (const auto& e : kEnumerations) {
      if (e.attribute == name && (e.text == *text || e.text == lower)) return e.number;
    }
  }
  if (const auto* number = std::get_if<int64_t>(&value)) {
    if (Has(kTuples, node.op(), name)) return std::vector<int64_t>{*number};
  }
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) {
    if (ints->size() == 1 && Has(kNumbers, node.op(), name)) return ints->front();
  }
  if (const auto* dtype = std::get_if<DType>(&value)) {
    if (name == "output_type") return static_cast<int64_t>(*dtype);
  }
  return Rounded(value);
}

absl::StatusOr<ir::Attribute> FromFunctionOperand(const std::string& name, bool text,
                                                  const ir::Attribute& value) {
  const auto* number = std::get_if<int64_t>(&value);
  if (!text || number == nullptr) return value;
  bool known = false;
  for (const auto& e : kEnumerations) {
    if (e.attribute == name && e.number == *number) return std::string(e.text);
    known |= e.attribute == name;
  }
  if (known) return absl::InvalidArgumentError(absl::StrCat("unknown ", name, " ", *number));
  return value;
}

std::string MindSporeName(const ir::Node& node) {
  return node.op() == "Shape" ? "TensorShape" : node.op();
}

std::map<std::string, ir::Attribute> PrimitiveAttributes(const ir::Node& node) {
  std::map<std::string, ir::Attribute> attributes(node.attrs().map().begin(),
                                                  node.attrs().map().end());
  for (auto& [name, value] : attributes) value = Rounded(value);
  if (node.op() == "MaxPool") {
    attributes["kernel_size"] = AllAxes(node.attrs(), "kernel_size");
    attributes["strides"] = AllAxes(node.attrs(), "strides");
    attributes["pad_mode"] = absl::AsciiStrToUpper(node.attrs().String("pad_mode"));
    attributes["format"] = attributes["data_format"];
  } else if (node.op() == "Conv2D" || node.op() == "Conv2DTranspose") {
    attributes["stride"] = AllAxes(node.attrs(), "stride");
    attributes["dilation"] = AllAxes(node.attrs(), "dilation");
    attributes["mode"] = int64_t{1};
    attributes["groups"] = attributes["group"];
    const Shape& weight = node.input(1)->type().shape;
    if (weight.rank_known() && weight.rank() == 4) {
      attributes["out_channel"] = weight.dim(node.op() == "Conv2D" ? 0 : 1);
      attributes["kernel_size"] = std::vector<int64_t>{weight.dim(2), weight.dim(3)};
    }
    if (auto pads = ops::ReadPads(node.attrs(), 2); pads.ok()) {
      if (pads->empty()) pads->assign(4, 0);
      attributes["pad"] = *pads;
      const std::string mode = node.attrs().String("pad_mode");
      if (mode == "pad" || mode == "valid") attributes["pad_list"] = *pads;
    }
  } else if (node.op() == "SplitV") {
    attributes["split_dim"] = attributes["axis"];
    attributes["num_split"] = int64_t{node.num_outputs()};
  } else if (node.op() == "Stack") {
    attributes["num"] = int64_t{node.num_inputs()};
    attributes["N"] = int64_t{node.num_inputs()};
  }
  return attributes;
}

std::string MindSporeRefusal(const ir::Node& node) {
  const ops::OpSchema* schema = ops::FindSchema(node.op());
  if (schema == nullptr || !node.branches().empty()) return "";
  if (schema->internal()) return absl::StrCat("it has no operator ", node.op());
  if (std::find(std::begin(kNoKernel), std::end(kNoKernel), node.op()) != std::end(kNoKernel))
    return absl::StrCat("it has no kernel for ", node.op());
  if (ParametersOfFunction(node.op()) > 0 && FunctionParameters(node) == 0)
    return absl::StrCat("its ", node.op(), " has fewer options");
  if (node.op() == "Flatten" && node.attrs().Int("axis") != 1) return "its Flatten keeps one axis";
  if (IsPool(node.op()) &&
      (node.attrs().String("pad_mode") == "pad" || !AllEqual(node.attrs().Ints("dilations"), 1) ||
       node.attrs().Int("round_mode") != 0)) {
    return absl::StrCat("its ", node.op(), " takes neither pads, dilations nor ceil_mode");
  }
  if (node.op() == "TensorScatterElements" && node.attrs().String("reduction") != "none" &&
      node.attrs().String("reduction") != "add") {
    return absl::StrCat("its ", node.op(), " does not reduce by ",
                        node.attrs().String("reduction"));
  }
  if (node.op() == "Range" &&
      std::any_of(node.inputs().begin(), node.inputs().end(),
                  [](const ir::Value* v) { return v != nullptr && !v->is_constant(); })) {
    return "its Range takes no computed numbers";
  }
  if (node.op() == "BatchMatMul" &&
      !SameBatch(node.input(0)->type().shape, node.input(1)->type().shape))
    return "its BatchMatMul does not broadcast";
  for (int i = 0; i < node.num_inputs(); ++i) {
    const ops::Parameter* p = schema->InputParameter(node, i);
    const ir::Value* v = node.input(i);
    if (p == nullptr || p->kind != ops::ParameterKind::kInts || v == nullptr || v->is_constant())
      continue;
    if (node.op() == "TopK" || (v->type().shape.rank_known() && v->type().shape.rank() == 0))
      return absl::StrCat("its ", node.op(), " takes no computed ", p->name);
  }
  return "";
}

}  // namespace mirin::mindir
