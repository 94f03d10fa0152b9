#include "core/mindir/write_value.h"

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/mindir/binding.h"
#include "core/mindir/raw_model.h"

namespace mirin::mindir {
namespace {

// Field numbers of AttributeProto.
enum : uint32_t {
  kName = 1,
  kF = 2,
  kI = 3,
  kD = 4,
  kS = 5,
  kFloats = 8,
  kDoubles = 9,
  kInts = 10,
  kStrings = 11,
  kTensors = 12,
  kType = 16,
  kValues = 17
};

bool IsFloat32(double d) { return d != d || static_cast<double>(static_cast<float>(d)) == d; }

// One number or text: single fields for an attribute, the plural ones for a member of a tuple.
void Scalar(WireWriter* a, const ir::Attribute& value, bool member) {
  if (const auto* b = std::get_if<bool>(&value)) {
    a->Integer(member ? kInts : kI, *b ? 1 : 0);
    a->Integer(kType, kAttrBool);
  } else if (const auto* i = std::get_if<int64_t>(&value)) {
    a->Integer(member ? kInts : kI, *i);
    a->Integer(kType, kAttrInt64);
  } else if (const auto* d = std::get_if<double>(&value)) {
    if (IsFloat32(*d)) {
      a->Float32(member ? kFloats : kF, static_cast<float>(*d));
      a->Integer(kType, kAttrFloat);
    } else {
      a->Float64(member ? kDoubles : kD, *d);
      a->Integer(kType, kAttrDouble);
    }
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    a->Bytes(member ? kStrings : kS, *s);
    a->Integer(kType, kAttrString);
  }
}

template <typename T>
void Tuple(WireWriter* a, const std::vector<T>& values) {
  for (const T& v : values) {
    WireWriter member;
    Scalar(&member, ir::Attribute(v), true);
    a->Message(kValues, member);
  }
  a->Integer(kType, kAttrTuple);
}

}  // namespace

WireWriter TensorTypeMessage(const ir::TensorType& type) {
  WireWriter t;
  if (!type.shape.rank_known()) {
    t.Integer(1, -2);
  } else {
    for (const int64_t d : type.shape.dims()) t.Integer(1, d);
  }
  t.Integer(2, ProtoFromDType(type.dtype));
  return t;
}

WireWriter TypeAttribute(absl::string_view name, const ir::TensorType& type) {
  WireWriter a;
  if (!name.empty()) a.Bytes(kName, name);
  a.Message(kTensors, TensorTypeMessage(type));
  a.Integer(kType, kAttrTensors);
  return a;
}

absl::StatusOr<WireWriter> AttributeMessage(absl::string_view name, const ir::Attribute& value) {
  WireWriter a;
  a.Bytes(kName, name);
  if (std::holds_alternative<std::monostate>(value)) {
    a.Integer(kType, kAttrNone);
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) {
    Tuple(&a, *ints);
  } else if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
    Tuple(&a, *numbers);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    Tuple(&a, *texts);
  } else if (const auto* dtype = std::get_if<DType>(&value)) {
    if (*dtype == DType::kUnknown) {
      a.Integer(kType, kAttrNone);
      return a;
    }
    WireWriter t;
    t.Integer(2, ProtoFromDType(*dtype));
    t.Bytes(7, "value0");
    a.Message(kTensors, t);
    a.Integer(kType, kAttrTensors);
  } else if (const auto* tensor = std::get_if<Tensor>(&value)) {
    if (tensor->dtype() == DType::kString) {
      if (tensor->rank() != 0)
        return absl::UnimplementedError(
            absl::StrCat("the string tensor '", name, "' has a rank; MindIR has none"));
      Scalar(&a, ir::Attribute(std::string(tensor->strings()[0])), false);
      return a;
    }
    WireWriter t = TensorTypeMessage({tensor->dtype(), tensor->shape()});
    t.Bytes(7, "value0");
    t.Bytes(9, absl::string_view(static_cast<const char*>(tensor->data()), tensor->bytes()));
    a.Message(kTensors, t);
    a.Integer(kType, kAttrTensors);
  } else {
    Scalar(&a, value, false);
  }
  return a;
}

}  // namespace mirin::mindir
