// A MindIR file as its messages say it, before any meaning: names, operands and attributes as views into the file's bytes.
#ifndef CORE_MINDIR_RAW_MODEL_H_
#define CORE_MINDIR_RAW_MODEL_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/shape.h"
#include "core/mindir/limits.h"

namespace mirin::mindir {

// AttributeProto.AttributeType; the numbers that reading needs.
enum AttributeType : int {
  kAttrUndefined = 0,
  kAttrFloat = 1,
  kAttrUint8 = 2,
  kAttrInt64 = 7,
  kAttrString = 8,
  kAttrBool = 9,
  kAttrFloat16 = 10,
  kAttrDouble = 11,
  kAttrUint32 = 12,
  kAttrUint64 = 13,
  kAttrTensors = 19,
  kAttrTuple = 20,
  kAttrList = 21,
  kAttrDict = 22,
  kAttrUMonad = 23,
  kAttrIOMonad = 24,
  kAttrNone = 25,
  kAttrScalar = 39,
};

struct RawAttribute;

struct RawTensor {
  Dims dims;
  int data_type = 0;
  absl::string_view name;
  absl::string_view raw;
  bool has_raw = false;
  bool external = false;
  absl::string_view location;
  int64_t offset = 0;
  int64_t length = 0;
  absl::string_view ref_key;
  int compression = 0;
  std::vector<absl::string_view> quant_params;  // QuantParamProto messages
};

struct RawAttribute {
  absl::string_view name;
  int type = kAttrUndefined;
  absl::string_view ref_attr_name;  // 1.x
  bool has_f = false, has_i = false, has_d = false, has_s = false;
  float f = 0;
  int64_t i = 0;
  double d = 0;
  absl::string_view s;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<int64_t> ints;
  std::vector<absl::string_view> strings;
  std::vector<RawTensor> tensors;
  std::vector<RawAttribute> values;
};

struct RawNode {
  absl::string_view name;
  absl::string_view op_type;
  absl::string_view domain;
  absl::string_view result_name;  // what the source of a conversion calls the result (doc_string)
  std::vector<absl::string_view> inputs;
  std::vector<absl::string_view> attributes;  // AttributeProto messages, parsed when wanted
};

struct RawValueInfo {
  absl::string_view name;
  absl::string_view denotation;
  bool has_tensor = false;
  RawTensor tensor;
  absl::string_view attr_info;  // AttributeProto message or empty
};

struct RawGraph {
  absl::string_view name;
  std::vector<RawNode> nodes;
  std::vector<RawTensor> parameters;
  std::vector<RawValueInfo> inputs;
  std::vector<RawValueInfo> outputs;
  std::vector<absl::string_view> attributes;
};

struct RawPrimitive {
  absl::string_view name;
  absl::string_view op_type;
  int prim_type = 0;
  std::vector<absl::string_view> attributes;
};

struct RawModel {
  std::string ir_version, producer_name, model_version;
  int64_t mind_ir_version = 0;
  bool little_endian = true;
  bool is_lite = false;          // written by the MindSpore Lite converter
  std::vector<RawGraph> graphs;  // [0] is the entry
  std::vector<RawPrimitive> primitives;
  std::string preprocessor;  // JSON
  std::vector<std::pair<std::string, std::string>> user_info;
};

// DataLoss with the offset for malformed bytes, ResourceExhausted for a limit, Unimplemented for a newer version.
absl::StatusOr<RawModel> ParseModel(absl::string_view bytes, const Limits& limits);
absl::StatusOr<RawAttribute> ParseAttribute(absl::string_view bytes, const Limits& limits,
                                            int depth = 0);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_RAW_MODEL_H_
