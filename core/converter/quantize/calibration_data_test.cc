#include "core/converter/quantize/calibration_data.h"

#include <sys/stat.h>

#include <cstring>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace mirin::converter {
namespace {

using Type = CalibrationData::Type;

std::string Folder(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/" + name;
  mkdir(path.c_str(), 0777);
  return path;
}

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <typename T>
std::string Raw(T v) {
  return Bytes<T>({v});
}

// A .npz of stored arrays.
std::string Npz(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string zip, directory;
  for (const auto& [name, npy] : members) {
    const std::string file = name + ".npy";
    const auto sizes = Raw(static_cast<uint32_t>(npy.size())) +
                       Raw(static_cast<uint32_t>(npy.size())) +
                       Raw(static_cast<uint16_t>(file.size()));
    directory += "PK\x01\x02" + std::string(16, '\0') + sizes + std::string(12, '\0') +
                 Raw(uint32_t{0}).substr(0, 0) + Raw(static_cast<uint32_t>(zip.size())) + file;
    zip += "PK\x03\x04" + std::string(22, '\0') + Raw(static_cast<uint16_t>(file.size())) +
           Raw(uint16_t{0}) + file + npy;
  }
  const auto count = Raw(static_cast<uint16_t>(members.size()));
  return zip + directory + "PK\x05\x06" + std::string(4, '\0') + count + count +
         Raw(static_cast<uint32_t>(directory.size())) + Raw(static_cast<uint32_t>(zip.size())) +
         std::string(2, '\0');
}

std::string Npy(const std::string& descr, const std::string& shape, const std::string& bytes) {
  const std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }\n";
  return "\x93NUMPY" + std::string("\x01\x00", 2) + Raw(static_cast<uint16_t>(header.size())) +
         header + bytes;
}

std::vector<float> Values(const Tensor& t) {
  return std::vector<float>(t.data_as<float>(), t.data_as<float>() + t.elements());
}

CalibrationData Data(Type type, std::vector<std::pair<std::string, std::string>> folders) {
  CalibrationData data;
  data.type = type;
  data.folders = std::move(folders);
  return data;
}

TEST(Binary, ReadsFilesInOrder) {
  const std::string x = Folder("bin_x"), n = Folder("bin_n");
  Write(x + "/b", Bytes<float>({3, 4}));
  Write(x + "/a", Bytes<float>({1, 2}));
  Write(n + "/1", Bytes<int64_t>({7, 8, 9}));
  Write(n + "/2", Bytes<int64_t>({5}));
  CalibrationData data = Data(Type::kBinary, {{"n", n}, {"x", x}});
  const std::vector<CalibrationInput> inputs = {{"x", {DType::kFloat32, Shape({1, 2})}},
                                                {"n", {DType::kInt64, Shape({-1})}}};
  auto reader = OpenCalibration(data, inputs);
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_EQ((*reader)->samples(), 2);
  auto sample = (*reader)->Read(1);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(Values((*sample)[0]), (std::vector<float>{3, 4}));
  EXPECT_EQ(TypeString((*sample)[1]), "int64[1]");
  EXPECT_EQ(TypeString((*(*reader)->Read(0))[1]), "int64[3]");
  data.size = 1;
  EXPECT_EQ((*OpenCalibration(data, inputs))->samples(), 1);
  Write(x + "/c", Bytes<float>({3, 4, 5}));
  Write(n + "/3", Bytes<int64_t>({5}));
  data.size = 0;
  reader = OpenCalibration(data, inputs);
  ASSERT_TRUE(reader.ok());
  EXPECT_NE((*reader)->Read(2).status().message().find("has 12 bytes, float32[1,2] takes 8"),
            absl::string_view::npos)
      << (*reader)->Read(2).status();
}

TEST(Binary, SaysWhatIsMissing) {
  const std::string x = Folder("missing_x");
  const std::vector<CalibrationInput> inputs = {{"x", {DType::kFloat32, Shape({1, 2})}}};
  EXPECT_TRUE(absl::IsNotFound(
      OpenCalibration(Data(Type::kBinary, {{"x", x + "/none"}}), inputs).status()));
  EXPECT_TRUE(absl::IsNotFound(OpenCalibration(Data(Type::kBinary, {{"x", x}}), inputs).status()));
  Write(x + "/a", Bytes<float>({1, 2}));
  EXPECT_TRUE(OpenCalibration(Data(Type::kBinary, {{"x", x}}), inputs).ok());
  EXPECT_TRUE(absl::IsNotFound(
      OpenCalibration(Data(Type::kBinary, {{"x", x}, {"z", x}}), inputs).status()));
  EXPECT_TRUE(absl::IsNotFound(OpenCalibration(Data(Type::kBinary, {}), inputs).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenCalibration(Data(Type::kBinary, {}), {}).status()));
}

TEST(NpzData, SplitsArrays) {
  const std::string folder = Folder("npz");
  Write(folder + "/1.npz", Npz({{"x", Npy("<f8", "2, 1, 2", Bytes<double>({1, 2, 3, 4}))},
                                {"n", Npy("<i4", "2, 1", Bytes<int32_t>({5, 6}))}}));
  Write(folder + "/2.npz", Npz({{"n", Npy("<i8", "1,", Bytes<int64_t>({9}))},
                                {"x", Npy("<f4", "1, 2", Bytes<float>({7, 8}))},
                                {"other", Npy("<f4", "1,", Bytes<float>({7}))}}));
  const std::vector<CalibrationInput> inputs = {{"x", {DType::kFloat32, Shape({1, 2})}},
                                                {"n", {DType::kInt64, Shape({-1})}}};
  auto reader = OpenCalibration(Data(Type::kNpz, {{"", folder}}), inputs);
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_EQ((*reader)->samples(), 3);
  auto second = (*reader)->Read(1), third = (*reader)->Read(2);
  ASSERT_TRUE(second.ok() && third.ok());
  EXPECT_EQ(Values((*second)[0]), (std::vector<float>{3, 4}));
  EXPECT_EQ((*second)[1].data_as<int64_t>()[0], 6);
  EXPECT_EQ(Values((*third)[0]), (std::vector<float>{7, 8}));
  EXPECT_EQ((*third)[1].data_as<int64_t>()[0], 9);
  const auto message = [&](const std::string& path) {
    return std::string(OpenCalibration(Data(Type::kNpz, {{"", path}}), inputs).status().message());
  };
  Write(folder + "/../no_n.npz", Npz({{"x", Npy("<f4", "1, 2", Bytes<float>({7, 8}))}}));
  EXPECT_NE(message(folder + "/../no_n.npz").find("no array for the input 'n'"), std::string::npos);
  Write(folder + "/../shape.npz",
        Npz({{"x", Npy("<f4", "2, 3", Bytes<float>({1, 2, 3, 4, 5, 6}))}}));
  EXPECT_NE(message(folder + "/../shape.npz").find("has the shape [2,3], the input [1,2]"),
            std::string::npos)
      << message(folder + "/../shape.npz");
}

TEST(Images, BecomeChannelsOfAnInput) {
  const std::string folder = Folder("images");
  Write(folder + "/grey.png",
        absl::HexStringToBytes(
            "89504e470d0a1a0a0000000d4948445200000002000000010800000000d14920560000000b49444154789c"
            "63603f010000d900d0d7a6223c0000000049454e44ae426082"));
  CalibrationData data = Data(Type::kImage, {{"x", folder}});
  data.image_to_format = "RGB";
  const auto read = [&](const ir::TensorType& type) -> absl::StatusOr<std::vector<Tensor>> {
    auto reader = OpenCalibration(data, {{"x", type}});
    if (!reader.ok()) return reader.status();
    return (*reader)->Read(0);
  };
  auto first = read({DType::kFloat32, Shape({1, 3, 1, 2})});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Values((*first)[0]), (std::vector<float>{7, 200, 7, 200, 7, 200}));
  auto last = read({DType::kUInt8, Shape({-1, 1, 2, 3})});
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ((*last)[0].data_as<uint8_t>()[3], 200);
  EXPECT_TRUE(absl::IsInvalidArgument(read({DType::kFloat32, Shape({1, 3, 4, 4})}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(read({DType::kInt64, Shape({1, 3, 1, 2})}).status()));
  data.resize_width = data.resize_height = 4;
  EXPECT_TRUE(read({DType::kFloat32, Shape({1, 3, 4, 4})}).ok());
}

}  // namespace
}  // namespace mirin::converter
