#include <grpcpp/alarm.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/tools/load/connections.h"

namespace mirin::load {
namespace {

constexpr size_t kMaxChannels = 64;

struct Lane {
  size_t index = 0;
  grpc::GenericStub* stub = nullptr;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> call;
  grpc::ByteBuffer reply;
  grpc::Status status;
};

class GrpcConnections final : public Connections {
 public:
  GrpcConnections(const ConnectionOptions& options, const Call& call)
      : options_(options), method_(call.path) {
    const grpc::Slice slice(call.body);
    request_ = grpc::ByteBuffer(&slice, 1);
    const serving::Address& address = options.address;
    const bool v6 = absl::StrContains(address.host, ':');
    const std::string target =
        address.is_unix ? absl::StrCat("unix:", address.path)
                        : absl::StrCat(v6 ? "[" : "", address.host, v6 ? "]:" : ":", address.port);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    for (size_t i = 0; i < std::min(options.lanes, kMaxChannels); ++i) {
      stubs_.push_back(std::make_unique<grpc::GenericStub>(
          grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments)));
    }
    lanes_.resize(options.lanes);
    for (size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i].index = i;
      lanes_[i].stub = stubs_[i % stubs_.size()].get();
    }
  }
  ~GrpcConnections() override {
    void* tag;
    bool ok;
    queue_.Shutdown();
    while (queue_.Next(&tag, &ok)) {
    }
  }

  void Send(size_t index) override {
    Lane& lane = lanes_[index];
    lane.context = std::make_unique<grpc::ClientContext>();
    lane.context->set_deadline(absl::ToChronoTime(absl::Now() + options_.timeout));
    lane.reply.Clear();
    lane.call = lane.stub->PrepareUnaryCall(lane.context.get(), method_, request_, &queue_);
    lane.call->StartCall();
    lane.call->Finish(&lane.reply, &lane.status, &lane);
  }

  void Run(OnAnswer on_answer) override {
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
      if (tag == this) return;
      const Lane& lane = *static_cast<Lane*>(tag);
      Answer answer;
      grpc::Slice slice;
      answer.received = lane.reply.Length();
      if (!lane.status.ok()) {
        answer.error =
            absl::StatusCodeToString(static_cast<absl::StatusCode>(lane.status.error_code()));
        answer.text = lane.status.error_message();
      } else if (options_.want_body && lane.reply.Valid() &&
                 (lane.reply.TrySingleSlice(&slice).ok() ||
                  lane.reply.DumpToSingleSlice(&slice).ok())) {
        answer.body = absl::string_view(reinterpret_cast<const char*>(slice.begin()), slice.size());
      }
      on_answer(lane.index, answer);
    }
  }

  void Stop() override { alarm_.Set(&queue_, gpr_now(GPR_CLOCK_MONOTONIC), this); }

 private:
  const ConnectionOptions options_;
  const std::string method_;
  grpc::ByteBuffer request_;
  grpc::CompletionQueue queue_;
  grpc::Alarm alarm_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::vector<Lane> lanes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Connections>> ConnectGrpc(const ConnectionOptions& options,
                                                         const Call& call) {
  return std::make_unique<GrpcConnections>(options, call);
}

}  // namespace mirin::load
