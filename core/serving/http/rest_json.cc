#include "core/serving/http/rest_json.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/http/json_text.h"

namespace mirin::serving {
namespace {

absl::Status Error(absl::string_view a, absl::string_view b = "", absl::string_view c = "") {
  return absl::InvalidArgumentError(absl::StrCat("Parser request failed, ", a, b, c));
}

struct TypeName {
  absl::string_view name;
  mirin_dtype dtype;
  bool is_bytes = false;
};
constexpr TypeName kTypeNames[] = {
    {"int8", MIRIN_DTYPE_I8},     {"int16", MIRIN_DTYPE_I16},          {"int32", MIRIN_DTYPE_I32},
    {"int64", MIRIN_DTYPE_I64},   {"uint8", MIRIN_DTYPE_U8},           {"uint16", MIRIN_DTYPE_U16},
    {"uint32", MIRIN_DTYPE_U32},  {"uint64", MIRIN_DTYPE_U64},         {"fp16", MIRIN_DTYPE_F16},
    {"fp32", MIRIN_DTYPE_F32},    {"fp64", MIRIN_DTYPE_F64},           {"float16", MIRIN_DTYPE_F16},
    {"float32", MIRIN_DTYPE_F32}, {"float64", MIRIN_DTYPE_F64},        {"bool", MIRIN_DTYPE_BOOL},
    {"str", MIRIN_DTYPE_STRING},  {"bytes", MIRIN_DTYPE_STRING, true},
};

Tensor TextTensor(std::string text, bool is_bytes) {
  Tensor tensor;
  tensor.dtype = MIRIN_DTYPE_STRING;
  tensor.is_bytes = is_bytes;
  tensor.texts.push_back(std::move(text));
  return tensor;
}

absl::Status ReadShape(JsonValue shape, Dims* dims) {
  if (shape.kind() != JsonKind::kArray)
    return Error("json object, key is 'shape', value should be array type");
  if (shape.size() == 0) return absl::OkStatus();
  if (shape.items() != JsonItems::kInts || shape.has_negative()) {
    return Error("json object, key is 'shape', array value should be unsigned integer");
  }
  if (shape.size() > MIRIN_MAX_RANK) {
    return Error(
        absl::StrCat("json object, the rank ", shape.size(), " is more than ", MIRIN_MAX_RANK));
  }
  dims->assign(shape.integers().begin(), shape.integers().end());
  // An empty tensor may not stand for endless empty rows in an answer.
  int64_t rows = 1;
  for (int64_t d : *dims) {
    if (d == 0) break;
    if (__builtin_mul_overflow(rows, d, &rows))
      return Error("json object, key is 'shape', it is too large");
  }
  if (std::count(dims->begin(), dims->end(), 0) != 0 && rows > kMaxEmptyRows) {
    return Error("json object, key is 'shape', it is too large");
  }
  return absl::OkStatus();
}

// {"b64": text, "type": name, "shape": [..]}, the last two may miss.
absl::StatusOr<Tensor> ReadObject(JsonValue object) {
  if (object.size() > 3) {
    return Error(
        "json object, items size is more than 3, only support specified ['b64', 'type', 'shape']");
  }
  JsonValue b64, type, shape;
  absl::Status status;
  object.ForEachMember([&](absl::string_view key, JsonValue value) {
    if (key == "b64") {
      b64 = value;
    } else if (key == "type") {
      type = value;
    } else if (key == "shape") {
      shape = value;
    } else {
      status = Error("json object, key is not ['b64', 'type', 'shape'], fail key:", key);
    }
    return status.ok();
  });
  MIRIN_RETURN_IF_ERROR(status);
  if (type.present() && type.kind() != JsonKind::kString) {
    return Error("json object, key is 'type', value should be string type");
  }
  Tensor tensor;
  if (shape.present()) MIRIN_RETURN_IF_ERROR(ReadShape(shape, &tensor.dims));
  if (!b64.present()) return Error("json object, 'b64' should be specified only one time");
  if (b64.kind() != JsonKind::kString) {
    return Error("get scalar data failed, type is string, but json is not string type");
  }
  const absl::string_view name = type.present() ? type.text() : "bytes";
  const auto* known = std::find_if(std::begin(kTypeNames), std::end(kTypeNames),
                                   [&](const TypeName& t) { return t.name == name; });
  if (known == std::end(kTypeNames)) {
    return Error("json object, specified type:'", name.substr(0, 64), "' is illegal");
  }
  std::string bytes;
  if (!DecodeBase64(b64.text(), &bytes)) {
    constexpr size_t kShown = 128;
    return Error(
        "'", absl::StrCat(b64.text().substr(0, kShown), b64.text().size() > kShown ? "..." : ""),
        "' is illegal b64 encode string");
  }
  if (known->dtype == MIRIN_DTYPE_STRING) {
    if (!known->is_bytes && !IsValidUtf8(bytes))
      return Error("json object, type is 'str', but the decoded bytes are not UTF-8");
    Tensor text = TextTensor(std::move(bytes), known->is_bytes);
    text.dims = std::move(tensor.dims);
    return text;
  }
  tensor.dtype = known->dtype;
  MIRIN_ASSIGN_OR_RETURN(const int64_t elements, Elements(tensor.dims));
  const uint64_t item = mirin_dtype_size(known->dtype);
  uint64_t size;
  if (__builtin_mul_overflow(static_cast<uint64_t>(elements), item, &size) ||
      size != bytes.size()) {
    return Error(absl::StrCat("size is not matched, decode base64 size:", bytes.size(),
                              "; Given info: type:", name, "; type size:", item,
                              "; element nums:", elements));
  }
  tensor.data = Buffer::FromString(std::move(bytes));
  return tensor;
}

// Array of arrays of one kind of numbers or bools, or around a single text.
class ArrayReader {
 public:
  absl::StatusOr<Tensor> Read(JsonValue array) {
    if (array.size() == 0) return Error("json array, shape is empty");
    JsonValue leaf = array;
    for (;;) {
      dims_.push_back(leaf.size());
      if (leaf.size() == 0 || leaf.items() != JsonItems::kValues ||
          leaf.first_item() != JsonKind::kArray)
        break;
      leaf = First(leaf);
    }
    if (dims_.size() > MIRIN_MAX_RANK) {
      return Error(
          absl::StrCat("json array, the rank ", dims_.size(), " is more than ", MIRIN_MAX_RANK));
    }
    items_ = leaf.items();
    if (leaf.size() == 0 || leaf.first_item() == JsonKind::kNull) return Unknown();
    if (leaf.first_item() == JsonKind::kString || leaf.first_item() == JsonKind::kObject)
      return ReadText(leaf);
    MIRIN_RETURN_IF_ERROR(Check(array, 0));
    return Convert(array);
  }

 private:
  static absl::Status Unknown() { return Error("json array, data type is unknown"); }
  static absl::Status Unequal() { return Error("json array, elements type is not equal"); }

  static JsonValue First(JsonValue array) {
    JsonValue first;
    array.ForEachItem([&](JsonValue item) {
      first = item;
      return false;
    });
    return first;
  }

  absl::StatusOr<Tensor> ReadText(JsonValue leaf) {
    const absl::StatusOr<int64_t> elements = Elements(dims_);
    if (!elements.ok() || *elements != 1)
      return Error("json array, string or bytes type only support one item");
    const JsonValue item = First(leaf);
    Tensor tensor;
    if (item.kind() == JsonKind::kString) {
      tensor = TextTensor(std::string(item.text()), false);
    } else {
      absl::StatusOr<Tensor> read = ReadObject(item);
      MIRIN_RETURN_IF_ERROR(read.status());
      if (read->dtype != MIRIN_DTYPE_STRING) {
        return Error("json array, item is object type, object only support string or bytes type");
      }
      tensor = std::move(*read);
    }
    tensor.dims = dims_;
    return tensor;
  }

  // Also learns whether integers need more than 32 bits.
  absl::Status Check(JsonValue array, size_t axis) {
    if (array.size() != static_cast<uint64_t>(dims_[axis])) {
      return Error(absl::StrCat("invalid json array: json size is ", array.size(), ", the dim ",
                                axis, " expected to be ", dims_[axis]));
    }
    if (axis + 1 == dims_.size()) {
      if (array.items() != items_ || items_ == JsonItems::kNumbers || items_ == JsonItems::kMixed) {
        bool null = false;
        if (array.items() == JsonItems::kMixed) {
          array.ForEachItem(
              [&](JsonValue item) { return !(null = item.kind() == JsonKind::kNull); });
        }
        return null ? Unknown() : Unequal();
      }
      if (items_ == JsonItems::kInts) {
        above_int64_ |= array.above_int64();
        negative_ |= array.has_negative();
        for (int64_t v : array.integers()) wide_ |= v != static_cast<int32_t>(v);
      }
      return absl::OkStatus();
    }
    if (array.items() != JsonItems::kValues) return Unequal();
    absl::Status status;
    array.ForEachItem([&](JsonValue item) {
      status = item.kind() == JsonKind::kArray  ? Check(item, axis + 1)
               : item.kind() == JsonKind::kNull ? Unknown()
                                                : Unequal();
      return status.ok();
    });
    return status;
  }

  template <typename Leaf>
  static void ForEachLeaf(JsonValue array, size_t depth, const Leaf& leaf) {
    if (depth == 1) {
      leaf(array);
      return;
    }
    array.ForEachItem([&](JsonValue item) {
      ForEachLeaf(item, depth - 1, leaf);
      return true;
    });
  }

  absl::StatusOr<Tensor> Convert(JsonValue array) {
    if (above_int64_ && negative_)
      return Error("json array, the integers fit neither int64 nor uint64");
    Tensor tensor;
    tensor.dims = dims_;
    tensor.dtype = items_ == JsonItems::kBools    ? MIRIN_DTYPE_BOOL
                   : items_ == JsonItems::kFloats ? MIRIN_DTYPE_F32
                   : above_int64_                 ? MIRIN_DTYPE_U64
                   : wide_                        ? MIRIN_DTYPE_I64
                                                  : MIRIN_DTYPE_I32;
    size_t elements = 1;
    for (int64_t d : dims_) elements *= static_cast<size_t>(d);  // all are there: no overflow
    uint8_t* out;
    tensor.data = Buffer::Allocate(elements * mirin_dtype_size(tensor.dtype), &out);
    ForEachLeaf(array, dims_.size(), [&](JsonValue leaf) {
      switch (tensor.dtype) {
        case MIRIN_DTYPE_F32:
          out = Store<float>(leaf.floats(), out);
          break;
        case MIRIN_DTYPE_I32:
          out = Store<int32_t>(leaf.integers(), out);
          break;
        case MIRIN_DTYPE_BOOL:
          out = Store<uint8_t>(leaf.integers(), out);
          break;
        default:
          out = Store<int64_t>(leaf.integers(), out);
      }
    });
    return tensor;
  }

  template <typename To, typename From>
  static uint8_t* Store(absl::Span<const From> values, uint8_t* out) {
    auto* to = reinterpret_cast<To*>(out);
    for (size_t i = 0; i < values.size(); ++i) to[i] = static_cast<To>(values[i]);
    return out + values.size() * sizeof(To);
  }

  Dims dims_;
  JsonItems items_ = JsonItems::kNone;
  bool wide_ = false;
  bool above_int64_ = false;
  bool negative_ = false;
};

template <typename T>
Tensor Scalar(mirin_dtype dtype, T value) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.data =
      Buffer::Copy(absl::string_view(reinterpret_cast<const char*>(&value), sizeof value));
  return tensor;
}

absl::StatusOr<Tensor> ReadValue(JsonValue value) {
  switch (value.kind()) {
    case JsonKind::kBool:
      return Scalar<uint8_t>(MIRIN_DTYPE_BOOL, value.boolean());
    case JsonKind::kInt: {
      const int64_t v = value.integer();
      if (value.above_int64()) return Scalar(MIRIN_DTYPE_U64, v);
      if (v != static_cast<int32_t>(v)) return Scalar(MIRIN_DTYPE_I64, v);
      return Scalar(MIRIN_DTYPE_I32, static_cast<int32_t>(v));
    }
    case JsonKind::kFloat:
      return Scalar(MIRIN_DTYPE_F32, static_cast<float>(value.number()));
    case JsonKind::kString:
      return TextTensor(std::string(value.text()), false);
    case JsonKind::kArray:
      return ArrayReader().Read(value);
    case JsonKind::kObject:
      return ReadObject(value);
    default:
      return Error("json value is null, it is not supported");
  }
}

absl::Status ReadInstance(JsonValue object, Instance* instance) {
  absl::Status status;
  absl::flat_hash_map<absl::string_view, size_t>
      places;  // of the inputs by name, where they are many
  constexpr uint32_t kFew = 16;
  object.ForEachMember([&](absl::string_view name, JsonValue value) {
    if (name.empty()) {
      status = Error("string key is empty");
      return false;
    }
    absl::StatusOr<Tensor> tensor = ReadValue(value);
    if (!tensor.ok()) {
      status = tensor.status();
      return false;
    }
    size_t place = instance->size();
    if (object.size() > kFew) {
      place = places.emplace(name, place).first->second;
    } else {
      const auto same = std::find_if(instance->begin(), instance->end(),
                                     [&](const NamedTensor& t) { return t.name == name; });
      place = static_cast<size_t>(same - instance->begin());
    }
    if (place != instance->size()) {
      (*instance)[place].value = std::move(*tensor);
    } else {
      instance->push_back({std::string(name), std::move(*tensor)});
    }
    return true;
  });
  return status;
}

void AppendText(const Tensor& tensor, std::string* out) {
  int64_t next = 0;
  AppendNested(
      PrintableDims(tensor.dims), &next,
      [&](int64_t i) {
        const std::string& text = tensor.texts[static_cast<size_t>(i)];
        if (!tensor.is_bytes && IsValidUtf8(text)) {
          AppendJsonText(text, out);
        } else {
          absl::StrAppend(out, "{\"b64\":\"", absl::Base64Escape(text), "\"}");
        }
      },
      out);
}

}  // namespace

absl::StatusOr<std::vector<Instance>> ParseInstances(JsonValue body) {
  const JsonValue instances = body.Find("instances");
  if (!instances.present())
    return Error("key 'instances' expects to exist once, but actually 0 times");
  std::vector<Instance> out;
  if (instances.kind() == JsonKind::kObject) {
    if (instances.size() == 0) return Error("json object, value is empty");
    MIRIN_RETURN_IF_ERROR(ReadInstance(instances, &out.emplace_back()));
    return out;
  }
  if (instances.kind() != JsonKind::kArray) return Error("instances no key mode is not supported");
  if (instances.size() == 0) return Error("instances value is array type, but no value");
  if (instances.first_item() != JsonKind::kObject)
    return Error("instances no key mode is not supported");
  if (instances.items() == JsonItems::kMixed)
    return Error("json array, instance is not object type");
  out.reserve(instances.size());
  absl::Status status;
  instances.ForEachItem([&](JsonValue instance) {
    if (instance.kind() != JsonKind::kObject) {
      status = Error("json array, instance is not object type");
    } else if (instance.size() == 0) {
      status = Error("json array, instance is object type, but no value");
    } else {
      status = ReadInstance(instance, &out.emplace_back());
    }
    return status.ok();
  });
  MIRIN_RETURN_IF_ERROR(status);
  return out;
}

std::string ErrorMessageJson(absl::string_view text) {
  std::string out = "{\"error_msg\":";
  AppendJsonText(text, &out);
  out.push_back('}');
  return out;
}

const Failure* WholeFailure(const InferReply& reply) {
  if (!reply.failure.ok() || reply.instances.empty()) return &reply.failure;
  const Failure& first = reply.instances[0].failure;
  if (first.ok()) return nullptr;
  for (const InstanceReply& instance : reply.instances) {
    if (instance.failure.code != first.code || instance.failure.text != first.text) return nullptr;
  }
  return &first;
}

void AppendInstances(const InferReply& reply, std::string* out) {
  absl::InlinedVector<uint32_t, 8> order(reply.names.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return reply.names[a] < reply.names[b]; });
  out->append("{\"instances\":[");
  for (size_t n = 0; n < reply.instances.size(); ++n) {
    const InstanceReply& instance = reply.instances[n];
    if (n != 0) out->push_back(',');
    if (!instance.failure.ok()) {
      out->append(ErrorMessageJson(instance.failure.text));
      continue;
    }
    char separator = '{';
    for (uint32_t i : order) {
      out->push_back(separator);
      separator = ',';
      AppendJsonText(reply.names[i], out);
      out->push_back(':');
      const Tensor& tensor = instance.outputs[i];
      if (tensor.dtype == MIRIN_DTYPE_STRING) {
        AppendText(tensor, out);
      } else {
        AppendTensor(tensor, tensor.dims, FloatStyle::kDouble, out);
      }
    }
    out->append(separator == '{' ? "{}" : "}");
  }
  out->append("]}");
}

}  // namespace mirin::serving
