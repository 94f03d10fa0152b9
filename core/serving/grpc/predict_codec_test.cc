#include "core/serving/grpc/predict_codec.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/serving/grpc/ms_service.pb.h"

namespace mirin::serving {
namespace {

namespace ms = mindspore::serving::proto;

std::string Floats(int n) { return std::string(static_cast<size_t>(n) * 4, '\1'); }

ms::Tensor MakeTensor(ms::DataType dtype, std::vector<int64_t> dims, std::string data) {
  ms::Tensor tensor;
  tensor.set_dtype(dtype);
  for (int64_t d : dims) tensor.mutable_shape()->add_dims(d);
  tensor.set_data(std::move(data));
  return tensor;
}
ms::Tensor Text(ms::DataType dtype, std::vector<int64_t> dims, std::vector<std::string> texts) {
  ms::Tensor tensor;
  tensor.set_dtype(dtype);
  for (int64_t d : dims) tensor.mutable_shape()->add_dims(d);
  for (const std::string& text : texts) tensor.add_bytes_val(text);
  return tensor;
}
ms::PredictRequest MakeRequest(const ms::Tensor& x) {
  ms::PredictRequest request;
  request.mutable_servable_spec()->set_name("add");
  request.mutable_servable_spec()->set_method_name("echo");
  (*request.add_instances()->mutable_items())["x"] = x;
  return request;
}

bool Read(const std::string& bytes, PredictCall* call, const SharedMemoryRegistry& shared = {}) {
  return ReadPredictRequest(MessageReader(Buffer::FromString(bytes)), shared, call);
}
std::string Error(const ms::PredictRequest& request) {
  PredictCall call;
  EXPECT_TRUE(Read(request.SerializeAsString(), &call));
  EXPECT_TRUE(call.failure.ok() || call.failure.code == Code::kInvalidInputs);
  return call.failure.text;
}
std::string Error(const ms::Tensor& x) { return Error(MakeRequest(x)); }

ms::PredictReply Write(const InferReply& reply, std::string* bytes = nullptr) {
  ReplyWriter writer;
  WritePredictReply({"add", "echo", 3}, reply, SharedMemoryRegistry(), {}, {}, &writer);
  std::string all;
  for (const ReplyWriter::Piece& piece : writer.Take())
    absl::StrAppend(&all, piece.text, piece.buffer.view());
  ms::PredictReply parsed;
  EXPECT_TRUE(parsed.ParseFromString(all));
  if (bytes != nullptr) *bytes = all;
  return parsed;
}

TEST(PredictCodec, ReadsRequestsWhereTheyLie) {
  ms::PredictRequest request = MakeRequest(MakeTensor(ms::MS_FLOAT32, {2, 2}, "0123456789abcdef"));
  request.mutable_servable_spec()->set_version_number(7);
  ms::Instance& second = *request.add_instances();
  (*second.mutable_items())["s"] = Text(ms::MS_STRING, {1}, {"h\xc3\xa9"});
  (*second.mutable_items())["b"] = Text(ms::MS_BYTES, {}, {std::string("\0\xff", 2)});
  (*second.mutable_items())["e"] = MakeTensor(ms::MS_INT32, {2, 0}, "");
  const std::string bytes = request.SerializeAsString();
  // wherever the message begins
  for (size_t offset = 0; offset < 8; ++offset) {
    const Buffer all = Buffer::FromString(std::string(offset, ' ') + bytes);
    const Buffer message = all.Slice(offset, bytes.size());
    PredictCall call;
    ASSERT_TRUE(ReadPredictRequest(MessageReader(message), SharedMemoryRegistry(), &call));
    ASSERT_TRUE(call.failure.ok()) << call.failure.text;
    EXPECT_EQ(call.request->servable, "add");
    EXPECT_EQ(call.request->method, "echo");
    EXPECT_EQ(call.request->version, 7u);
    ASSERT_EQ(call.request->instances.size(), 2u);
    const NamedTensor& x = call.request->instances[0].at(0);
    EXPECT_EQ(x.name, "x");
    EXPECT_EQ(x.value.dtype, MIRIN_DTYPE_F32);
    EXPECT_EQ(x.value.data.view(), "0123456789abcdef");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(x.value.data.data()) % sizeof(float), 0u);
    const size_t at = message.view().find("0123456789abcdef");
    const bool aligned = reinterpret_cast<uintptr_t>(message.data() + at) % sizeof(float) == 0;
    EXPECT_EQ(x.value.data.data() == message.data() + at, aligned);
    for (const NamedTensor& item : call.request->instances[1]) {
      EXPECT_TRUE(CheckSize(item.value).ok() || item.value.dims.empty());
      if (item.name == "s") {
        EXPECT_EQ(item.value.texts.at(0), "h\xc3\xa9");
      }
      if (item.name == "b") {
        EXPECT_TRUE(item.value.is_bytes);
      }
      if (item.name == "e") {
        EXPECT_EQ(item.value.dims, (Dims{2, 0}));
      }
    }
  }
}

TEST(PredictCodec, SaysWhatIsWrongWithATensor) {
  const std::string failed = "Instances input x check failed, detail: Tensor check failed: ";
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, {2, 2}, Floats(2))),
            failed + "input data size 8 invalid");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, {2, 2}, "")), failed + "input data size 0 invalid");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, {-2, -2}, Floats(4))),
            failed + "input  shape [-2, -2] invalid");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, {0, 2}, "")), failed + "input  shape [0, 2] invalid");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, {int64_t{1} << 40, int64_t{1} << 40}, Floats(4))),
            failed + "input  shape [1099511627776, 1099511627776] invalid");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, {int64_t{1} << 62}, Floats(4))),
            failed + "input data size 16 invalid");
  EXPECT_EQ(Error(MakeTensor(ms::MS_UNKNOWN, {1}, Floats(1))),
            failed + "input data type proto::MS_UNKNOWN invalid");
  EXPECT_EQ(Error(MakeTensor(static_cast<ms::DataType>(99), {1}, Floats(1))),
            failed + "input data type proto::MS_UNKNOWN invalid");
  EXPECT_EQ(Error(MakeTensor(static_cast<ms::DataType>(-1), {1}, Floats(1))),
            failed + "input data type proto::MS_UNKNOWN invalid");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, std::vector<int64_t>(9, 1), Floats(1))),
            failed + "input  shape of rank 9 invalid, the rank can only be 8 at most");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, std::vector<int64_t>(8, 1), Floats(1))), "");
  EXPECT_EQ(Error(MakeTensor(ms::MS_FLOAT32, {2, 0}, "")), "");
  EXPECT_EQ(Error(Text(ms::MS_STRING, {}, {"\xff"})), failed + "MS_STRING is not valid UTF-8");
  EXPECT_EQ(Error(Text(ms::MS_BYTES, {}, {"\xff"})), "");
  const std::string text =
      "Instances input x check failed, detail: Instance tensor check failed: bytes or string type ";
  EXPECT_EQ(Error(Text(ms::MS_STRING, {2}, {"a", "b"})), text + "shape batch size can only be 1");
  EXPECT_EQ(Error(Text(ms::MS_STRING, {1}, {})), text + "shape batch size can only be 1");
  EXPECT_EQ(Error(Text(ms::MS_STRING, {2}, {"a"})),
            text + "input  shape can only be (1,) or empty, but given shape is [2]");
  ms::Tensor shared = MakeTensor(ms::MS_FLOAT32, {1}, "");
  shared.mutable_shm_data()->set_memory_key("k");
  shared.mutable_shm_data()->set_data_size(4);
  EXPECT_EQ(Error(shared), failed + "Unable to find shared memory region: 'k'");
}

TEST(PredictCodec, LimitsWhatARequestHolds) {
  ms::PredictRequest request;
  EXPECT_EQ(Error(request), "Instances count of request cannot be 0");
  for (int i = 0; i < 65536; ++i) request.add_instances();
  EXPECT_EQ(Error(request), "");
  request.add_instances();
  EXPECT_EQ(Error(request), "Instances count of request cannot exceed 65536");
  request.Clear();
  ms::Instance& instance = *request.add_instances();
  const ms::Tensor tensor = MakeTensor(ms::MS_UINT8, {1}, "a");
  for (int i = 0; i < 257; ++i) (*instance.mutable_items())[absl::StrCat(i)] = tensor;
  EXPECT_EQ(Error(request), "An instance of the request has more than 256 items");
  request = MakeRequest(tensor);
  (*request.mutable_instances(0)->mutable_output_buffers())["y"].set_memory_key("k");
  EXPECT_EQ(Error(request),
            "Output buffer y check failed, detail: Unable to find shared memory region: 'k'");
}

TEST(PredictCodec, ReadsWhatProtobufReadsHoweverDamaged) {
  ms::PredictRequest request = MakeRequest(MakeTensor(ms::MS_FLOAT32, {2, 2}, Floats(4)));
  (*request.mutable_instances(0)->mutable_items())["s"] = Text(ms::MS_STRING, {1}, {"text"});
  (*request.mutable_instances(0)->mutable_output_buffers())["y"].set_memory_key("k");
  *request.add_instances() = request.instances(0);
  const std::string good = request.SerializeAsString();
  google::protobuf::LogSilencer silent;
  std::mt19937 random(20241);
  int read = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (uint32_t n = 1 + random() % 4; n != 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    // a message that ours reads must be one; protobuf also reads some with unknown groups
    PredictCall call;
    const bool ours = Read(bytes, &call);
    (ours ? read : refused)++;
    if (ours && call.failure.ok()) {
      for (const Instance& instance : call.request->instances) {
        for (const NamedTensor& item : instance) {
          EXPECT_TRUE(item.value.texts.size() == 1 || CheckSize(item.value).ok())
              << "seed 20241, round " << i;
        }
      }
    }
    ms::PredictRequest theirs;
    if (theirs.ParseFromString(bytes) && ours && call.failure.ok()) {
      EXPECT_EQ(static_cast<size_t>(theirs.instances_size()), call.request->instances.size())
          << "round " << i;
      EXPECT_EQ(theirs.servable_spec().name(), call.request->servable) << "round " << i;
    }
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(refused, 1000);
}

Tensor Output(mirin_dtype dtype, Dims dims, std::string data) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.dims = std::move(dims);
  tensor.data = Buffer::FromString(std::move(data));
  return tensor;
}

TEST(PredictCodec, WritesOutputs) {
  InferReply reply;
  reply.names = {"y", "big", "s"};
  reply.instances.resize(2);
  for (InstanceReply& instance : reply.instances) {
    instance.outputs.push_back(Output(MIRIN_DTYPE_I32, {2, -0}, ""));
    instance.outputs.push_back(Output(MIRIN_DTYPE_F32, {100, 100}, Floats(10000)));
    instance.outputs.push_back(Output(MIRIN_DTYPE_STRING, {}, ""));
    instance.outputs.back().texts = {"h\xc3\xa9"};
  }
  const ms::PredictReply parsed = Write(reply);
  EXPECT_EQ(parsed.servable_spec().name(), "add");
  EXPECT_EQ(parsed.servable_spec().method_name(), "echo");
  EXPECT_EQ(parsed.servable_spec().version_number(), 3u);
  EXPECT_EQ(parsed.error_msg_size(), 0);
  ASSERT_EQ(parsed.instances_size(), 2);
  for (const ms::Instance& instance : parsed.instances()) {
    EXPECT_EQ(instance.items().at("y").shape().dims_size(), 2);
    EXPECT_EQ(instance.items().at("y").dtype(), ms::MS_INT32);
    EXPECT_EQ(instance.items().at("big").data(), Floats(10000));
    EXPECT_EQ(instance.items().at("s").dtype(), ms::MS_STRING);
    EXPECT_EQ(instance.items().at("s").bytes_val(0), "h\xc3\xa9");
  }
}

TEST(PredictCodec, WritesFailuresAsTheOriginal) {
  const Failure bad = {Code::kSystemError, absl::StatusCode::kInternal, "bad"};
  const Failure worse = {Code::kFailed, absl::StatusCode::kInternal, "worse"};
  InferReply reply;
  reply.failure = bad;
  ms::PredictReply parsed = Write(reply);
  EXPECT_EQ(parsed.instances_size(), 0);
  ASSERT_EQ(parsed.error_msg_size(), 1);
  EXPECT_EQ(parsed.error_msg(0).error_code(), 3);
  EXPECT_EQ(parsed.error_msg(0).error_msg(), "bad");

  reply = InferReply();
  reply.names = {"y"};
  reply.instances.resize(3);
  for (InstanceReply& instance : reply.instances) instance.failure = bad;
  parsed = Write(reply);  // all the same: said once
  EXPECT_EQ(parsed.instances_size(), 0);
  ASSERT_EQ(parsed.error_msg_size(), 1);

  reply.instances[1].failure = worse;
  parsed = Write(reply);
  EXPECT_EQ(parsed.instances_size(), 3);
  ASSERT_EQ(parsed.error_msg_size(), 3);
  EXPECT_EQ(parsed.error_msg(1).error_code(), 1);

  reply.instances[1].failure = Failure();
  reply.instances[1].outputs = {Output(MIRIN_DTYPE_I32, {}, "abcd")};
  parsed = Write(reply);
  ASSERT_EQ(parsed.instances_size(), 3);
  ASSERT_EQ(parsed.error_msg_size(), 3);
  EXPECT_EQ(parsed.error_msg(0).error_code(), 3);
  EXPECT_EQ(parsed.error_msg(1).error_code(), 0);
  EXPECT_EQ(parsed.error_msg(1).error_msg(), "");
  EXPECT_EQ(parsed.instances(0).items_size(), 0);
  EXPECT_EQ(parsed.instances(1).items().at("y").data(), "abcd");

  reply.instances.resize(2);
  reply.instances[0] = reply.instances[1];
  reply.instances[0].outputs = {Output(MIRIN_DTYPE_BF16, {}, "ab")};
  parsed = Write(reply);
  EXPECT_EQ(parsed.error_msg(0).error_msg(),
            "Output y is of type bfloat16, which the protocol does not have");
}

}  // namespace
}  // namespace mirin::serving
