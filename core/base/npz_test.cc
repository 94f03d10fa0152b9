#include "core/base/npz.h"

#include <cstring>

#include "gtest/gtest.h"

namespace mirin {
namespace {

template <typename T>
std::string Raw(T v) {
  return std::string(reinterpret_cast<const char*>(&v), sizeof v);
}

std::string Npy(const std::string& descr, bool fortran, const std::string& shape,
                const std::string& data) {
  const std::string header = "{'descr': '" + descr +
                             "', 'fortran_order': " + (fortran ? "True" : "False") +
                             ", 'shape': (" + shape + "), }\n";
  return "\x93NUMPY" + std::string("\x01\x00", 2) + Raw(static_cast<uint16_t>(header.size())) +
         header + data;
}

// A zip of one stored (or, as it claims, compressed) member.
std::string Zip(const std::string& name, const std::string& content, uint16_t method = 0) {
  const std::string local = "PK\x03\x04" + std::string(22, '\0') +
                            Raw(static_cast<uint16_t>(name.size())) + Raw(uint16_t{0}) + name +
                            content;
  std::string central = "PK\x01\x02" + std::string(6, '\0') + Raw(method) + std::string(8, '\0') +
                        Raw(static_cast<uint32_t>(content.size()));
  central += Raw(static_cast<uint32_t>(content.size())) + Raw(static_cast<uint16_t>(name.size())) +
             std::string(16, '\0') + name;
  return local + central + "PK\x05\x06" + std::string(6, '\0') + Raw(uint16_t{1}) +
         Raw(static_cast<uint32_t>(central.size())) + Raw(static_cast<uint32_t>(local.size())) +
         std::string(2, '\0');
}

std::string Floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(Npz, ReadsNumbers) {
  const auto arrays =
      ParseNpz(Zip("a/b:0.npy", Npy("<f4", false, "2, 3", Floats({0, 1, 2, 3, 4, 5}))));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  const NpzArray& a = arrays->at("a/b:0");
  EXPECT_EQ(a.descr, "<f4");
  EXPECT_EQ(a.dtype(), 43);
  EXPECT_EQ(a.dims, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(a.elements(), 6);
  EXPECT_EQ(NumberAt(a.dtype(), a.bytes.data(), 4), 4.0);
}

TEST(Npz, PutsFortranOrderRight) {
  const auto arrays = ParseNpz(Zip("f.npy", Npy("<f4", true, "2, 3", Floats({0, 3, 1, 4, 2, 5}))));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->at("f").bytes, Floats({0, 1, 2, 3, 4, 5}));
}

TEST(Npz, ReadsTextsScalarsAndEmptyArrays) {
  const uint32_t letters[] = {'h', 0xe9, 0x1f600, 0};
  auto arrays = ParseNpz(
      Zip("s.npy", Npy("<U2", false, "2,",
                       std::string(reinterpret_cast<const char*>(letters), sizeof letters))));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_TRUE(arrays->at("s").is_text());
  EXPECT_EQ(arrays->at("s").dtype(), 0);
  EXPECT_EQ(arrays->at("s").Text(0), "h\xc3\xa9");
  EXPECT_EQ(arrays->at("s").Text(1), "\xf0\x9f\x98\x80");
  EXPECT_EQ(arrays->at("s").Text(2), "");
  arrays = ParseNpz(Zip("b.npy", Npy("|S3", false, "", std::string("ab\0", 3))));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->at("b").Text(), "ab");
  arrays = ParseNpz(Zip("z.npy", Npy("<i8", false, "0, 3", "")));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->at("z").elements(), 0);
}

TEST(Npz, RefusesWhatItCannotRead) {
  const std::string good = Zip("a.npy", Npy("<f4", false, "1,", Floats({1})));
  EXPECT_EQ(ParseNpz(Zip("a.npy", "x", 8)).status().message(),
            "'a.npy' is compressed; write the archive with numpy.savez");
  EXPECT_EQ(ParseNpz(Zip("a.npy", Npy(">f4", false, "1,", Floats({1})))).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ParseNpz(Zip("a.npy", Npy("|O", false, "1,", Floats({1})))).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ParseNpz(Zip("a.npy", Npy("<f4", false, "2,", Floats({1})))).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ParseNpz(Zip("a.npy", Npy("<f4", false, "9223372036854775807, 9", Floats({1}))))
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ParseNpz("").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadNpz("no/such/file.npz").status().code(), absl::StatusCode::kNotFound);
  // The last two bytes are the length of a comment, which nobody reads.
  for (size_t size = 0; size + 2 < good.size(); ++size)
    EXPECT_FALSE(ParseNpz(absl::string_view(good).substr(0, size)).ok()) << size;
  for (size_t at = 0; at < good.size(); ++at) {  // no crash
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 0xff);
    (void)ParseNpz(flipped);
  }
}

}  // namespace
}  // namespace mirin
