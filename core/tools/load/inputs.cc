#include "core/tools/load/inputs.h"

#include <rapidjson/document.h>

#include <cstring>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/dtype.h"
#include "core/base/npz.h"
#include "core/base/status.h"
#include "core/base/wire.h"

namespace mirin::load {
namespace {

using serving::Tensor;

constexpr int64_t kMaxBytes = int64_t{2} << 30;

size_t ElementSize(mirin_dtype dtype) { return SizeOf(static_cast<DType>(dtype)); }

absl::StatusOr<Input> RandomInput(std::string name, absl::string_view datatype,
                                  const std::vector<int64_t>& shape) {
  Input input{std::move(name), {}};
  Tensor& tensor = input.value;
  tensor.dtype = serving::DtypeFromOip(datatype);
  if (tensor.dtype == MIRIN_DTYPE_UNKNOWN) {
    return absl::InvalidArgumentError(absl::StrCat("input '", input.name, "' has the datatype '",
                                                   datatype, "', which is unknown"));
  }
  tensor.dims.assign(shape.begin(), shape.end());
  MIRIN_ASSIGN_OR_RETURN(const int64_t count, serving::Elements(tensor.dims));
  if (count > kMaxBytes / 8) {
    return absl::ResourceExhaustedError(absl::StrCat("input '", input.name, "' is too large"));
  }
  if (tensor.dtype == MIRIN_DTYPE_STRING) {
    tensor.texts.assign(static_cast<size_t>(count), "mirin");
    return input;
  }
  std::mt19937 random(1);
  const size_t size = ElementSize(tensor.dtype);
  uint8_t* out = nullptr;
  tensor.data = serving::Buffer::Allocate(static_cast<size_t>(count) * size, &out);
  for (int64_t i = 0; i < count; ++i, out += size) {
    const auto put = [&](auto value) { std::memcpy(out, &value, size); };
    // small numbers, which every model takes
    switch (tensor.dtype) {
      case MIRIN_DTYPE_F32:
        put(static_cast<float>(random() % 1000) / 1000);
        break;
      case MIRIN_DTYPE_F64:
        put(static_cast<double>(random() % 1000) / 1000);
        break;
      case MIRIN_DTYPE_F16:
        put(static_cast<uint16_t>(random() % 0x3c00));  // below one
        break;
      case MIRIN_DTYPE_BF16:
        put(static_cast<uint16_t>(random() % 0x3f80));
        break;
      default:
        put(static_cast<uint64_t>(random() % 2));
    }
  }
  return input;
}

std::vector<int64_t> Concrete(std::vector<int64_t> shape, int64_t batch) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0) shape[i] = i == 0 ? batch : 1;
  }
  return shape;
}

absl::StatusOr<std::vector<Input>> FromJson(absl::string_view reply, int64_t batch) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(reply.data(), reply.size());
  const auto wrong = absl::InvalidArgumentError("the server's metadata names no inputs");
  if (document.HasParseError() || !document.IsObject()) return wrong;
  const auto inputs = document.FindMember("inputs");
  if (inputs == document.MemberEnd() || !inputs->value.IsArray()) return wrong;
  std::vector<Input> out;
  for (const auto& input : inputs->value.GetArray()) {
    if (!input.IsObject() || !input.HasMember("name") || !input["name"].IsString() ||
        !input.HasMember("datatype") || !input["datatype"].IsString() ||
        !input.HasMember("shape") || !input["shape"].IsArray()) {
      return wrong;
    }
    std::vector<int64_t> shape;
    for (const auto& dim : input["shape"].GetArray()) {
      if (!dim.IsInt64()) return wrong;
      shape.push_back(dim.GetInt64());
    }
    MIRIN_ASSIGN_OR_RETURN(Input made,
                           RandomInput(input["name"].GetString(), input["datatype"].GetString(),
                                       Concrete(std::move(shape), batch)));
    out.push_back(std::move(made));
  }
  return out;
}

absl::StatusOr<std::vector<Input>> FromMessage(absl::string_view reply, int64_t batch) {
  std::vector<Input> out;
  WireReader message(reply);
  while (message.Next()) {
    if (message.field() != 4) continue;
    std::string name, datatype;
    std::vector<int64_t> shape;
    WireReader input(message.bytes());
    while (input.Next()) {
      if (input.field() == 1) name = std::string(input.bytes());
      if (input.field() == 2) datatype = std::string(input.bytes());
      if (input.field() == 3) input.Integers([&](int64_t dim) { shape.push_back(dim); });
    }
    if (!input.ok()) return absl::DataLossError("the server's metadata is damaged");
    MIRIN_ASSIGN_OR_RETURN(
        Input made, RandomInput(std::move(name), datatype, Concrete(std::move(shape), batch)));
    out.push_back(std::move(made));
  }
  if (!message.ok()) return absl::DataLossError("the server's metadata is damaged");
  return out;
}

}  // namespace

absl::StatusOr<std::vector<Input>> ReadInputs(const std::string& npz) {
  MIRIN_ASSIGN_OR_RETURN(auto arrays, ReadNpz(npz));
  std::vector<Input> out;
  for (auto& [name, array] : arrays) {
    Input input{name, {}};
    input.value.dims.assign(array.dims.begin(), array.dims.end());
    if (array.is_text()) {
      input.value.dtype = MIRIN_DTYPE_STRING;
      for (int64_t i = 0; i < array.elements(); ++i) input.value.texts.push_back(array.Text(i));
    } else {
      input.value.dtype = static_cast<mirin_dtype>(array.dtype());
      if (serving::OipName(input.value.dtype).empty()) {
        return absl::UnimplementedError(
            absl::StrCat("'", npz, "': array '", name, "' is of type ", array.descr));
      }
      input.value.data = serving::Buffer::FromString(std::move(array.bytes));
    }
    out.push_back(std::move(input));
  }
  return out;
}

absl::StatusOr<std::vector<Input>> InputsFromText(absl::string_view text) {
  std::vector<Input> out;
  for (absl::string_view one : absl::StrSplit(text, ';', absl::SkipEmpty())) {
    const std::vector<absl::string_view> parts = absl::StrSplit(one, ':');
    std::vector<int64_t> shape;
    bool good = (parts.size() == 2 || parts.size() == 3) && !parts[0].empty();
    if (good && parts.size() == 3) {
      for (absl::string_view dim : absl::StrSplit(parts[2], ',', absl::SkipEmpty())) {
        shape.push_back(0);
        good = good && absl::SimpleAtoi(dim, &shape.back()) && shape.back() >= 0;
      }
    }
    if (!good) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", one, "' is no input: expected NAME:DATATYPE:D,D.."));
    }
    MIRIN_ASSIGN_OR_RETURN(Input input, RandomInput(std::string(parts[0]), parts[1], shape));
    out.push_back(std::move(input));
  }
  return out;
}

absl::StatusOr<std::vector<Input>> InputsFromMetadata(bool grpc, absl::string_view reply,
                                                      int64_t batch) {
  return grpc ? FromMessage(reply, batch) : FromJson(reply, batch);
}

}  // namespace mirin::load
