#include "core/mindir/binding.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"

namespace mirin::mindir {

Binding MakeBinding(BoundKind kind) {
  auto b = std::make_shared<Bound>();
  b->kind = kind;
  return b;
}

Binding BindTensor(ir::Value* value) {
  auto b = std::make_shared<Bound>();
  b->kind = BoundKind::kTensor;
  b->value = value;
  return b;
}

int64_t WeightOf(const Bound& binding) {
  constexpr int64_t kMost = int64_t{1} << 40;
  if (binding.weight == 0) {
    int64_t sum = 1;
    for (const Binding& m : binding.members) sum = std::min(kMost, sum + WeightOf(*m));
    binding.weight = sum;
  }
  return binding.weight;
}

Binding BindInt(int64_t i) {
  auto b = std::make_shared<Bound>();
  b->kind = BoundKind::kInt;
  b->dtype = DType::kInt64;
  b->i = i;
  return b;
}

Binding BindTuple(std::vector<Binding> members) {
  auto b = std::make_shared<Bound>();
  b->kind = BoundKind::kTuple;
  b->members = std::move(members);
  return b;
}

namespace {

constexpr DType kProtoDTypes[] = {
    DType::kUnknown, DType::kFloat32,  DType::kUInt8,  DType::kInt8,   DType::kUInt16,
    DType::kInt16,   DType::kInt32,    DType::kInt64,  DType::kString, DType::kBool,
    DType::kFloat16, DType::kFloat64,  DType::kUInt32, DType::kUInt64, DType::kUnknown,
    DType::kUnknown, DType::kBFloat16, DType::kFloat64};

absl::StatusOr<Binding> BindTensorLiteral(const RawTensor& raw, ir::Module* module,
                                          const TensorLoader& load) {
  if (!raw.has_raw && !raw.external) {  // a tensor without bytes is a dtype
    auto b = std::make_shared<Bound>();
    b->kind = BoundKind::kDType;
    b->dtype = DTypeFromProto(raw.data_type);
    return b;
  }
  MIRIN_ASSIGN_OR_RETURN(Tensor tensor, load(raw));
  return BindTensor(module->AddConstant(std::string(raw.name), std::move(tensor)));
}

Binding BindNumber(BoundKind kind, DType dtype, int64_t i, double d) {
  auto b = std::make_shared<Bound>();
  b->kind = kind;
  b->dtype = dtype;
  b->i = i;
  b->d = d;
  return b;
}

Binding BindString(absl::string_view s) {
  auto b = std::make_shared<Bound>();
  b->kind = BoundKind::kString;
  b->s = std::string(s);
  return b;
}

// 1.x: the text of ref_attr_name says how to read the leaves, which are numbered from 1 in flat plural fields.
class OldLiteral {
 public:
  OldLiteral(const RawAttribute& a, ir::Module* module, const TensorLoader& load)
      : a_(a), module_(module), load_(load) {}

  absl::StatusOr<Binding> Bind() {
    absl::string_view text = a_.ref_attr_name;
    if (absl::ConsumePrefix(&text, "tensor:")) {
      if (a_.tensors.empty()) return Broken();
      return BindTensorLiteral(a_.tensors[0], module_, load_);
    }
    if (absl::ConsumePrefix(&text, "type:")) {
      if (a_.tensors.empty()) return Broken();
      auto b = std::make_shared<Bound>();
      b->kind = BoundKind::kDType;
      b->dtype = DTypeFromProto(a_.tensors[0].data_type);
      return Binding(b);
    }
    if (text == "none") return MakeBinding(BoundKind::kNone);
    if (absl::StartsWith(text, "Monad:")) return MakeBinding(BoundKind::kMonad);
    if (absl::ConsumePrefix(&text, "scalar:")) {
      if (text == "value0") return Single();
      MIRIN_ASSIGN_OR_RETURN(Binding b, Nested(&text, 0));
      return b;
    }
    return Broken();
  }

 private:
  absl::Status Broken() const {
    return absl::DataLossError(
        absl::StrCat("value '", a_.name, "' has the unknown form '", a_.ref_attr_name, "'"));
  }

  absl::StatusOr<Binding> Single() {
    if (a_.has_f) return BindNumber(BoundKind::kFloat, DType::kFloat32, 0, a_.f);
    if (a_.has_d) return BindNumber(BoundKind::kFloat, DType::kFloat64, 0, a_.d);
    if (a_.has_s) return BindString(a_.s);
    if (a_.type == kAttrBool) return BindNumber(BoundKind::kBool, DType::kBool, a_.i != 0, 0);
    if (a_.has_i) return BindNumber(BoundKind::kInt, DType::kInt64, a_.i, 0);
    return Leaf();
  }

  absl::StatusOr<Binding> Leaf() {
    const size_t k = next_++;
    if (k < a_.ints.size()) {
      if (a_.type == kAttrBool)
        return BindNumber(BoundKind::kBool, DType::kBool, a_.ints[k] != 0, 0);
      return BindNumber(BoundKind::kInt, DType::kInt64, a_.ints[k], 0);
    }
    if (k < a_.floats.size())
      return BindNumber(BoundKind::kFloat, DType::kFloat32, 0, a_.floats[k]);
    if (k < a_.doubles.size())
      return BindNumber(BoundKind::kFloat, DType::kFloat64, 0, a_.doubles[k]);
    if (k < a_.strings.size()) return BindString(a_.strings[k]);
    if (k < a_.tensors.size()) return BindTensorLiteral(a_.tensors[k], module_, load_);
    return Broken();
  }

  absl::StatusOr<Binding> Nested(absl::string_view* text, int depth) {
    if (depth > 32) return Broken();
    if (!absl::ConsumePrefix(text, "Tuple[") && !absl::ConsumePrefix(text, "List[")) {
      if (!absl::ConsumePrefix(text, "value")) return Broken();
      while (!text->empty() && absl::ascii_isdigit(static_cast<unsigned char>(text->front())))
        text->remove_prefix(1);
      absl::ConsumePrefix(text, ",");
      return Leaf();
    }
    std::vector<Binding> members;
    while (!absl::ConsumePrefix(text, "]")) {
      if (text->empty()) return Broken();
      MIRIN_ASSIGN_OR_RETURN(Binding member, Nested(text, depth + 1));
      members.push_back(std::move(member));
    }
    absl::ConsumePrefix(text, ",");
    return BindTuple(std::move(members));
  }

  const RawAttribute& a_;
  ir::Module* module_;
  const TensorLoader& load_;
  size_t next_ = 0;
};

}  // namespace

DType DTypeFromProto(int data_type) {
  return data_type > 0 && data_type < static_cast<int>(std::size(kProtoDTypes))
             ? kProtoDTypes[data_type]
             : DType::kUnknown;
}

int ProtoFromDType(DType dtype) {
  for (int i = 1; i < static_cast<int>(std::size(kProtoDTypes)); ++i) {
    if (kProtoDTypes[i] == dtype) return i;
  }
  return 0;
}

absl::StatusOr<Binding> BindLiteral(const RawAttribute& a, ir::Module* module,
                                    const TensorLoader& load) {
  if (!a.ref_attr_name.empty()) return OldLiteral(a, module, load).Bind();
  switch (a.type) {
    case kAttrTuple:
    case kAttrList: {
      std::vector<Binding> members;
      for (const RawAttribute& v : a.values) {
        MIRIN_ASSIGN_OR_RETURN(Binding b, BindLiteral(v, module, load));
        members.push_back(std::move(b));
      }
      return BindTuple(std::move(members));
    }
    case kAttrDict: {
      std::vector<Binding> members;
      for (const RawAttribute& v : a.values) {
        if (v.values.size() != 1)
          return absl::DataLossError(absl::StrCat("dict entry '", v.name, "' has no single value"));
        MIRIN_ASSIGN_OR_RETURN(Binding b, BindLiteral(v.values[0], module, load));
        members.push_back(std::move(b));
      }
      return BindTuple(std::move(members));
    }
    case kAttrTensors:
      if (a.tensors.empty())
        return absl::DataLossError(absl::StrCat("tensor value '", a.name, "' is empty"));
      return BindTensorLiteral(a.tensors[0], module, load);
    case kAttrString:
      return BindString(a.has_s ? a.s : a.strings.empty() ? absl::string_view() : a.strings[0]);
    case kAttrNone:
      return MakeBinding(BoundKind::kNone);
    case kAttrUMonad:
    case kAttrIOMonad:
      return MakeBinding(BoundKind::kMonad);
    case kAttrFloat:
      return BindNumber(BoundKind::kFloat, DType::kFloat32, 0,
                        a.has_f            ? a.f
                        : a.floats.empty() ? 0.0f
                                           : a.floats[0]);
    case kAttrDouble:
      return BindNumber(BoundKind::kFloat, DType::kFloat64, 0,
                        a.has_d             ? a.d
                        : a.doubles.empty() ? 0.0
                                            : a.doubles[0]);
    case kAttrBool:
      return BindNumber(BoundKind::kBool, DType::kBool,
                        (a.has_i          ? a.i
                         : a.ints.empty() ? 0
                                          : a.ints[0]) != 0,
                        0);
    default:
      if ((a.type >= kAttrUint8 && a.type <= kAttrInt64) || a.type == kAttrUint32 ||
          a.type == kAttrUint64) {
        return BindNumber(BoundKind::kInt, DTypeFromProto(a.type),
                          a.has_i          ? a.i
                          : a.ints.empty() ? 0
                                           : a.ints[0],
                          0);
      }
      return absl::UnimplementedError(
          absl::StrCat("value '", a.name, "' has the unsupported type ", a.type));
  }
}

bool ToInts(const Bound& b, std::vector<int64_t>* out) {
  if (b.kind == BoundKind::kInt || b.kind == BoundKind::kBool) {
    *out = {b.i};
    return true;
  }
  if (b.kind == BoundKind::kTensor && b.value->is_constant()) {
    auto ints = b.value->tensor().ToInt64s();
    if (!ints.ok()) return false;
    *out = *std::move(ints);
    return true;
  }
  if (b.kind != BoundKind::kTuple) return false;
  out->clear();
  for (const Binding& m : b.members) {
    std::vector<int64_t> nested;
    if (!ToInts(*m, &nested)) return false;
    out->insert(out->end(), nested.begin(), nested.end());
  }
  return true;
}

absl::StatusOr<ir::Attribute> ToAttribute(const Bound& b) {
  switch (b.kind) {
    case BoundKind::kNone:
      return ir::Attribute(std::monostate());
    case BoundKind::kBool:
      return ir::Attribute(b.i != 0);
    case BoundKind::kInt:
      return ir::Attribute(b.i);
    case BoundKind::kFloat:
      return ir::Attribute(b.d);
    case BoundKind::kString:
      return ir::Attribute(b.s);
    case BoundKind::kDType:
      return ir::Attribute(b.dtype);
    case BoundKind::kTensor: {
      if (!b.value->is_constant()) break;
      const Tensor& t = b.value->tensor();
      if (t.rank() == 0 && t.dtype() == DType::kBool) return ir::Attribute(*t.data_as<bool>());
      if (t.rank() == 0 && t.dtype() == DType::kFloat32) {
        float f;
        __builtin_memcpy(&f, t.data(), sizeof f);
        return ir::Attribute(static_cast<double>(f));
      }
      std::vector<int64_t> ints;
      if (ToInts(b, &ints)) return t.rank() == 0 ? ir::Attribute(ints.at(0)) : ir::Attribute(ints);
      return ir::Attribute(t);
    }
    case BoundKind::kTuple: {
      std::vector<int64_t> ints;
      if (ToInts(b, &ints)) return ir::Attribute(ints);
      std::vector<double> floats;
      std::vector<std::string> strings;
      for (const Binding& m : b.members) {
        if (IsNumber(*m))
          floats.push_back(m->kind == BoundKind::kFloat ? m->d : static_cast<double>(m->i));
        if (m->kind == BoundKind::kString) strings.push_back(m->s);
        if (m->kind == BoundKind::kNone) ints.push_back(-1);
      }
      if (floats.size() == b.members.size()) return ir::Attribute(floats);
      if (strings.size() == b.members.size()) return ir::Attribute(strings);
      // (None, 3) of an output size: None is -1
      std::vector<int64_t> mixed;
      for (const Binding& m : b.members) {
        if (m->kind == BoundKind::kNone) mixed.push_back(-1);
        if (m->kind == BoundKind::kInt) mixed.push_back(m->i);
      }
      if (mixed.size() == b.members.size()) return ir::Attribute(mixed);
      break;
    }
    default:
      break;
  }
  return absl::InvalidArgumentError("expected a constant");
}

}  // namespace mirin::mindir
