// One request on its way through the stages of a method.
#ifndef CORE_SERVING_ENGINE_FLOW_H_
#define CORE_SERVING_ENGINE_FLOW_H_

#include <atomic>
#include <memory>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/serving/engine/servable.h"

namespace mirin::serving {

// Deletes itself after the answer.
class Flow {
 public:
  Flow(std::shared_ptr<Servable> servable, size_t method, std::unique_ptr<InferRequest> request,
       InferCallback done);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  void Start();

 private:
  struct Item {
    // of each stage that ran, [0] being the method's inputs
    std::vector<std::vector<Tensor>> values;
    size_t next = 0;  // stage
    Failure failure;
  };

  // Instances of the request, bound to the method's inputs.
  Failure Bind();
  Failure BindInstance(const Instance& instance, std::vector<Tensor>& inputs) const;
  Failure SplitBatch(std::vector<Tensor> inputs);
  Failure SelectOutputs();
  // Moves items on from a stage that all of them have reached.
  void Advance(std::vector<size_t> items);
  // T: ModelWork or StageWork.
  template <typename T>
  std::vector<std::unique_ptr<T>> NewWorks(const StageSpec& stage,
                                           const std::vector<size_t>& items);
  void RunModel(const StageSpec& stage, const std::vector<size_t>& items);
  void RunPython(const StageSpec& stage, const std::vector<size_t>& items);
  void StageDone(size_t item, Failure failure, std::vector<Tensor> outputs, const WorkTimes& times);
  void ItemDone();
  std::vector<Tensor> Inputs(const StageSpec& stage, const Item& item) const;
  void Answer();
  Failure StackOutputs(InstanceReply& reply) const;
  void Record(const InferReply& reply);

  const std::shared_ptr<Servable> servable_;
  Servable::Method& method_;
  const size_t method_index_;
  const std::unique_ptr<InferRequest> request_;
  const InferCallback done_;
  std::vector<size_t> outputs_;  // of the method, that the answer holds
  std::vector<Item> items_;
  std::atomic<size_t> left_{0};

  absl::Mutex mutex_;
  absl::Duration queue_ ABSL_GUARDED_BY(mutex_), compute_
      ABSL_GUARDED_BY(mutex_);  // the longest of any instance
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_FLOW_H_
