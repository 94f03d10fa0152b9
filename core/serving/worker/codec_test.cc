#include "core/serving/worker/codec.h"

#include <cstring>
#include <random>

#include "gtest/gtest.h"

namespace mirin::serving::worker {
namespace {

// One segment, number 7, of 256 KiB on either side.
class Segments : public TensorPlacer, public TensorFinder {
 public:
  Segments() : memory_(256u << 10, '\1') {}
  std::optional<uint32_t> Place(const Buffer& data) override {
    if (full) return std::nullopt;
    std::memcpy(&memory_[0], data.data(), data.size());
    return 7;
  }
  absl::StatusOr<Buffer> Find(bool, uint32_t segment, uint64_t offset, uint64_t size) override {
    if (segment != 7 || offset > memory_.size() || size > memory_.size() - offset)
      return absl::InvalidArgumentError("no such bytes");
    return Buffer::Copy(absl::string_view(memory_).substr(offset, size));
  }
  bool full = false;

 private:
  std::string memory_;
};

Tensor Numbers(mirin_dtype dtype, Dims dims, absl::string_view bytes) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.dims = std::move(dims);
  tensor.data = Buffer::Copy(bytes);
  return tensor;
}

Tensor Texts(std::vector<std::string> texts, bool is_bytes = false) {
  Tensor tensor;
  tensor.dtype = MIRIN_DTYPE_STRING;
  tensor.is_bytes = is_bytes;
  tensor.dims = {static_cast<int64_t>(texts.size())};
  tensor.texts = std::move(texts);
  return tensor;
}

std::vector<StageResult> Results() {
  std::vector<StageResult> results(3);
  results[0].outputs = {Numbers(MIRIN_DTYPE_F32, {}, "abcd"), Numbers(MIRIN_DTYPE_U8, {5}, "hello"),
                        Texts({"a", "\xc3\xa9", ""}), Texts({std::string("\xff\0", 2)}, true)};
  results[1].failure = {Code::kSystemError, absl::StatusCode::kInternal, "division by zero"};
  results[2].outputs = {Numbers(MIRIN_DTYPE_U8, {2, 65536}, std::string(131072, 'x')),
                        Numbers(MIRIN_DTYPE_I64, {0, 3}, "")};
  return results;
}

// A REPLY is what follows the status of a MODEL_REPLY.
std::string Reply(const std::vector<StageResult>& results, Segments* segments) {
  return EncodeModelReply(1, results, segments)->substr(kFrameHead + sizeof(uint32_t));
}

std::string ModelCallPayload(Segments* segments) {
  StageCall call;
  for (const StageResult& result : Results()) call.instances.push_back(result.outputs);
  const std::string frame = *EncodeCall(1, call, segments);
  return std::string("\1\0\0\0m\2\0\0\0\3\0\0\0abc", 16) + frame.substr(kFrameHead + 8);
}

void ExpectSame(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].dtype, b[i].dtype);
    EXPECT_EQ(a[i].is_bytes, b[i].is_bytes);
    EXPECT_EQ(a[i].dims, b[i].dims);
    EXPECT_EQ(a[i].data.view(), b[i].data.view());
    EXPECT_EQ(a[i].texts, b[i].texts);
  }
}

TEST(Frames, HaveTheDocumentedBytes) {
  EXPECT_EQ(EncodeFrame(FrameType::kExit), std::string("\x0c\0\0\0\x0d\0\0\0\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(EncodeHello("{}", "key"),
            std::string("\x19\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0{}\3\0\0\0key", 29));
  EXPECT_EQ(EncodeBuffer(1, 2),
            std::string("\x18\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0", 28));
  Segments segments;
  StageCall call;
  call.method = 1;
  call.stage = 2;
  call.instances = {{Numbers(MIRIN_DTYPE_U8, {3}, "abc")}};
  EXPECT_EQ(EncodeCall(9, call, &segments)->substr(4),
            std::string("\6\0\0\0\x09\0\0\0\0\0\0\0"
                        "\1\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0"
                        "\x25\0\1\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0abc\0\0\0\0\0",
                        56));
}

TEST(Frames, AreFoundInAStream) {
  const std::string bytes =
      EncodeFrame(FrameType::kReply, 5, "payload") + EncodeFrame(FrameType::kPong);
  for (size_t size = 0; size < kFrameHead; ++size)
    EXPECT_EQ(*FrameBytes(absl::string_view(bytes).substr(0, size)), 0u);
  EXPECT_EQ(*FrameBytes(bytes), 23u);
  const Frame frame = ParseFrame(absl::string_view(bytes).substr(0, 23));
  EXPECT_EQ(frame.type, FrameType::kReply);
  EXPECT_EQ(frame.id, 5u);
  EXPECT_EQ(frame.payload, "payload");
}

TEST(Frames, OfImpossibleSizesAndTypesAreRefused) {
  std::string bytes = EncodeFrame(FrameType::kReply);
  bytes[0] = 11;
  EXPECT_FALSE(FrameBytes(bytes).ok());
  bytes.replace(0, 4, std::string("\1\0\0\x40", 4));
  EXPECT_FALSE(FrameBytes(bytes).ok());
  for (char type : {0, 16}) {
    bytes = EncodeFrame(FrameType::kReply);
    bytes[4] = type;
    EXPECT_FALSE(FrameBytes(bytes).ok());
  }
}

TEST(Results, ComeBackAsTheyWere) {
  for (bool full : {false, true}) {
    Segments segments;
    segments.full = full;
    const std::vector<StageResult> sent = Results();
    const auto got = DecodeReply(Reply(sent, &segments), 3, &segments);
    ASSERT_TRUE(got.ok()) << got.status();
    for (size_t i = 0; i < 3; ++i) ExpectSame((*got)[i].outputs, sent[i].outputs);
    EXPECT_EQ((*got)[1].failure.code, Code::kSystemError);
    EXPECT_EQ((*got)[1].failure.text, "division by zero");
  }
}

TEST(Results, OfAnotherNumberAreRefused) {
  Segments segments;
  EXPECT_FALSE(DecodeReply(Reply(Results(), &segments), 2, &segments).ok());
}

TEST(ModelCalls, ComeBackAsTheyWere) {
  Segments segments;
  const auto call = DecodeModelCall(ModelCallPayload(&segments), &segments);
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ(call->model, "m");
  EXPECT_EQ(call->subgraph, 2u);
  EXPECT_EQ(call->session, "abc");
  ASSERT_EQ(call->instances.size(), 3u);
  ExpectSame(call->instances[0], Results()[0].outputs);
}

TEST(Payloads, ThatEndEarlyOrLateAreRefused) {
  Segments segments;
  const std::string reply = Reply(Results(), &segments), call = ModelCallPayload(&segments);
  for (size_t size = 0; size < reply.size(); ++size) {
    EXPECT_FALSE(DecodeReply(absl::string_view(reply).substr(0, size), 3, &segments).ok()) << size;
  }
  for (size_t size = 0; size < call.size(); ++size) {
    EXPECT_FALSE(DecodeModelCall(absl::string_view(call).substr(0, size), &segments).ok()) << size;
  }
  EXPECT_FALSE(DecodeReply(reply + "x", 3, &segments).ok());
  EXPECT_FALSE(DecodeModelCall(call + "x", &segments).ok());
}

TEST(Payloads, OfAnyBytesGiveNothingOrWholeTensors) {
  Segments segments;
  const std::string payloads[] = {Reply(Results(), &segments), ModelCallPayload(&segments)};
  const uint32_t seed = 20260;
  std::mt19937 random(seed);
  int good = 0;
  for (int i = 0; i < 100000; ++i) {
    const bool is_call = i % 2 != 0;
    std::string bytes = payloads[is_call];
    for (uint32_t changes = random() % 4 + 1; changes > 0; --changes) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(0xff);
          break;
        case 2:
          bytes.resize(at + 1);
          break;
        default:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 16));
      }
    }
    std::vector<std::vector<Tensor>> instances;
    if (is_call) {
      auto call = DecodeModelCall(bytes, &segments);
      if (call.ok()) instances = std::move(call->instances);
    } else {
      auto reply = DecodeReply(bytes, 3, &segments);
      if (!reply.ok()) continue;
      for (StageResult& result : *reply) instances.push_back(std::move(result.outputs));
    }
    if (!instances.empty()) ++good;
    for (const std::vector<Tensor>& tensors : instances) {
      for (const Tensor& tensor : tensors)
        ASSERT_TRUE(CheckSize(tensor).ok()) << "seed " << seed << ", round " << i;
    }
  }
  EXPECT_GT(good, 1000) << "the changes must leave some whole";
  EXPECT_LT(good, 99000) << "and break some";
}

TEST(Counts, BeyondWhatThePayloadCanHoldAreRefused) {
  Segments segments;
  const std::string huge("\xff\xff\xff\xff", 4), zero(4, '\0'), one("\1\0\0\0", 4);
  EXPECT_FALSE(DecodeReply(huge, 3, &segments).ok());
  EXPECT_FALSE(DecodeReply(one + zero + huge, 1, &segments).ok());  // tensors
  EXPECT_FALSE(DecodeReply(one + zero + one + std::string("\x0c\0\0\3", 4) + huge, 1, &segments)
                   .ok());  // texts
  EXPECT_FALSE(
      DecodeReply(one + zero + one + std::string("\x25\0\xff\0", 4), 1, &segments).ok());  // axes
  EXPECT_FALSE(DecodeModelCall(zero + zero + zero + huge, &segments).ok());
}

TEST(Text, OfWorkersBecomesUtf8) {
  EXPECT_EQ(CleanText("a\xff\xc3\xa9"), "a\xef\xbf\xbd\xc3\xa9");
  EXPECT_LT(CleanText(std::string(1u << 20, 'x')).size(), 70000u);
}

}  // namespace
}  // namespace mirin::serving::worker
