// Every model file, cut off at 50 random places and with 200 random bytes changed: a result or a status with a reason, soon,
// in little memory; never a crash, a leak or a hang.
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

#include "gtest/gtest.h"
#include "tests/bad_input/guarded.h"
#include "tests/support/manifest.h"

namespace mirin::testing {
namespace {

constexpr int kTruncations = 50;
constexpr int kFlips = 200;

class Mutation : public ::testing::TestWithParam<ModelCase> {};

std::string Mutated(const std::string& original, int i, std::mt19937* random, std::string* what) {
  std::string bytes = original;
  const size_t at = (*random)() % bytes.size();
  if (i < kTruncations) {
    bytes.resize(at);
    *what = "truncated to " + std::to_string(at) + " bytes";
  } else {
    const auto value = static_cast<char>((*random)() % 255 + 1);
    bytes[at] = static_cast<char>(bytes[at] ^ value);
    *what =
        "byte " + std::to_string(at) + " ^ " + std::to_string(static_cast<unsigned char>(value));
  }
  return bytes;
}

TEST_P(Mutation, EndsInAStatusWithAReason) {
  const ModelCase& model = GetParam();
  std::ifstream in(model.file, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  const std::string original = content.str();
  ASSERT_FALSE(original.empty());
  const auto seed = static_cast<unsigned>(std::hash<std::string>()(model.name));
  const Outcome outcome = RunGuarded(
      [&](const Progress& progress) -> std::string {
        std::mt19937 random(seed);
        int refused = 0;
        for (int i = 0; i < kTruncations + kFlips; ++i) {
          std::string what;
          const std::string bytes = Mutated(original, i, &random, &what);
          progress(what);
          double load_seconds = 0;
          const std::string text = LoadAndRun(bytes, model.key, &load_seconds);
          refused += text == "OK" ? 0 : 1;
          if (text != "OK" && text.size() < text.find(':') + 5)
            return "FAIL: a status without a reason: " + text + " (" + what + ")";
          if (load_seconds > (kSanitized ? 20 : 1))
            return "FAIL: loading took " + std::to_string(load_seconds) + " s (" + what + ")";
        }
        return std::to_string(refused) + " refused";
      },
      250);
  ASSERT_TRUE(outcome.survived) << "seed " << seed << ": " << outcome.text;
  EXPECT_EQ(outcome.text.find("FAIL:"), std::string::npos)
      << "seed " << seed << ": " << outcome.text;
  if (!kSanitized) {
    EXPECT_LE(outcome.extra_megabytes, 256) << "seed " << seed << ": " << outcome.text;
  }
  RecordProperty("result", outcome.text);
}

std::string TestName(const ::testing::TestParamInfo<ModelCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Manifest, Mutation, ::testing::ValuesIn(ReadManifest()), TestName);

}  // namespace
}  // namespace mirin::testing
