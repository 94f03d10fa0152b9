// ONNX files: bytes to messages, and their tensors to ours. Nothing is trusted: sizes are checked before memory is taken, and
// external data stays inside the model's folder.
#ifndef CORE_CONVERTER_ONNX_MODEL_H_
#define CORE_CONVERTER_ONNX_MODEL_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/file.h"
#include "core/base/tensor.h"
#include "core/converter/onnx/onnx.pb.h"
#include "core/ir/graph.h"

namespace mirin::onnx {

// The dtype of a TensorProto.DataType number. Unimplemented, with a hint, for the ones that MindIR does not have (complex,
// 8-bit floats, 4- and 2-bit types); InvalidArgument for numbers that are no type.
absl::StatusOr<DType> DTypeFromOnnx(int64_t data_type);
// "float8e4m3fn" ..; "type 99" for numbers that are no type.
std::string OnnxTypeName(int64_t data_type);

// A parsed file. Messages are immutable and shared by the tensors that borrow from them.
class Model {
 public:
  // NotFound, PermissionDenied, DataLoss (no ONNX file, truncated), ResourceExhausted.
  static absl::StatusOr<std::shared_ptr<const Model>> Load(const std::string& path);
  // From memory. External data is looked for in `directory`; "" refuses it.
  static absl::StatusOr<std::shared_ptr<const Model>> Parse(absl::string_view bytes,
                                                            const std::string& directory);

  const ModelProto& proto() const { return proto_; }

 private:
  Model() = default;
  friend class TensorReader;
  ModelProto proto_;
  std::string directory_;
};

// Converts tensors of one model. Weights are borrowed from the model or the mapped external file where their form allows.
class TensorReader {
 public:
  explicit TensorReader(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
  // DataLoss when bytes and shape do not fit, PermissionDenied for external data outside the model's folder. Messages do not
  // name the tensor.
  absl::StatusOr<Tensor> Read(const TensorProto& proto);
  absl::StatusOr<Tensor> Read(const SparseTensorProto& proto);

 private:
  absl::StatusOr<FileBytes> External(const TensorProto& proto);

  std::shared_ptr<const Model> model_;
  absl::flat_hash_map<std::string, FileBytes> files_;
};

// A tensor type; unknown and symbolic dims become -1.
absl::StatusOr<ir::TensorType> TypeFromOnnx(const TypeProto::Tensor& proto);

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_MODEL_H_
