#include "core/ir/text.h"

#include "gtest/gtest.h"

namespace mirin::ir {
namespace {

constexpr char kModule[] = R"(const %w : float32[2,2] = {1, 0.5, -3, 4}
const %big : int32[40] = splat 7
const %names : string[2] = {"a \"b\"", ""}
var %state : int64[] = {3}
graph @main(%x : float32[?,2], %p : bool[]) {
  %y : float32[?,2] = MatMul(%x, %w, _) {activation = "relu", transpose_a = false} "Default/fc1"
  %a : float32[?,1], %b : float32[?,1] = Split(%y) {axis = 1, output_num = 2} "split"
  Assign(%state, %p) "write"
  %r : float32[...] = Invoke(%p, %a, %b) [@then(1), @else(2)] "call"
  return %r as "logits", %big as "big"
}
graph @then(%t : float32[?,1]) {
  return %t
}
graph @else(%e : float32[?,1]) {
  %n : float32[?,1] = Neg(%e) {scale = 0.5, list = [1, 2], reals = [0.5, 1.0], texts = ["q"], to = float16, x = none} "neg"
  return %n
}
)";

TEST(Text, PrintsWhatItParses) {
  auto module = Parse(kModule);
  ASSERT_TRUE(module.ok()) << module.status();
  const std::string once = Print(**module);
  auto again = Parse(once);
  ASSERT_TRUE(again.ok()) << again.status() << once;
  EXPECT_EQ(Print(**again), once);
  EXPECT_NE(once.find("%y : float32[?,2] = MatMul(%x, %w, _) {activation = \"relu\", transpose_a = "
                      "false} \"Default/fc1\""),
            std::string::npos)
      << once;
  EXPECT_NE(once.find("= splat 7"), std::string::npos);
  EXPECT_NE(once.find("[@then(1), @else(2)]"), std::string::npos);
}

TEST(Text, CanonicalFormHidesNames) {
  auto a = Parse(
      "const %w : int64[1] = {5}\ngraph @m(%x : float32[1]) {\n %y = Reshape(%x, %w) \"n\"\n "
      "return %y as \"o\"\n}");
  auto b = Parse(
      "const %q : int64[1] = {5}\ngraph @k(%z : float32[1]) {\n %r = Reshape(%z, %q) \"m\"\n "
      "return %r as \"o\"\n}");
  ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  PrintOptions canonical;
  canonical.canonical = true;
  EXPECT_EQ(Print(**a, canonical), Print(**b, canonical));
}

TEST(Text, NamesTheLineOfAnError) {
  for (const auto& [text, what] : std::vector<std::pair<std::string, std::string>>{
           {"graph @m() {\n  %y = Neg(%nope)\n return %y\n}", "line 2: %nope is not defined"},
           {"const %w : float32[2] = ...", "line 1"},
           {"const %w : float99[2] = {1, 2}", "expected a dtype"},
           {"const %w : float32[2] = {1}", "expected ','"},
           {"", "there is no graph"},
           {"graph @m() {\n return \"x", "unfinished"},
           {"nonsense", "expected const, var or graph"}}) {
    auto module = Parse(text);
    EXPECT_FALSE(module.ok()) << text;
    EXPECT_NE(module.status().message().find(what), std::string::npos) << module.status();
  }
}

}  // namespace
}  // namespace mirin::ir
