#include "core/tools/flags.h"

#include "gtest/gtest.h"

namespace mirin::tools {
namespace {

constexpr Flag kTable[] = {
    {"inputs", "PATH", "", "a file"},
    {"report", "text|json", "text", "a form"},
    {"infer", "true|false", "false", "a switch"},
    {"seed", "N", "1", "a number"},
};

std::string ErrorOf(const Args& args) {
  return std::string(Flags::Parse(kTable, args).status().message());
}

TEST(Flags, TakesBothSpellingsSwitchesAndOperands) {
  const auto flags = Flags::Parse(
      kTable, {"a.onnx", "--inputs", "x=y.npz", "b.mindir", "--infer", "--report=json"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->operands(), (Args{"a.onnx", "b.mindir"}));
  EXPECT_EQ(flags->Get("inputs"), "x=y.npz");
  EXPECT_TRUE(flags->Bool("infer"));
  EXPECT_EQ(flags->Get("report"), "json");
  EXPECT_FALSE(flags->Has("seed"));
  EXPECT_EQ(*flags->Int("seed", 0, 9), 1);
}

TEST(Flags, SaysWhatIsWrong) {
  EXPECT_EQ(ErrorOf({"--input=x"}), "there is no flag --input; did you mean 'inputs'?");
  EXPECT_EQ(ErrorOf({"--inputs"}), "--inputs needs a value: --inputs=PATH");
  EXPECT_EQ(ErrorOf({"--report=xml"}), "--report must be text|json, got 'xml'");
  EXPECT_EQ(ErrorOf({"--seed=1", "--seed=2"}), "--seed is given twice");
  const auto flags = Flags::Parse(kTable, {"--seed=ten", "--infer=false"});
  ASSERT_TRUE(flags.ok());
  EXPECT_FALSE(flags->Bool("infer"));
  EXPECT_EQ(flags->Int("seed", 0, 9).status().message(),
            "--seed must be a number from 0 to 9, got 'ten'");
  EXPECT_EQ(flags->Number("seed").status().message(), "--seed must be a number, got 'ten'");
}

TEST(Flags, HelpNamesEveryFlag) {
  EXPECT_EQ(HelpText(absl::MakeConstSpan(kTable).subspan(1, 1)),
            "  --report=text|json\n      a form (text)\n");
}

}  // namespace
}  // namespace mirin::tools
