#include "core/ops/partial_values.h"

#include "core/ir/text.h"
#include "core/ops/infer_module.h"
#include "core/ops/schema.h"
#include "gtest/gtest.h"

namespace mirin::ops {
namespace {

// The type of the only result of a graph.
std::string ResultOf(const std::string& body) {
  auto module = ir::Parse(body);
  if (!module.ok()) return std::string(module.status().message());
  for (const auto& graph : (*module)->graphs()) {
    for (const auto& node : graph->nodes()) {
      const absl::Status status =
          node->branches().empty() ? Normalize(node.get()) : absl::OkStatus();
      if (!status.ok()) return std::string(status.message());
    }
  }
  const absl::Status status = InferModule(module->get());
  if (!status.ok()) return std::string(status.message());
  return ir::ToString((*module)->entry()->outputs()[0]->type());
}

TEST(PartialValues, KeepKnownDimsOfAReshape) {
  EXPECT_EQ(ResultOf(R"(
const %zero : int64[1] = {0}
const %rest : int64[2] = {12, 64}
graph @main(%x : float32[?,768]) {
  %s = Shape(%x)
  %b = Gather(%s, %zero) {axis = 0}
  %t = Concat(%b, %rest) {axis = 0}
  %y = Reshape(%x, %t)
  return %y as "y"
})"),
            "float32[?,12,64]");
}

TEST(PartialValues, LeaveTheOnlyOpenDimTheRest) {
  EXPECT_EQ(ResultOf(R"(
const %rest : int64[1] = {64}
graph @main(%x : float32[2,768], %n : int64[1]) {
  %t = Concat(%n, %rest) {axis = 0}
  %y = Reshape(%x, %t)
  return %y as "y"
})"),
            "float32[24,64]");
}

TEST(PartialValues, FollowArithmeticSlicesAndScalars) {
  EXPECT_EQ(ResultOf(R"(
const %begin : int64[1] = {1}
const %end : int64[1] = {3}
const %axis : int64[1] = {0}
const %two : int64[] = {2}
const %last : int64[] = {-1}
graph @main(%x : float32[?,6,8]) {
  %s = Shape(%x)
  %t = StridedSliceAxes(%s, %begin, %end, %axis)
  %u = TruncateDiv(%t, %two)
  %d = Gather(%s, %last) {axis = 0}
  %e = Unsqueeze(%d) {axis = [0]}
  %all = Concat(%u, %e) {axis = 0}
  %y = FillV2(%all, %two)
  return %y as "y"
})"),
            "int64[3,4,8]");
}

TEST(PartialValues, SelectByWhatIsKnown) {
  // As exports write expand: -1 keeps a dim.
  EXPECT_EQ(ResultOf(R"(
const %wanted : int64[3] = {-1, -1, 7}
const %minus : int64[] = {-1}
graph @main(%x : float32[?,5,1]) {
  %s = Shape(%x)
  %open = Equal(%wanted, %minus)
  %t = Select(%open, %s, %wanted)
  %y = BroadcastTo(%x, %t)
  return %y as "y"
})"),
            "float32[?,5,7]");
}

TEST(PartialValues, OfCalledGraphsHoldForEveryCall) {
  // The second call widens the argument: nothing of the first one may stay.
  EXPECT_EQ(ResultOf(R"(
graph @main(%a : float32[2,3], %b : float32[2,4]) {
  %x = Invoke(%a) [@dims(0)]
  %y = Invoke(%b) [@dims(0)]
  %z = Reshape(%a, %x)
  return %z as "z"
}
graph @dims(%x : float32[?,?]) {
  %s = Shape(%x)
  %y = FillV2(%s, %s)
  return %s as "s"
})"),
            "float32[?,?]");
}

TEST(PartialValues, UnslicedAxesKeepTheirSize) {
  EXPECT_EQ(ResultOf(R"(
const %zero : int64[1] = {0}
const %axis : int64[1] = {-2}
graph @main(%x : float32[2,9,4], %n : int64[1]) {
  %y = StridedSliceAxes(%x, %zero, %n, %axis)
  return %y as "y"
})"),
            "float32[2,?,4]");
}

}  // namespace
}  // namespace mirin::ops
