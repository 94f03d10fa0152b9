// The format by independent means: protobuf's own parser, from mind_ir.proto, reads every model file and every file of ours,
// understands all their fields, and sees what our reader sees.
#include <algorithm>

#include "core/base/file.h"
#include "core/mindir/container.h"
#include "core/mindir/raw_model.h"
#include "core/mindir/reader.h"
#include "core/mindir/writer.h"
#include "gtest/gtest.h"
#include "tests/models/mind_ir.pb.h"
#include "tests/support/manifest.h"

namespace mirin {
namespace {

using testing::ModelCase;

class Format : public ::testing::TestWithParam<ModelCase> {};

void ExpectSame(const mind_ir::ModelProto& proto, const mindir::RawModel& raw) {
  EXPECT_EQ(proto.producer_name(), raw.producer_name);
  EXPECT_EQ(proto.model_version(), raw.model_version);
  EXPECT_EQ(proto.mind_ir_version(), raw.mind_ir_version);
  ASSERT_EQ(proto.functions_size() + 1, static_cast<int>(raw.graphs.size()));
  ASSERT_EQ(proto.primitives_size(), static_cast<int>(raw.primitives.size()));
  for (int g = 0; g < static_cast<int>(raw.graphs.size()); ++g) {
    const mind_ir::GraphProto& graph = g == 0 ? proto.graph() : proto.functions(g - 1);
    const mindir::RawGraph& ours = raw.graphs[static_cast<size_t>(g)];
    EXPECT_EQ(graph.name(), ours.name);
    ASSERT_EQ(graph.node_size(), static_cast<int>(ours.nodes.size()));
    for (int i = 0; i < graph.node_size(); ++i) {
      EXPECT_EQ(graph.node(i).name(), ours.nodes[static_cast<size_t>(i)].name);
      EXPECT_EQ(graph.node(i).op_type(), ours.nodes[static_cast<size_t>(i)].op_type);
      EXPECT_TRUE(std::equal(graph.node(i).input().begin(), graph.node(i).input().end(),
                             ours.nodes[static_cast<size_t>(i)].inputs.begin(),
                             ours.nodes[static_cast<size_t>(i)].inputs.end()));
    }
    ASSERT_EQ(graph.parameter_size(), static_cast<int>(ours.parameters.size()));
    for (int i = 0; i < graph.parameter_size(); ++i) {
      const mindir::RawTensor& t = ours.parameters[static_cast<size_t>(i)];
      EXPECT_EQ(graph.parameter(i).name(), t.name);
      EXPECT_EQ(graph.parameter(i).data_type(), t.data_type);
      EXPECT_TRUE(std::equal(graph.parameter(i).dims().begin(), graph.parameter(i).dims().end(),
                             t.dims.begin(), t.dims.end()));
      EXPECT_EQ(graph.parameter(i).raw_data(), t.raw);
    }
  }
}

TEST_P(Format, IsWhatTheProtoSays) {
  const ModelCase& model = GetParam();
  auto file = MapFile(model.file, size_t{1} << 30);
  ASSERT_TRUE(file.ok()) << file.status();
  std::string bytes(file->bytes);
  if (mindir::IsContainer(bytes)) {
    auto plain = mindir::Decrypt(bytes, model.key, mindir::CipherMode::kNone);
    ASSERT_TRUE(plain.ok()) << plain.status();
    bytes = **plain;
  }
  mind_ir::ModelProto proto;
  // 1.x files use AttributeProto's field 18 for something else; they are read by our reader alone.
  const bool parsed = proto.ParseFromString(bytes);
  if (!parsed) GTEST_SKIP() << "a 1.x file: field 18 was another type then";
  auto raw = mindir::ParseModel(bytes, {});
  ASSERT_TRUE(raw.ok()) << raw.status();
  ExpectSame(proto, *raw);
}

TEST_P(Format, OursIsWhatTheProtoSays) {
  const ModelCase& model = GetParam();
  mindir::ReadOptions read;
  read.key = model.key;
  auto module = mindir::ReadFile(model.file, read);
  if (!module.ok()) GTEST_SKIP() << "damaged: " << module.status();
  auto bytes = mindir::Write(**module, {});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  mind_ir::ModelProto proto;
  ASSERT_TRUE(proto.ParseFromString(*bytes));
  EXPECT_TRUE(proto.unknown_fields().empty());
  auto raw = mindir::ParseModel(*bytes, {});
  ASSERT_TRUE(raw.ok()) << raw.status();
  ExpectSame(proto, *raw);
}

std::string TestName(const ::testing::TestParamInfo<ModelCase>& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Manifest, Format, ::testing::ValuesIn(testing::ReadManifest()), TestName);

}  // namespace
}  // namespace mirin
