#include "core/serving/request.h"

#include <atomic>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/serving/log.h"

namespace mirin::serving {
namespace {

uint64_t RandomSeed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

std::string MakeRequestId() {
  static const uint64_t seed = RandomSeed();
  static std::atomic<uint64_t> next{0};
  // Steps of an odd constant go through all numbers.
  return absl::StrCat(absl::Hex(
      seed + next.fetch_add(1, std::memory_order_relaxed) * 0x9e3779b97f4a7c15u, absl::kZeroPad16));
}

bool LogsAccess(const TransportContext& context) {
  return context.log != nullptr && context.log->access();
}

void Infer(const TransportContext& context, absl::string_view protocol, std::string peer,
           std::unique_ptr<InferRequest> request, InferCallback done) {
  if (!LogsAccess(context)) return context.engine->Infer(std::move(request), std::move(done));
  const auto logged = std::make_shared<InferRequest>();
  logged->servable = request->servable;
  logged->method = request->method;
  logged->version = request->version;
  logged->id = request->id;
  logged->traceparent = request->traceparent;
  logged->received = request->received;
  context.engine->Infer(std::move(request),
                        [log = context.log, logged, protocol, peer = std::move(peer),
                         done = std::move(done)](InferReply reply) {
                          log->Access(protocol, peer, *logged, reply);
                          done(std::move(reply));
                        });
}

}  // namespace mirin::serving
