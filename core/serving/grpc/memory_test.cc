// Large tensors in memory that clients attach.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "core/serving/grpc/kept.h"
#include "core/serving/grpc/server_fixture.h"
#include "core/serving/testing/client_memory.h"

namespace mirin::serving {
namespace {

constexpr size_t kLarge = 128 << 10;  // of a tensor
constexpr size_t kSize = 1 << 20;
constexpr size_t kInput = 4096, kResults = 512 << 10;  // in the memory

class MemoryTest : public ServerTest {
 protected:
  Status Attach(const ClientMemory& memory, ms::AttachReply* reply,
                const std::shared_ptr<grpc::Channel>& channel) {
    const AttachedMemory::Offer offer = memory.Offer();
    ms::AttachRequest request;
    request.set_process_id(offer.process);
    request.set_fd(offer.descriptor);
    request.set_bytes_size(offer.size);
    request.set_secret(offer.secret);
    ClientContext context;
    return ms::ClientMemory::NewStub(channel)->Attach(&context, request, reply);
  }
  std::string AttachOk(const ClientMemory& memory) {
    ms::AttachReply reply;
    const Status status = Attach(memory, &reply, channel_);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply.memory_key();
  }
  Status Detach(const std::string& key) {
    ms::DetachRequest request;
    ms::DetachReply reply;
    request.set_memory_key(key);
    ClientContext context;
    return ms::ClientMemory::NewStub(channel_)->Detach(&context, request, &reply);
  }
  static ms::ShmTensorData Place(const std::string& key, uint64_t offset, uint64_t size) {
    ms::ShmTensorData place;
    place.set_memory_key(key);
    place.set_bytes_size(kSize);
    place.set_data_offset(offset);
    place.set_data_size(size);
    return place;
  }
  static ms::PredictRequest RequestAt(const ms::ShmTensorData& place) {
    ms::PredictRequest request = PredictOf("echo");
    ms::Tensor& x = request.mutable_instances(0)->mutable_items()->at("x");
    x.mutable_shape()->set_dims(0, 1);
    x.mutable_shape()->set_dims(1, static_cast<int64_t>(place.data_size() / 4));
    *x.mutable_shm_data() = place;
    return request;
  }
  ms::PredictReply Predict(const ms::PredictRequest& request) {
    ClientContext context;
    ms::PredictReply reply;
    const Status status = predict_->Predict(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  static std::string Error(const ms::PredictReply& reply) {
    return reply.error_msg_size() == 0 ? std::string() : reply.error_msg(0).error_msg();
  }
};

TEST_F(MemoryTest, TensorsComeAndGoInIt) {
  Start();
  ClientMemory memory(kSize);
  const std::string key = AttachOk(memory);
  EXPECT_EQ(key, memory.Key());
  const std::string bytes(kLarge, '\x3f');
  memory.Write(kInput, bytes);
  ms::PredictRequest request = RequestAt(Place(key, kInput, kLarge));
  *request.add_instances() = request.instances(0);
  *request.mutable_result_memory() = Place(key, kResults + 4, kSize - kResults - 4);
  const ms::PredictReply reply = Predict(request);
  ASSERT_EQ(Error(reply), "");
  ASSERT_EQ(reply.instances_size(), 2);
  uint64_t offset = kResults + 64;  // the next multiple
  for (const ms::Instance& instance : reply.instances()) {
    const ms::Tensor& x = instance.items().at("x");
    EXPECT_TRUE(x.data().empty());
    EXPECT_EQ(x.shm_data().memory_key(), key);
    EXPECT_EQ(x.shm_data().data_offset(), offset);
    ASSERT_EQ(x.shm_data().data_size(), kLarge);
    EXPECT_EQ(memory.Read(offset, kLarge), bytes);
    offset += kLarge;
  }
}

TEST_F(MemoryTest, WhatIsSmallOrDoesNotFitComesInline) {
  Start();
  ClientMemory memory(kSize);
  const std::string key = AttachOk(memory);
  memory.Write(kInput, std::string(kLarge, '\x3f'));
  ms::PredictRequest request = RequestAt(Place(key, kInput, kLarge));
  *request.mutable_result_memory() = Place(key, kResults, kLarge - 1);
  EXPECT_EQ(Predict(request).instances(0).items().at("x").data().size(), kLarge);
  request = RequestAt(Place(key, kInput, 16));
  *request.mutable_result_memory() = Place(key, kResults, kLarge);
  EXPECT_EQ(Predict(request).instances(0).items().at("x").data().size(), 16u);
}

TEST_F(MemoryTest, PlacesThatAreNotThereAreRefused) {
  Start();
  ClientMemory memory(kSize);
  const std::string key = AttachOk(memory);
  EXPECT_TRUE(absl::StrContains(Error(Predict(RequestAt(Place(key, kSize - 16, 32)))),
                                "Invalid offset + byte size"));
  ms::PredictRequest request = RequestAt(Place(key, kInput, 16));
  *request.mutable_result_memory() = Place(key, kResults, kSize);
  EXPECT_TRUE(absl::StrContains(Error(Predict(request)), "Result memory check failed"));
  *request.mutable_result_memory() = Place("r", 0, 16);
  EXPECT_TRUE(absl::StrContains(Error(Predict(request)), "Result memory check failed"));
}

TEST_F(MemoryTest, IsThereUntilItIsDetached) {
  Start();
  ClientMemory memory(kSize);
  const std::string key = AttachOk(memory);
  EXPECT_EQ(Error(Predict(RequestAt(Place(key, kInput, 16)))), "");
  EXPECT_TRUE(Detach(key).ok());
  EXPECT_EQ(Detach(key).error_code(), StatusCode::NOT_FOUND);
  EXPECT_TRUE(absl::StrContains(Error(Predict(RequestAt(Place(key, kInput, 16)))),
                                absl::StrCat("Unable to find shared memory region: '", key, "'")));
  EXPECT_EQ(AttachOk(memory), key);
}

TEST_F(MemoryTest, EndsWithItsConnection) {
  Start();
  ClientMemory memory(kSize);
  std::shared_ptr<grpc::Channel> other = Connect();
  ms::AttachReply reply;
  ASSERT_TRUE(Attach(memory, &reply, other).ok());
  EXPECT_EQ(Attach(memory, &reply, channel_).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Detach(memory.Key()).error_code(), StatusCode::NOT_FOUND);  // another's
  other.reset();
  Status status;
  do {
    status = Attach(memory, &reply, channel_);
  } while (status.error_code() == StatusCode::ALREADY_EXISTS);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(MemoryTest, AConnectionAttachesOnlySoMuch) {
  Start();
  std::vector<std::unique_ptr<ClientMemory>> all;
  ms::AttachReply reply;
  for (size_t i = 0; i < Kept::kMost; ++i) {
    all.push_back(std::make_unique<ClientMemory>(4096, static_cast<char>(i)));
    ASSERT_TRUE(Attach(*all.back(), &reply, channel_).ok()) << i;
  }
  const ClientMemory more(4096, 'x' | '\x80');
  EXPECT_EQ(Attach(more, &reply, channel_).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Detach(all[3]->Key()).ok());
  EXPECT_TRUE(Attach(more, &reply, channel_).ok());
}

TEST_F(MemoryTest, CountsAsPartOfTheMessage) {
  TransportOptions options;
  options.max_message_bytes = 256 << 10;
  Start(std::move(options));
  ClientMemory memory(kSize);
  ms::PredictRequest request = RequestAt(Place(AttachOk(memory), kInput, kLarge));
  *request.mutable_result_memory() = Place(memory.Key(), kResults, kSize - kResults);
  EXPECT_EQ(Predict(request).instances(0).items().at("x").shm_data().data_size(), kLarge);
  *request.add_instances() = request.instances(0);
  EXPECT_TRUE(absl::StrContains(Error(Predict(request)), "holds more than messages may"));
}

TEST_F(MemoryTest, CanBeRefused) {
  TransportOptions options;
  options.allow_client_memory = false;
  Start(std::move(options));
  ms::AttachReply reply;
  EXPECT_EQ(Attach(ClientMemory(kSize), &reply, channel_).error_code(), StatusCode::UNIMPLEMENTED);
}

TEST_F(MemoryTest, OffersOfOthersMemoryAreRefused) {
  Start();
  ClientMemory memory(kSize);
  ms::AttachRequest request;
  request.set_process_id(memory.Offer().process);
  request.set_fd(memory.Offer().descriptor);
  request.set_bytes_size(kSize);
  request.set_secret(std::string(AttachedMemory::kSecret, '?'));
  ms::AttachReply reply;
  ClientContext context;
  EXPECT_EQ(ms::ClientMemory::NewStub(channel_)->Attach(&context, request, &reply).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace mirin::serving
