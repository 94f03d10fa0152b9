#include "core/converter/onnx/model.h"

#include <limits.h>
#include <stdlib.h>

#include <algorithm>
#include <climits>
#include <limits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status.h"
#include "core/converter/report.h"
#include "google/protobuf/io/coded_stream.h"

namespace mirin::onnx {
namespace {

// A message may be this large: protobuf's own limit.
constexpr size_t kMaxFileBytes = size_t{INT_MAX};
constexpr size_t kMaxExternalBytes = size_t{1} << 40;
// Dense form of a sparse tensor, string elements.
constexpr int64_t kMaxSparseBytes = int64_t{1} << 30;

struct TypeRow {
  DType dtype;
  const char* name;
};

// By TensorProto.DataType.
constexpr TypeRow kTypes[] = {
    {DType::kUnknown, "undefined"},
    {DType::kFloat32, "float32"},
    {DType::kUInt8, "uint8"},
    {DType::kInt8, "int8"},
    {DType::kUInt16, "uint16"},
    {DType::kInt16, "int16"},
    {DType::kInt32, "int32"},
    {DType::kInt64, "int64"},
    {DType::kString, "string"},
    {DType::kBool, "bool"},
    {DType::kFloat16, "float16"},
    {DType::kFloat64, "float64"},
    {DType::kUInt32, "uint32"},
    {DType::kUInt64, "uint64"},
    {DType::kUnknown, "complex64"},
    {DType::kUnknown, "complex128"},
    {DType::kBFloat16, "bfloat16"},
    {DType::kUnknown, "float8e4m3fn"},
    {DType::kUnknown, "float8e4m3fnuz"},
    {DType::kUnknown, "float8e5m2"},
    {DType::kUnknown, "float8e5m2fnuz"},
    {DType::kUnknown, "uint4"},
    {DType::kUnknown, "int4"},
    {DType::kUnknown, "float4e2m1"},
    {DType::kUnknown, "float8e8m0"},
    {DType::kUnknown, "uint2"},
    {DType::kUnknown, "int2"},
};
constexpr int64_t kTypeCount = sizeof(kTypes) / sizeof(kTypes[0]);

template <typename T, typename From>
absl::StatusOr<Tensor> Converted(const From& values, absl::Span<const int64_t> dims) {
  MIRIN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(DTypeOf<T>::value, dims));
  if (tensor.elements() != values.size()) {
    return absl::DataLossError(absl::StrCat("the shape ", ToString(dims), " has ",
                                            tensor.elements(), " elements, the data ",
                                            values.size()));
  }
  T* to = tensor.mutable_data_as<T>();
  for (int i = 0; i < values.size(); ++i) to[i] = static_cast<T>(values[i]);
  return tensor;
}

// 16-bit floats stand in int32_data as their bits.
absl::StatusOr<Tensor> FromBits(DType dtype, const google::protobuf::RepeatedField<int32_t>& values,
                                absl::Span<const int64_t> dims) {
  MIRIN_ASSIGN_OR_RETURN(const Tensor bits, Converted<uint16_t>(values, dims));
  return Tensor::Borrow(dtype, dims, bits.data(), bits.owner());
}

absl::StatusOr<Tensor> FromTypedFields(const TensorProto& p, DType dtype,
                                       absl::Span<const int64_t> dims) {
  switch (dtype) {
    case DType::kFloat32:
      return Converted<float>(p.float_data(), dims);
    case DType::kFloat64:
      return Converted<double>(p.double_data(), dims);
    case DType::kInt64:
      return Converted<int64_t>(p.int64_data(), dims);
    case DType::kUInt64:
      return Converted<uint64_t>(p.uint64_data(), dims);
    case DType::kUInt32:
      return Converted<uint32_t>(p.uint64_data(), dims);
    case DType::kInt32:
      return Converted<int32_t>(p.int32_data(), dims);
    case DType::kInt16:
      return Converted<int16_t>(p.int32_data(), dims);
    case DType::kInt8:
      return Converted<int8_t>(p.int32_data(), dims);
    case DType::kUInt16:
      return Converted<uint16_t>(p.int32_data(), dims);
    case DType::kUInt8:
      return Converted<uint8_t>(p.int32_data(), dims);
    case DType::kBool:
      return Converted<bool>(p.int32_data(), dims);
    case DType::kFloat16:
    case DType::kBFloat16:
      return FromBits(dtype, p.int32_data(), dims);
    default:
      return absl::InvalidArgumentError("the tensor has no data type");
  }
}

std::string Directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

absl::StatusOr<std::string> RealPath(const std::string& path) {
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr)
    return absl::NotFoundError(absl::StrCat("external data '", path, "' does not exist"));
  return std::string(resolved);
}

}  // namespace

std::string OnnxTypeName(int64_t data_type) {
  if (data_type < 0 || data_type >= kTypeCount) return absl::StrCat("type ", data_type);
  return kTypes[data_type].name;
}

absl::StatusOr<DType> DTypeFromOnnx(int64_t data_type) {
  if (data_type <= 0 || data_type >= kTypeCount)
    return absl::InvalidArgumentError(absl::StrCat(data_type, " is no ONNX data type"));
  const DType dtype = kTypes[data_type].dtype;
  if (dtype != DType::kUnknown) return dtype;
  return converter::Refuse(
      absl::StrCat("the data type ", kTypes[data_type].name, " has no counterpart in MindIR"),
      "convert it to a type of 8 bits or more, such as int8 or float16, before exporting");
}

absl::StatusOr<std::shared_ptr<const Model>> Model::Load(const std::string& path) {
  MIRIN_ASSIGN_OR_RETURN(const FileBytes file, MapFile(path, kMaxFileBytes));
  auto model = Parse(file.bytes, Directory(path));
  if (!model.ok()) return Annotate(model.status(), path);
  return model;
}

absl::StatusOr<std::shared_ptr<const Model>> Model::Parse(absl::string_view bytes,
                                                          const std::string& directory) {
  if (bytes.size() > kMaxFileBytes)
    return absl::ResourceExhaustedError(
        "an ONNX file holds at most 2 GiB; larger weights are external data");
  std::shared_ptr<Model> model(new Model());
  model->directory_ = directory;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  if (!model->proto_.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    return absl::DataLossError(
        absl::StrCat("no ONNX model, or a damaged one: reading ended at byte ",
                     stream.CurrentPosition(), " of ", bytes.size()));
  }
  if (!model->proto_.has_graph())
    return absl::DataLossError(absl::StrCat("no ONNX model, or a truncated one: its ", bytes.size(),
                                            " bytes hold no graph"));
  return std::shared_ptr<const Model>(std::move(model));
}

absl::StatusOr<FileBytes> TensorReader::External(const TensorProto& proto) {
  std::string location;
  int64_t offset = 0, length = -1;
  for (const StringStringEntryProto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset" && (!absl::SimpleAtoi(entry.value(), &offset) || offset < 0))
      return absl::DataLossError(absl::StrCat("external data with offset '", entry.value(), "'"));
    if (entry.key() == "length" && (!absl::SimpleAtoi(entry.value(), &length) || length < 0))
      return absl::DataLossError(absl::StrCat("external data with length '", entry.value(), "'"));
  }
  if (location.empty()) return absl::DataLossError("external data without a location");
  const std::string& directory = model_->directory_;
  if (directory.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("external data '", location, "' of a model that is no file"));
  bool outside = location[0] == '/' || absl::StrContains(location, '\0');
  for (const absl::string_view part : absl::StrSplit(location, '/')) outside |= part == "..";
  if (outside)
    return absl::PermissionDeniedError(
        absl::StrCat("external data '", location, "' is outside the model's folder"));
  auto it = files_.find(location);
  if (it == files_.end()) {
    // Links may lead out, too.
    MIRIN_ASSIGN_OR_RETURN(const std::string root, RealPath(directory));
    MIRIN_ASSIGN_OR_RETURN(const std::string path,
                           RealPath(absl::StrCat(directory, "/", location)));
    if (!absl::StartsWith(path, root == "/" ? root : root + "/"))
      return absl::PermissionDeniedError(
          absl::StrCat("external data '", location, "' is a link out of the model's folder"));
    MIRIN_ASSIGN_OR_RETURN(FileBytes file, MapFile(path, kMaxExternalBytes));
    it = files_.emplace(location, std::move(file)).first;
  }
  const auto size = static_cast<int64_t>(it->second.bytes.size());
  if (length < 0) length = offset <= size ? size - offset : 0;
  if (offset > size || length > size - offset) {
    return absl::DataLossError(absl::StrCat("external data '", location, "' has ", size, " bytes, ",
                                            length, " from ", offset, " are asked for"));
  }
  return FileBytes{
      it->second.bytes.substr(static_cast<size_t>(offset), static_cast<size_t>(length)),
      it->second.owner};
}

absl::StatusOr<Tensor> TensorReader::Read(const TensorProto& p) {
  MIRIN_ASSIGN_OR_RETURN(const DType dtype, DTypeFromOnnx(p.data_type()));
  if (p.has_segment()) return converter::Refuse("a tensor in segments");
  if (p.dims_size() > kMaxRank)
    return converter::Refuse(absl::StrCat("a tensor of rank ", p.dims_size()),
                             absl::StrCat("ranks up to ", kMaxRank, " are supported"));
  const Dims dims(p.dims().begin(), p.dims().end());
  MIRIN_ASSIGN_OR_RETURN(const int64_t elements, CheckedElements(dims));
  if (dtype == DType::kString) {
    if (p.string_data_size() != elements)
      return absl::DataLossError(absl::StrCat("the shape ", ToString(dims), " has ", elements,
                                              " elements, the data ", p.string_data_size()));
    return Tensor::FromStrings(
        dims, std::vector<std::string>(p.string_data().begin(), p.string_data().end()));
  }
  MIRIN_ASSIGN_OR_RETURN(const size_t bytes, CheckedBytes(dtype, dims));
  FileBytes raw;
  if (p.data_location() == 1) {
    MIRIN_ASSIGN_OR_RETURN(raw, External(p));
  } else if (p.has_raw_data()) {
    raw = {p.raw_data(), model_};
  } else {
    // Before memory is taken: a few bytes may claim any shape.
    const int64_t given = std::max({int64_t{p.float_data_size()}, int64_t{p.int32_data_size()},
                                    int64_t{p.int64_data_size()}, int64_t{p.double_data_size()},
                                    int64_t{p.uint64_data_size()}});
    if (given != elements)
      return absl::DataLossError(absl::StrCat("the shape ", ToString(dims), " has ", elements,
                                              " elements, the data ", given));
    return FromTypedFields(p, dtype, dims);
  }
  if (raw.bytes.size() != bytes) {
    return absl::DataLossError(absl::StrCat(Name(dtype), ToString(dims), " needs ", bytes,
                                            " bytes, the data has ", raw.bytes.size()));
  }
  return Tensor::Borrow(dtype, dims, raw.bytes.data(), raw.owner);
}

absl::StatusOr<Tensor> TensorReader::Read(const SparseTensorProto& p) {
  MIRIN_ASSIGN_OR_RETURN(Tensor values, Read(p.values()));
  MIRIN_ASSIGN_OR_RETURN(values, values.Aligned());
  MIRIN_ASSIGN_OR_RETURN(const Tensor index_tensor, Read(p.indices()));
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> indices, index_tensor.ToInt64s());
  const Dims dims(p.dims().begin(), p.dims().end());
  if (dims.empty() || dims.size() > kMaxRank || values.dtype() == DType::kString)
    return absl::InvalidArgumentError("a sparse tensor of this form");
  MIRIN_ASSIGN_OR_RETURN(const size_t bytes, CheckedBytes(values.dtype(), dims));
  if (static_cast<int64_t>(bytes) > kMaxSparseBytes)
    return absl::ResourceExhaustedError(
        absl::StrCat("a sparse tensor of ", bytes, " bytes when dense"));
  MIRIN_ASSIGN_OR_RETURN(Tensor dense, Tensor::Allocate(values.dtype(), dims));
  const auto rank = static_cast<int64_t>(dims.size());
  const int64_t n = values.elements();
  const bool linear = index_tensor.rank() == 1;
  if (static_cast<int64_t>(indices.size()) != (linear ? n : n * rank))
    return absl::DataLossError("indices and values of a sparse tensor do not match");
  const Dims strides = Strides(dims);
  const size_t size = SizeOf(values.dtype());
  for (int64_t i = 0; i < n; ++i) {
    int64_t at = 0;
    if (linear) {
      at = indices[static_cast<size_t>(i)];
    } else {
      for (int64_t d = 0; d < rank; ++d) {
        const int64_t index = indices[static_cast<size_t>(i * rank + d)];
        if (index < 0 || index >= dims[static_cast<size_t>(d)])
          return absl::DataLossError("an index of a sparse tensor is out of range");
        at += index * strides[static_cast<size_t>(d)];
      }
    }
    if (at < 0 || at >= dense.elements())
      return absl::DataLossError("an index of a sparse tensor is out of range");
    std::copy_n(static_cast<const char*>(values.data()) + static_cast<size_t>(i) * size, size,
                static_cast<char*>(dense.mutable_data()) + static_cast<size_t>(at) * size);
  }
  return dense;
}

absl::StatusOr<ir::TensorType> TypeFromOnnx(const TypeProto::Tensor& proto) {
  ir::TensorType type;
  MIRIN_ASSIGN_OR_RETURN(type.dtype, DTypeFromOnnx(proto.elem_type()));
  if (!proto.has_shape()) return type;
  if (proto.shape().dim_size() > kMaxRank)
    return converter::Refuse(absl::StrCat("a tensor of rank ", proto.shape().dim_size()),
                             absl::StrCat("ranks up to ", kMaxRank, " are supported"));
  Dims dims;
  for (const auto& d : proto.shape().dim())
    dims.push_back(d.has_dim_value() && d.dim_value() >= 0 ? d.dim_value() : -1);
  type.shape = Shape(std::move(dims));
  return type;
}

}  // namespace mirin::onnx
