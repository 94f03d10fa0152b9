#include "core/mindir/mindspore_dialect.h"

#include "core/ir/text.h"
#include "core/ops/schema.h"
#include "gtest/gtest.h"

namespace mirin::mindir {
namespace {

// An attribute of the only node as MindSpore has it.
std::string Written(const std::string& node, const std::string& attribute) {
  auto module =
      ir::Parse("graph @main(%x : float32[1,3,8,8], %w : float32[4,3,3,3]) {\n  %y = " + node +
                "\n  return %y as \"y\"\n}");
  if (!module.ok()) return std::string(module.status().message());
  ir::Node* only = (*module)->entry()->nodes().front().get();
  if (const absl::Status status = ops::Normalize(only); !status.ok())
    return std::string(status.message());
  const auto attributes = PrimitiveAttributes(*only);
  const auto it = attributes.find(attribute);
  return it == attributes.end() ? "none" : ir::ToString(it->second);
}

TEST(MindSporeDialect, WindowsHaveAllAxes) {
  const std::string plain = "Conv2D(%x, %w)";
  EXPECT_EQ(Written(plain, "stride"), "[1, 1, 1, 1]");
  EXPECT_EQ(Written(plain, "pad"), "[0, 0, 0, 0]");
  EXPECT_EQ(Written(plain, "kernel_size"), "[3, 3]");
  EXPECT_EQ(Written(plain, "out_channel"), "4");
  EXPECT_EQ(Written("Conv2D(%x, %w) {stride = [2, 3], dilation = [1, 1, 1, 2]}", "stride"),
            "[1, 1, 2, 3]");
  EXPECT_EQ(Written("Conv2D(%x, %w) {dilation = [1, 1, 1, 2]}", "dilation"), "[1, 1, 1, 2]");
  EXPECT_EQ(Written("Conv2D(%x, %w) {stride = 2}", "stride"), "[1, 1, 2, 2]");
}

// Older files have one number for all sides, or a list that was not worked out.
TEST(MindSporeDialect, PadsAreNotLost) {
  for (const char* attributes :
       {"{pad = 1}", "{pad = [1, 1, 1, 1]}", "{pad = [1, 1, 1, 1], pad_list = [-1, -1, -1, -1]}",
        "{pad_list = [1, 1, 1, 1]}"}) {
    const std::string node = std::string("Conv2D(%x, %w) ") + attributes;
    EXPECT_EQ(Written(node, "pad"), "[1, 1, 1, 1]") << attributes;
    EXPECT_EQ(Written(node, "pad_list"), "[1, 1, 1, 1]") << attributes;
  }
}

TEST(MindSporeDialect, NumbersStandForTexts) {
  EXPECT_EQ(ir::ToString(*FromFunctionOperand("reduction", true, int64_t{0})), "\"none\"");
  EXPECT_EQ(ir::ToString(*FromFunctionOperand("axis", false, int64_t{0})), "0");
  EXPECT_EQ(FromFunctionOperand("reduction", true, int64_t{9}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mirin::mindir
