// ModelStreamInfer: requests on one stream, each answered once, in the order in which they end.
#ifndef CORE_SERVING_GRPC_INFER_STREAM_H_
#define CORE_SERVING_GRPC_INFER_STREAM_H_

#include <memory>

#include "absl/container/flat_hash_set.h"
#include "core/serving/grpc/infer_codec.h"
#include "core/serving/grpc/service.h"

namespace mirin::serving {

class InferStream final : public StreamHandler, public std::enable_shared_from_this<InferStream> {
 public:
  InferStream(const ServiceContext& context, std::shared_ptr<Call> call)
      : context_(context), call_(std::move(call)) {}

  void OnMessage(const Buffer& message) override;
  void OnEnd() override;
  void OnSent() override { Continue(); }
  void OnDrain() override;
  void OnClose() override;

 private:
  // Requests that have begun and answers that wait to be sent: a client that does not read is not read from.
  static constexpr size_t kMaxInFlight = 64;

  void Answer(const std::shared_ptr<Cancellation>& done, Pieces message);
  // Ends the stream, or reads on.
  void Continue();

  const ServiceContext context_;
  std::shared_ptr<Call> call_;  // null when it is over
  absl::flat_hash_set<std::shared_ptr<Cancellation>> in_flight_;
  bool ended_ = false;  // the client sends no more
  bool draining_ = false;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_INFER_STREAM_H_
