#include "core/tools/load/payload.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status.h"
#include "core/base/wire.h"
#include "core/base/wire_writer.h"

namespace mirin::load {
namespace {

using serving::Tensor;
using Json = rapidjson::Writer<rapidjson::StringBuffer>;

bool IsText(const Tensor& tensor) { return tensor.dtype == MIRIN_DTYPE_STRING; }

// False: a number that JSON does not have.
template <typename T>
bool PutNumbers(const Tensor& tensor, Json* json) {
  const size_t count = tensor.data.size() / sizeof(T);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, tensor.data.data() + i * sizeof(T), sizeof(T));
    if constexpr (std::is_same_v<T, float>) {
      std::string text = absl::StrCat(value);
      double same = 0;
      // what a person would write, where that reads back as the same number
      if (absl::SimpleAtod(text, &same) && static_cast<float>(same) == value) {
        // arrays of MindSpore Serving hold integers or floats, never both
        if (text.find_first_of(".e") == std::string::npos) text += ".0";
        json->RawValue(text.data(), text.size(), rapidjson::kNumberType);
      } else {
        if (!json->Double(static_cast<double>(value))) return false;
      }
    } else if constexpr (std::is_same_v<T, double>) {
      if (!json->Double(value)) return false;
    } else if constexpr (std::is_same_v<T, bool>) {
      json->Bool(value);
    } else if constexpr (std::is_signed_v<T>) {
      json->Int64(value);
    } else {
      json->Uint64(value);
    }
  }
  return true;
}

// The elements, one after the other.
absl::Status PutElements(const Input& input, Json* json) {
  const Tensor& tensor = input.value;
  bool good = true;
  switch (tensor.dtype) {
    case MIRIN_DTYPE_BOOL:
      good = PutNumbers<bool>(tensor, json);
      break;
    case MIRIN_DTYPE_I8:
      good = PutNumbers<int8_t>(tensor, json);
      break;
    case MIRIN_DTYPE_I16:
      good = PutNumbers<int16_t>(tensor, json);
      break;
    case MIRIN_DTYPE_I32:
      good = PutNumbers<int32_t>(tensor, json);
      break;
    case MIRIN_DTYPE_I64:
      good = PutNumbers<int64_t>(tensor, json);
      break;
    case MIRIN_DTYPE_U8:
      good = PutNumbers<uint8_t>(tensor, json);
      break;
    case MIRIN_DTYPE_U16:
      good = PutNumbers<uint16_t>(tensor, json);
      break;
    case MIRIN_DTYPE_U32:
      good = PutNumbers<uint32_t>(tensor, json);
      break;
    case MIRIN_DTYPE_U64:
      good = PutNumbers<uint64_t>(tensor, json);
      break;
    case MIRIN_DTYPE_F32:
      good = PutNumbers<float>(tensor, json);
      break;
    case MIRIN_DTYPE_F64:
      good = PutNumbers<double>(tensor, json);
      break;
    case MIRIN_DTYPE_STRING:
      for (const std::string& text : tensor.texts) {
        json->String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
      }
      break;
    default:
      return absl::UnimplementedError(absl::StrCat(
          "input '", input.name, "': JSON has no form for ", serving::OipName(tensor.dtype)));
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input '", input.name, "': JSON has no NaN and no infinity"));
}

// Bytes of a tensor as Open Inference sends them raw: texts with their length in front.
std::string RawBytes(const Tensor& tensor) {
  if (!IsText(tensor)) return std::string(tensor.data.view());
  std::string out;
  for (const std::string& text : tensor.texts) {
    const uint32_t size = static_cast<uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
    out += text;
  }
  return out;
}

absl::StatusOr<Call> OipHttp(const Target& target, const std::vector<Input>& inputs) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  json.Key("inputs");
  json.StartArray();
  std::string raw;
  for (const Input& input : inputs) {
    json.StartObject();
    json.Key("name");
    json.String(input.name.c_str());
    json.Key("datatype");
    json.String(std::string(serving::OipName(input.value.dtype)).c_str());
    json.Key("shape");
    json.StartArray();
    for (const int64_t dim : input.value.dims) json.Int64(dim);
    json.EndArray();
    if (target.binary) {
      const std::string bytes = RawBytes(input.value);
      json.Key("parameters");
      json.StartObject();
      json.Key("binary_data_size");
      json.Uint64(bytes.size());
      json.EndObject();
      raw += bytes;
    } else {
      json.Key("data");
      json.StartArray();
      MIRIN_RETURN_IF_ERROR(PutElements(input, &json));
      json.EndArray();
    }
    json.EndObject();
  }
  json.EndArray();
  if (target.binary) {
    json.Key("parameters");
    json.StartObject();
    json.Key("binary_data_output");
    json.Bool(true);
    json.EndObject();
  }
  json.EndObject();
  Call call;
  call.path = MetadataCall(Protocol::kOipHttp, target).path + "/infer";
  call.headers = target.binary ? absl::StrCat(
                                     "Content-Type: application/octet-stream\r\n"
                                     "Inference-Header-Content-Length: ",
                                     buffer.GetSize(), "\r\n")
                               : "Content-Type: application/json\r\n";
  call.body = absl::StrCat(absl::string_view(buffer.GetString(), buffer.GetSize()), raw);
  return call;
}

std::string OipModel(const Target& target) {
  return target.method.empty() ? target.model : absl::StrCat(target.model, ".", target.method);
}

Call OipGrpc(const Target& target, const std::vector<Input>& inputs) {
  WireWriter request;
  request.Bytes(1, OipModel(target));
  if (target.version != 0) request.Bytes(2, absl::StrCat(target.version));
  for (const Input& input : inputs) {
    WireWriter tensor;
    tensor.Bytes(1, input.name);
    tensor.Bytes(2, serving::OipName(input.value.dtype));
    tensor.Packed(3, input.value.dims);
    request.Message(5, tensor);
  }
  for (const Input& input : inputs) request.Bytes(7, RawBytes(input.value));
  Call call;
  call.path = "/inference.GRPCInferenceService/ModelInfer";
  call.body = request.Take();
  return call;
}

// MindSpore Serving's numbers; 0: none.
int MsDtype(const Tensor& tensor) {
  switch (tensor.dtype) {
    case MIRIN_DTYPE_BOOL:
      return 1;
    case MIRIN_DTYPE_I8:
      return 2;
    case MIRIN_DTYPE_U8:
      return 3;
    case MIRIN_DTYPE_I16:
      return 4;
    case MIRIN_DTYPE_U16:
      return 5;
    case MIRIN_DTYPE_I32:
      return 6;
    case MIRIN_DTYPE_U32:
      return 7;
    case MIRIN_DTYPE_I64:
      return 8;
    case MIRIN_DTYPE_U64:
      return 9;
    case MIRIN_DTYPE_F16:
      return 10;
    case MIRIN_DTYPE_F32:
      return 11;
    case MIRIN_DTYPE_F64:
      return 12;
    case MIRIN_DTYPE_STRING:
      return 13;
    default:
      return 0;
  }
}

absl::StatusOr<Call> MsGrpc(const Target& target, const std::vector<Input>& inputs) {
  WireWriter request, spec, instance;
  spec.Bytes(1, target.model);
  spec.Bytes(2, target.method);
  if (target.version != 0) spec.Integer(3, static_cast<int64_t>(target.version));
  request.Message(1, spec);
  for (const Input& input : inputs) {
    WireWriter shape, tensor, item;
    shape.Packed(1, input.value.dims);
    tensor.Message(1, shape);
    const int dtype = MsDtype(input.value);
    if (dtype == 0) {
      return absl::UnimplementedError(absl::StrCat("input '", input.name,
                                                   "': MindSpore Serving has no ",
                                                   serving::OipName(input.value.dtype)));
    }
    tensor.Integer(2, dtype);
    if (IsText(input.value)) {
      for (const std::string& text : input.value.texts) tensor.Bytes(4, text);
    } else {
      tensor.Bytes(3, input.value.data.view());
    }
    item.Bytes(1, input.name);
    item.Message(2, tensor);
    instance.Message(1, item);
  }
  for (int64_t i = 0; i < target.instances; ++i) request.Message(2, instance);
  Call call;
  call.path = "/mindspore.serving.proto.MSService/Predict";
  call.body = request.Take();
  return call;
}

// `flat`, "1,2,3,4", as nested arrays of the dims.
std::string Nested(const serving::Dims& dims, const std::vector<absl::string_view>& items,
                   size_t axis, size_t* next) {
  if (axis == dims.size()) return std::string(items[(*next)++]);
  std::string out = "[";
  for (int64_t i = 0; i < dims[axis]; ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ",", Nested(dims, items, axis + 1, next));
  }
  return out + "]";
}

absl::StatusOr<Call> MsHttp(const Target& target, const std::vector<Input>& inputs) {
  std::string instance = "{";
  for (const Input& input : inputs) {
    rapidjson::StringBuffer name;
    Json(name).String(input.name.c_str());
    absl::StrAppend(&instance, instance.size() == 1 ? "" : ",", name.GetString(), ":");
    if (IsText(input.value)) {
      if (input.value.texts.size() != 1) {
        return absl::UnimplementedError(absl::StrCat(
            "input '", input.name, "': MindSpore Serving's REST takes one text, not several"));
      }
      rapidjson::StringBuffer text;
      Json(text).String(input.value.texts[0].c_str());
      absl::StrAppend(&instance, text.GetString());
      continue;
    }
    rapidjson::StringBuffer flat;
    Json json(flat);
    json.StartArray();
    MIRIN_RETURN_IF_ERROR(PutElements(input, &json));
    json.EndArray();
    absl::string_view list(flat.GetString(), flat.GetSize());
    list = list.substr(1, list.size() - 2);
    const std::vector<absl::string_view> items = absl::StrSplit(list, ',', absl::SkipEmpty());
    size_t next = 0;
    instance += Nested(input.value.dims, items, 0, &next);
  }
  instance += "}";
  Call call;
  call.path = absl::StrCat("/model/", target.model,
                           target.version == 0 ? "" : absl::StrCat("/version/", target.version),
                           ":", target.method);
  call.headers = "Content-Type: application/json\r\n";
  call.body = "{\"instances\":[";
  for (int64_t i = 0; i < target.instances; ++i) {
    absl::StrAppend(&call.body, i == 0 ? "" : ",", instance);
  }
  call.body += "]}";
  return call;
}

}  // namespace

Call MetadataCall(Protocol protocol, const Target& target) {
  Call call;
  if (IsGrpc(protocol)) {
    WireWriter request;
    request.Bytes(1, OipModel(target));
    if (target.version != 0) request.Bytes(2, absl::StrCat(target.version));
    call.path = "/inference.GRPCInferenceService/ModelMetadata";
    call.body = request.Take();
  } else {
    call.get = true;
    call.path = absl::StrCat("/v2/models/", OipModel(target),
                             target.version == 0 ? "" : absl::StrCat("/versions/", target.version));
  }
  return call;
}

absl::StatusOr<Call> InferCall(Protocol protocol, const Target& target,
                               const std::vector<Input>& inputs) {
  switch (protocol) {
    case Protocol::kOipGrpc:
      return OipGrpc(target, inputs);
    case Protocol::kOipHttp:
      return OipHttp(target, inputs);
    case Protocol::kMsGrpc:
      return MsGrpc(target, inputs);
    case Protocol::kMsHttp:
      return MsHttp(target, inputs);
  }
  return absl::InternalError("no such protocol");
}

std::string AnswerError(Protocol protocol, absl::string_view body) {
  if (protocol == Protocol::kMsHttp) {
    // {"error_msg": ..} of the request comes first; one of an instance lies among the results
    const bool failed = body.find("\"error_msg\"") != absl::string_view::npos;
    return failed ? "error_msg" : "";
  }
  if (protocol != Protocol::kMsGrpc) return "";
  WireReader reply(body);
  while (reply.Next()) {
    if (reply.field() != 4) continue;
    WireReader error(reply.bytes());
    while (error.Next()) {
      if (error.field() == 1 && error.integer() != 0)
        return absl::StrCat("error ", error.integer());
    }
  }
  return reply.ok() ? "" : "malformed";
}

}  // namespace mirin::load
