// Translators of ONNX operators: the table made from op_list.inc.
#ifndef CORE_CONVERTER_ONNX_REGISTRY_H_
#define CORE_CONVERTER_ONNX_REGISTRY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/converter/op_context.h"

namespace mirin::onnx {

using converter::OpContext;

// Operator set versions of the standard's own domain that this build knows; others are refused as a whole.
constexpr int64_t kOldestOpset = 7;
constexpr int64_t kNewestOpset = 28;

// Declares `absl::Status Conv(OpContext& c);` ... for every line of op_list.inc; files of ops/ define them.
namespace translate {
#define ONNX_OP(Op) absl::Status Op(OpContext& c);
#define ONNX_OP_IN(domain, Op) absl::Status Op(OpContext& c);
#define ONNX_OP_AS(domain, Op, Function) absl::Status Function(OpContext& c);
#include "core/converter/onnx/op_list.inc"
#undef ONNX_OP
#undef ONNX_OP_IN
#undef ONNX_OP_AS
}  // namespace translate

// Null when there is none.
converter::Translator FindTranslator(absl::string_view domain, absl::string_view op);
// "domain::Op" (just "Op" in the standard's domain), sorted.
std::vector<std::string> AllOps();

}  // namespace mirin::onnx

#endif  // CORE_CONVERTER_ONNX_REGISTRY_H_
