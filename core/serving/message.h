// One inference request and its answer, whatever protocol they came by.
#ifndef CORE_SERVING_MESSAGE_H_
#define CORE_SERVING_MESSAGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/tensor.h"

namespace mirin::serving {

// MindSpore Serving's codes of an answer; protocols with richer codes use `status` of Failure.
enum class Code : int32_t {
  kOk = 0,
  kFailed = 1,
  kInvalidInputs = 2,
  kSystemError = 3,
  kWorkerUnavailable = 4,
  kServableUnavailable = 5,
};

struct Failure {
  Code code = Code::kOk;
  // The nearest of gRPC's codes: what Open Inference dialects and HTTP status codes are made from.
  absl::StatusCode status = absl::StatusCode::kOk;
  std::string text;
  bool ok() const { return code == Code::kOk; }
};

// What a client sent cannot be used.
Failure InvalidInputs(std::string text);
// MindSpore Serving's words for a "servable" or "method" that is not there. version 0: none was asked for.
std::string NotAvailableText(absl::string_view servable, absl::string_view method, uint64_t version,
                             absl::string_view what);

// Set once, from any thread, when nobody waits for the answer any more.
class Cancellation {
 public:
  bool cancelled() const;
  void Cancel();
  // Calls `hook` on Cancel, at once when that has been; until ClearHook. One hook at a time. The hook must not call back here.
  void SetHook(std::function<void()> hook);
  void ClearHook();

 private:
  mutable absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> hook_ ABSL_GUARDED_BY(mutex_);
};

struct NamedTensor {
  std::string name;
  Tensor value;
};
using Instance = absl::InlinedVector<NamedTensor, 4>;

class RequestTrace;  // core/serving/trace.h

// Names of servables and methods are checked by the engine, not by the protocols.
struct InferRequest {
  std::string servable;
  std::string method;    // "": the servable's only (or first) one
  uint64_t version = 0;  // 0: the newest that runs

  // Either one entry per instance, tensors without the batch axis (MindSpore Serving), or `batched`: one entry whose tensors all
  // begin with the batch axis where the method is batchable (Open Inference).
  std::vector<Instance> instances;
  bool batched = false;
  // Names of the outputs that are wanted, in this order; empty: all, in the method's order.
  std::vector<std::string> outputs;

  std::string id;           // of the client, or made by the protocol; in logs and answers
  std::string traceparent;  // W3C; "" when the client sent none
  int32_t priority = 0;     // 0: the default level; 1 is served first, then 2 ..
  absl::Time deadline = absl::InfiniteFuture();
  std::string session;  // of stateful models; "": the shared one
  bool session_start = false;
  bool session_end = false;
  std::shared_ptr<Cancellation> cancellation;  // null: cannot be cancelled

  absl::Time received = absl::Now();
  std::shared_ptr<RequestTrace> trace;  // of the engine's tracer; null: not traced
};

struct InstanceReply {
  Failure failure;
  std::vector<Tensor> outputs;  // in the order of InferReply::names; empty when failed
};

struct InferReply {
  Failure failure;                       // of the whole request; then there are no instances
  std::vector<std::string> names;        // of the outputs
  std::vector<InstanceReply> instances;  // in order; exactly one for `batched`
  uint64_t version = 0;                  // that answered
};

// Called exactly once, from any thread, perhaps before Infer returns.
using InferCallback = std::function<void(InferReply)>;

}  // namespace mirin::serving

#endif  // CORE_SERVING_MESSAGE_H_
