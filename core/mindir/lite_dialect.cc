#include <map>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/mindir/call.h"
#include "core/ops/schema.h"

namespace mirin::mindir {
namespace {

using absl::Status;

// ActivationType numbers -> the op that does it. Empty: none.
struct Activation {
  const char* op;
  const char*
      fused;  // name for the `activation` attribute of Conv2D and MatMul; null when there is none
};

absl::StatusOr<Activation> ActivationOf(int64_t type) {
  switch (type) {
    case 0:
    case 15:
      return Activation{"", ""};
    case 1:
      return Activation{"ReLU", "relu"};
    case 2:
      return Activation{"Sigmoid", "sigmoid"};
    case 3:
      return Activation{"ReLU6", "relu6"};
    case 4:
      return Activation{"Elu", nullptr};
    case 5:
      return Activation{"LeakyRelu", nullptr};
    case 6:
      return Activation{"Abs", nullptr};
    case 7:
      return Activation{"ReLU1", nullptr};
    case 8:
      return Activation{"Softsign", nullptr};
    case 9:
      return Activation{"Softplus", nullptr};
    case 10:
      return Activation{"Tanh", "tanh"};
    case 11:
      return Activation{"SeLU", nullptr};
    case 12:
      return Activation{"HSwish", "hswish"};
    case 13:
      return Activation{"HSigmoid", nullptr};
    case 16:
      return Activation{"Hardtanh", nullptr};
    case 17:
      return Activation{"Sign", nullptr};
    case 18:
      return Activation{"SiLU", "silu"};
    case 19:
      return Activation{"GeLUErf", nullptr};
    default:
      return absl::UnimplementedError(absl::StrCat("activation type ", type));
  }
}

// The activation as a call behind the op.
Status ActivationBehind(Call* call, std::vector<Call>* then) {
  MIRIN_ASSIGN_OR_RETURN(const Activation activation,
                         ActivationOf(call->attrs.Int("activation_type")));
  if (*activation.op != '\0') then->push_back({activation.op, "", {}, {}});
  return absl::OkStatus();
}

// The activation as an attribute where the op can fuse it, else behind it.
Status ActivationInside(Call* call, std::vector<Call>* then) {
  MIRIN_ASSIGN_OR_RETURN(const Activation activation,
                         ActivationOf(call->attrs.Int("activation_type")));
  if (activation.fused == nullptr) return ActivationBehind(call, then);
  call->attrs.Set("activation", std::string(activation.fused));
  return absl::OkStatus();
}

// Appends the operand for a later parameter (such as an optional bias behind attributes): operands in front of it that are
// attributes of the schema are given by name, so they are spelled out from the attributes here.
Status PlaceOperand(Call* call, absl::string_view parameter, Binding operand) {
  const ops::OpSchema* schema = ops::FindSchema(call->op);
  if (schema == nullptr)
    return absl::UnimplementedError(absl::StrCat("operator '", call->op, "' is not supported"));
  const auto& parameters = schema->parameters();
  for (size_t i = call->operands.size(); i < parameters.size(); ++i) {
    const ops::Parameter& p = parameters[i];
    if (p.name == parameter) {
      call->operands.push_back(std::move(operand));
      return absl::OkStatus();
    }
    if (p.kind != ops::ParameterKind::kAttribute) {
      call->operands.push_back(MakeBinding(BoundKind::kNone));
      continue;
    }
    const ir::Attribute* value = call->attrs.Find(p.name);
    for (const std::string& alias : p.aliases) {
      if (value == nullptr) value = call->attrs.Find(alias);
    }
    const ir::Attribute attribute = value != nullptr ? *value : p.fallback;
    auto b = std::make_shared<Bound>();
    if (const auto* flag = std::get_if<bool>(&attribute)) {
      b->kind = BoundKind::kBool;
      b->i = *flag;
    } else if (const auto* number = std::get_if<int64_t>(&attribute)) {
      b->kind = BoundKind::kInt;
      b->i = *number;
    } else if (const auto* real = std::get_if<double>(&attribute)) {
      b->kind = BoundKind::kFloat;
      b->d = *real;
    } else if (const auto* text = std::get_if<std::string>(&attribute)) {
      b->kind = BoundKind::kString;
      b->s = *text;
    } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attribute)) {
      b->kind = BoundKind::kTuple;
      for (int64_t v : *ints) b->members.push_back(BindInt(v));
    }
    call->operands.push_back(b);
  }
  return absl::InternalError(absl::StrCat("'", call->op, "' has no parameter '", parameter, "'"));
}

Status Convolution(const char* op, Call* call, std::vector<Call>* then) {
  call->op = op;
  MIRIN_RETURN_IF_ERROR(ActivationInside(call, then));
  if (call->operands.size() < 3) return absl::OkStatus();
  const Binding bias = call->operands[2];
  call->operands.resize(2);
  return PlaceOperand(call, "bias", bias);
}

Status Reduce(Call* call) {
  static const char* const kByMode[] = {
      "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum",    "ReduceSumSquare",
      "ReduceL1",   "ReduceAll", "ReduceL2",  "ReduceL1",   "ReduceLogSum", "ReduceLogSumExp"};
  const int64_t mode = call->attrs.Int("mode");
  if (mode < 0 || mode >= static_cast<int64_t>(std::size(kByMode))) {
    return absl::UnimplementedError(absl::StrCat("reduce mode ", mode));
  }
  if (call->attrs.Bool("reduce_to_end") || call->attrs.Float("coeff", 1) != 1) {
    return absl::UnimplementedError("ReduceFusion with reduce_to_end or a coefficient");
  }
  call->op = kByMode[mode];
  if (call->operands.size() < 2) call->attrs.Set("axis", call->attrs.Ints("axes"));
  return absl::OkStatus();
}

Status PoolFusion(const char* op, Call* call, std::vector<Call>* then) {
  call->op = op;
  const bool global = call->attrs.Bool("global");
  call->attrs.Set("global", global);
  if (global && !call->attrs.Has("kernel_size"))
    call->attrs.Set("kernel_size", std::vector<int64_t>{1, 1});
  call->attrs.Set("pad_list", call->attrs.Ints("pad"));
  call->attrs.Set("count_include_pad", false);
  return ActivationBehind(call, then);
}

Status ActivationNode(Call* call) {
  const int64_t type = call->attrs.Int("activation_type");
  MIRIN_ASSIGN_OR_RETURN(const Activation activation, ActivationOf(type));
  const double alpha = call->attrs.Float("alpha", type == 5 ? 0.01 : 1.0);
  ir::Attributes attrs;
  if (*activation.op == '\0') {
    call->op = "Identity";
  } else {
    call->op = activation.op;
    if (type == 4 || type == 5) attrs.Set("alpha", alpha);
    if (type == 16) {
      attrs.Set("min_val", call->attrs.Float("min_val", -1));
      attrs.Set("max_val", call->attrs.Float("max_val", 1));
    }
    if (type == 19 && call->attrs.Bool("approximate")) call->op = "GeLU";
    if (type == 13) call->op = "HSigmoid";
  }
  call->attrs = attrs;
  return absl::OkStatus();
}

}  // namespace

absl::Status FromLiteDialect(Call* call, std::vector<Call>* then, NodeBuilder* /*builder*/) {
  static const auto* const kArithmetic = new std::map<std::string, std::string>{
      {"AddFusion", "Add"}, {"SubFusion", "Sub"}, {"MulFusion", "Mul"}, {"DivFusion", "RealDiv"}};
  // Notes that every primitive of the converter carries; "format" would be read as the layout of the weights.
  const bool image_op = call->op == "Conv2DFusion" || call->op == "Conv2dTransposeFusion" ||
                        call->op == "AvgPoolFusion" || call->op == "MaxPoolFusion" ||
                        call->op == "FusedBatchNorm" || call->op == "BiasAdd";
  if (!image_op) call->attrs.Erase("format");
  const std::string op = call->op;
  if (auto it = kArithmetic->find(op); it != kArithmetic->end()) {
    call->op = it->second;
    return ActivationBehind(call, then);
  }
  if (op == "Conv2DFusion") return Convolution("Conv2D", call, then);
  if (op == "Conv2dTransposeFusion") {
    Binding bias;
    if (call->operands.size() > 2) bias = call->operands[2];
    if (call->operands.size() > 2) call->operands.resize(2);
    call->op = "Conv2DTranspose";
    MIRIN_RETURN_IF_ERROR(ActivationBehind(call, then));
    return bias == nullptr ? absl::OkStatus() : PlaceOperand(call, "bias", bias);
  }
  if (op == "MatMulFusion") {
    Binding bias;
    if (call->operands.size() > 2) {
      bias = call->operands[2];
      call->operands.resize(2);
    }
    call->op = "BatchMatMul";
    MIRIN_RETURN_IF_ERROR(ActivationInside(call, then));
    return bias == nullptr ? absl::OkStatus() : PlaceOperand(call, "bias", bias);
  }
  if (op == "ReduceFusion") return Reduce(call);
  if (op == "AvgPoolFusion") return PoolFusion("AvgPool", call, then);
  if (op == "MaxPoolFusion") return PoolFusion("MaxPool", call, then);
  if (op == "Activation") return ActivationNode(call);
  if (op == "ArgMaxFusion" || op == "ArgMinFusion") {
    call->op = op == "ArgMaxFusion" ? "Argmax" : "Argmin";
    if (call->operands.size() > 1) call->operands.resize(1);
    return absl::OkStatus();
  }
  if (op == "TopKFusion") {
    call->op = "TopKAxis";
    return absl::OkStatus();
  }
  if (op == "TileFusion") call->op = "Tile";
  if (op == "LayerNormFusion") {
    call->op = "LayerNorm";
    return absl::OkStatus();
  }
  if (op == "PReLUFusion") call->op = "PReLU";
  if (op == "FusedBatchNorm") call->op = "BatchNorm";
  if (op == "PowFusion") call->op = "Pow";
  if (op == "ExpFusion") call->op = "Exp";
  if (op == "SliceFusion") call->op = "Slice";
  if (op == "PReLU" || op == "PReLUFusion") call->attrs.Erase("slope");
  if (op == "Where" && call->operands.size() == 3) call->op = "Select";
  if (op == "Clip") {
    call->op = "ClipByValue";
    return absl::OkStatus();
  }
  if (op == "Cast" && call->operands.size() == 1)
    call->attrs.Set("dst_type", call->attrs.Type("to"));
  if (op == "Unsqueeze" && call->operands.size() > 1) call->operands.resize(1);
  if (op == "StridedSlice" && call->operands.size() == 5) call->op = "StridedSliceAxes";
  if (op == "LSTM" && call->operands.size() >= 6) call->op = "LSTMOnnx";
  if (op == "Shape") {  // int32 there
    then->push_back({"Cast", "", {}, {}});
    then->back().attrs.Set("dst_type", DType::kInt32);
  }
  if (op == "ScaleFusion")
    return absl::UnimplementedError("operator 'ScaleFusion' is not supported");
  return absl::OkStatus();
}

}  // namespace mirin::mindir
