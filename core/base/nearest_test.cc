#include "core/base/nearest.h"

#include "gtest/gtest.h"

namespace mirin {
namespace {

TEST(Nearest, CountsChangedLetters) {
  EXPECT_EQ(SpellingDistance("", ""), 0u);
  EXPECT_EQ(SpellingDistance("abc", ""), 3u);
  EXPECT_EQ(SpellingDistance("abc", "ABC"), 0u);
  EXPECT_EQ(SpellingDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(SpellingDistance("modelFile", "modelfle"), 1u);
}

TEST(Nearest, PicksTheClosestOrNone) {
  const std::vector<std::string> known = {"modelFile", "outputFile", "fmk"};
  EXPECT_EQ(Nearest("modelfle", known), "modelFile");
  EXPECT_EQ(Nearest("fkm", known), "fmk");
  EXPECT_EQ(Nearest("quantise", known), "");
  EXPECT_EQ(Nearest(std::string(100, 'a'), {std::string(100, 'a')}), "");
  EXPECT_EQ(DidYouMean("outputfile", known), "; did you mean 'outputFile'?");
  EXPECT_EQ(DidYouMean("zzzzzzzz", known), "");
}

}  // namespace
}  // namespace mirin
