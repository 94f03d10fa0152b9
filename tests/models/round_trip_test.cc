// Read, write, read, run: every model of the manifest computes the same bits from the file that we wrote.
#include <cstdlib>
#include <cstring>

#include "core/backends/all.h"
#include "core/mindir/writer.h"
#include "core/runtime/model.h"
#include "core/runtime/session.h"
#include "gtest/gtest.h"
#include "tests/support/manifest.h"
#include "tests/support/npz.h"

namespace mirin {
namespace {

using testing::Array;
using testing::ModelCase;

class RoundTrip : public ::testing::TestWithParam<ModelCase> {};

Tensor FromArray(const Array& array, DType declared) {
  if (declared == DType::kInt32 && array.dtype() == static_cast<int>(DType::kInt64)) {
    std::vector<int32_t> narrow;
    for (int64_t i = 0; i < array.elements(); ++i)
      narrow.push_back(static_cast<int32_t>(array.Number(i)));
    return Tensor::FromValues<int32_t>(array.dims, narrow);
  }
  return Tensor::Borrow(static_cast<DType>(array.dtype()), array.dims, array.bytes.data(), nullptr);
}

// Outputs and states after one run, as bytes.
absl::StatusOr<std::vector<std::string>> Results(std::unique_ptr<ir::Module> module,
                                                 const std::vector<Tensor>& inputs) {
  auto model = runtime::Model::FromModule(std::move(module), {});
  if (!model.ok()) return model.status();
  auto session = runtime::Session::Create(*model, {});
  if (!session.ok()) return session.status();
  auto outputs = (*session)->Run(inputs);
  if (!outputs.ok()) return outputs.status();
  std::vector<std::string> bytes;
  const auto add = [&](const Tensor& t) {
    bytes.push_back(TypeString(t));
    if (t.dtype() == DType::kString) {
      for (absl::string_view s : t.strings()) bytes.emplace_back(s);
    } else {
      bytes.emplace_back(static_cast<const char*>(t.data()), t.bytes());
    }
  };
  for (const Tensor& t : *outputs) add(t);
  for (size_t i = 0; i < (*model)->states().size(); ++i)
    add(*(*session)->GetState(static_cast<int>(i)));
  return bytes;
}

TEST_P(RoundTrip, ComputesTheSameBits) {
  InstallAllBackends();
  const ModelCase& model = GetParam();
  mindir::ReadOptions read;
  read.key = model.key;
  auto first = mindir::ReadFile(model.file, read);
  if (!first.ok()) GTEST_SKIP() << "damaged: " << first.status();
  auto bytes = mindir::Write(**first, {});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  auto second = mindir::ReadBuffer(*bytes, nullptr, {});
  ASSERT_TRUE(second.ok()) << second.status();

  ASSERT_EQ((*second)->entry()->inputs().size(), (*first)->entry()->inputs().size());
  for (size_t i = 0; i < (*first)->entry()->inputs().size(); ++i) {
    EXPECT_EQ((*second)->entry()->inputs()[i]->name(), (*first)->entry()->inputs()[i]->name());
    EXPECT_EQ((*second)->entry()->inputs()[i]->type(), (*first)->entry()->inputs()[i]->type());
  }
  EXPECT_EQ((*second)->output_names(), (*first)->output_names());
  for (size_t i = 0; i < (*first)->entry()->outputs().size(); ++i) {
    EXPECT_EQ((*second)->entry()->outputs()[i]->type(), (*first)->entry()->outputs()[i]->type())
        << i;
  }
  ASSERT_EQ((*second)->variables().size(), (*first)->variables().size());

  const auto arrays = testing::ReadNpz(model.npz);
  std::vector<Tensor> inputs;
  for (int i = 0; arrays.count("in_" + std::to_string(i)) != 0; ++i) {
    inputs.push_back(FromArray(arrays.at("in_" + std::to_string(i)),
                               (*first)->entry()->inputs()[static_cast<size_t>(i)]->type().dtype));
  }
  auto again = mindir::Write(**second, {});
  auto want = Results(*std::move(first), inputs);
  auto got = Results(*std::move(second), inputs);
  ASSERT_TRUE(want.ok()) << want.status();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*want == *got) << "the outputs differ";
  ASSERT_TRUE(again.ok()) << again.status();
}

std::string TestName(const ::testing::TestParamInfo<ModelCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Manifest, RoundTrip, ::testing::ValuesIn(testing::ReadManifest()),
                         TestName);

TEST(Writer, EncryptsAndPutsLargeWeightsBeside) {
  InstallAllBackends();
  auto module = mindir::ReadFile("tests/models/mindir/lenet5.mindir", {});
  ASSERT_TRUE(module.ok()) << module.status();
  const std::string folder = std::getenv("TEST_TMPDIR");
  mindir::WriteOptions options;
  options.max_inline_weights = 100;
  for (const std::string key : {"", "0123456789abcdef"}) {
    options.key = key;
    auto path = mindir::WriteFile(**module, folder + "/net" + key + ".mindir", options);
    ASSERT_TRUE(path.ok()) << path.status();
    EXPECT_EQ(*path, folder + "/net" + key + "_graph.mindir");
    mindir::ReadOptions read;
    read.key = key;
    auto back = mindir::ReadFile(*path, read);
    ASSERT_TRUE(back.ok()) << back.status();
    const auto arrays = testing::ReadNpz("tests/models/mindir/lenet5.npz");
    const std::vector<Tensor> inputs = {FromArray(arrays.at("in_0"), DType::kFloat32)};
    auto want = Results((*module)->Clone(), inputs), got = Results(*std::move(back), inputs);
    ASSERT_TRUE(want.ok() && got.ok()) << want.status() << got.status();
    EXPECT_TRUE(*want == *got);
  }
  {
    auto closed = mindir::ReadFile(folder + "/net0123456789abcdef_graph.mindir", {});
    EXPECT_EQ(closed.status().code(), absl::StatusCode::kFailedPrecondition) << closed.status();
  }
}

}  // namespace
}  // namespace mirin
