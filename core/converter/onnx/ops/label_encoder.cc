// ai.onnx.ml LabelEncoder: 1 numbers a list of classes, 2 maps lists to lists, 4 tensors as well.
#include "core/converter/onnx/ops/ml_scores.h"

namespace mirin::onnx {
namespace {

Tensor TextTensor(std::vector<std::string> texts) {
  const auto n = static_cast<int64_t>(texts.size());
  return Tensor::FromStrings({n}, std::move(texts));
}

std::vector<std::string> TextsOf(const Tensor& tensor) {
  const auto texts = tensor.strings();
  return std::vector<std::string>(texts.begin(), texts.end());
}

// One of the attributes keys_* or values_*.
absl::StatusOr<Tensor> ReadList(OpContext& c, const std::string& kind) {
  const std::string names[] = {kind + "_tensor", kind + "_strings", kind + "_int64s",
                               kind + "_floats"};
  const auto given = std::count_if(std::begin(names), std::end(names),
                                   [&](const std::string& name) { return c.Has(name); });
  if (given != 1)
    return absl::InvalidArgumentError(
        absl::StrCat("it has ", given, " attributes ", kind, "_*, expected one"));
  if (const Tensor* tensor = c.TensorAttribute(names[0]))
    return tensor->Reshaped({tensor->elements()});
  if (c.Has(names[1])) return TextTensor(c.Strings(names[1]));
  return c.Has(names[2]) ? Tensor::Int64s(c.Ints(names[2])) : FloatTensor(c.Floats(names[3]));
}

// What keys that are not found give, of the values' dtype.
absl::StatusOr<Tensor> ReadDefault(OpContext& c, DType dtype) {
  const Tensor* tensor = c.TensorAttribute("default_tensor");
  const std::string text = c.String("default_string", "_Unused");
  const int64_t integer = c.Int("default_int64", -1);
  const double number = c.Float("default_float", -0.0);
  if (tensor != nullptr) {
    if (tensor->elements() != 1 || tensor->dtype() != dtype)
      return absl::InvalidArgumentError(absl::StrCat("default_tensor is not one ", Name(dtype)));
    return tensor->Reshaped({1});
  }
  if (dtype == DType::kString) return TextTensor({text});
  ir::Value* value =
      c.builder().Scalar(IsInt(dtype) ? static_cast<double>(integer) : number, dtype);
  return value == nullptr ? absl::StatusOr<Tensor>(c.builder().status())
                          : value->tensor().Reshaped({1});
}

absl::Status LookUp(OpContext& c, Tensor keys, Tensor values, Tensor fallback) {
  GraphBuilder& b = c.builder();
  if (keys.elements() != values.elements())
    return absl::InvalidArgumentError(
        absl::StrCat(keys.elements(), " keys have ", values.elements(), " values"));
  if (c.dtype(0) != keys.dtype())
    return absl::InvalidArgumentError(
        absl::StrCat("X is ", Name(c.dtype(0)), " but the keys are ", Name(keys.dtype())));
  std::vector<ir::Value*> in = {c.input(0), GraphBuilder::Absent(), GraphBuilder::Absent(),
                                GraphBuilder::Absent()};
  Attrs attributes;
  if (keys.dtype() == DType::kString) {
    attributes.push_back({"key_texts", TextsOf(keys)});
  } else {
    in[1] = b.Constant(std::move(keys));
  }
  if (values.dtype() == DType::kString) {
    attributes.push_back({"value_texts", TextsOf(values)});
    attributes.push_back({"fallback_text", TextsOf(fallback)[0]});
  } else {
    in[2] = b.Constant(std::move(values));
    in[3] = b.Constant(std::move(fallback));
  }
  c.SetOutput(0, b.Op("LookUp", in, attributes));
  return absl::OkStatus();
}

}  // namespace

namespace translate {

absl::Status LabelEncoder(OpContext& c) {
  if (c.version() >= 2) {
    MIRIN_ASSIGN_OR_RETURN(Tensor keys, ReadList(c, "keys"));
    MIRIN_ASSIGN_OR_RETURN(Tensor values, ReadList(c, "values"));
    MIRIN_ASSIGN_OR_RETURN(Tensor fallback, ReadDefault(c, values.dtype()));
    return LookUp(c, std::move(keys), std::move(values), std::move(fallback));
  }
  Tensor classes = TextTensor(c.Strings("classes_strings"));
  std::vector<int64_t> numbers(static_cast<size_t>(classes.elements()));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i);
  const bool from_text = c.dtype(0) == DType::kString;
  MIRIN_ASSIGN_OR_RETURN(Tensor fallback,
                         ReadDefault(c, from_text ? DType::kInt64 : DType::kString));
  Tensor indices = Tensor::Int64s(numbers);
  return from_text ? LookUp(c, std::move(classes), std::move(indices), std::move(fallback))
                   : LookUp(c, std::move(indices), std::move(classes), std::move(fallback));
}

}  // namespace translate
}  // namespace mirin::onnx
