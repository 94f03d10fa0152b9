#include "core/serving/tensor.h"

#include "gtest/gtest.h"

namespace mirin::serving {
namespace {

TEST(Tensor, SizeMustFit) {
  Tensor t;
  t.dtype = MIRIN_DTYPE_F32;
  t.dims = {2, 3};
  t.data = Buffer::FromString(std::string(24, 'x'));
  EXPECT_TRUE(CheckSize(t).ok());
  t.dims = {2, 4};
  EXPECT_EQ(CheckSize(t).message(), "shape [2, 4] of float32 does not fit 24 bytes");
  t.dims = {-1};
  EXPECT_FALSE(CheckSize(t).ok());
  t.dims = {int64_t{1} << 40, int64_t{1} << 40};
  EXPECT_FALSE(CheckSize(t).ok());
  t.dims = {int64_t{1} << 62};  // times 4 is 2^64
  EXPECT_FALSE(CheckSize(t).ok());
}

TEST(Tensor, Utf8) {
  for (const char* good : {"", "a", "h\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  for (const char* bad :
       {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "a\x80"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << bad;
  }
}

TEST(Tensor, TextIsWhatCanBe) {
  Tensor t;
  t.texts = {"a", "\xc3\xa9"};
  DecideText(&t);
  EXPECT_FALSE(t.is_bytes);
  t.texts.push_back("\xff");
  DecideText(&t);
  EXPECT_TRUE(t.is_bytes);
}

TEST(Tensor, OipNames) {
  EXPECT_EQ(OipName(MIRIN_DTYPE_F32), "FP32");
  EXPECT_EQ(DtypeFromOip("BYTES"), MIRIN_DTYPE_STRING);
  EXPECT_EQ(DtypeFromOip("FP8"), MIRIN_DTYPE_UNKNOWN);
}

}  // namespace
}  // namespace mirin::serving
