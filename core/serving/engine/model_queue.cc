#include "core/serving/engine/model_queue.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

uint32_t Level(int32_t priority) {
  return priority <= 0 ? UINT32_MAX : static_cast<uint32_t>(priority);
}

// Cancels a run when every request of its batch was cancelled.
class BatchCancellation {
 public:
  explicit BatchCancellation(const std::vector<std::unique_ptr<ModelWork>>& batch) : batch_(batch) {
    for (const auto& work : batch) {
      if (work->cancellation == nullptr) return;
    }
    mirin_cancellation* made = nullptr;
    if (!tools::Take(mirin_cancellation_create(&made)).ok()) return;
    handle_.reset(made);
    left_ = batch.size();
    for (const auto& work : batch) {
      work->cancellation->SetHook([this] {
        if (--left_ == 0) mirin_cancellation_cancel(handle_.get());
      });
    }
  }
  BatchCancellation(const BatchCancellation&) = delete;
  BatchCancellation& operator=(const BatchCancellation&) = delete;
  ~BatchCancellation() {
    if (handle_ == nullptr) return;
    for (const auto& work : batch_) work->cancellation->ClearHook();
  }

  mirin_cancellation* get() const { return handle_.get(); }

 private:
  const std::vector<std::unique_ptr<ModelWork>>& batch_;
  tools::CancellationPtr handle_;
  std::atomic<size_t> left_{0};
};

Failure FromStatus(const absl::Status& status) {
  if (absl::IsDeadlineExceeded(status) || absl::IsCancelled(status)) {
    return {Code::kFailed, status.code(), std::string(status.message())};
  }
  return {Code::kFailed, status.code(), absl::StrCat("Predict Failed: ", status.message())};
}

}  // namespace

void ModelQueue::Enqueue(std::vector<std::unique_ptr<ModelWork>> works, bool run_here) {
  // an answer may end the servable
  const std::shared_ptr<ModelQueue> self = shared_from_this();
  Batch good;
  for (auto& work : works) {
    Failure failure = model_->Check(subgraph_, work->inputs, work->strict);
    if (failure.ok()) {
      good.push_back(std::move(work));
    } else {
      work->done(std::move(failure), {}, {});
    }
  }
  if (good.empty()) return;
  bool here = false;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& work : good) waiting_[Level(work->priority)].push_back(std::move(work));
    count_ += good.size();
    here = run_here && IsQuick();
  }
  if (here) {
    Drain();
  } else {
    executor_->Submit([self = shared_from_this()] { self->Drain(); });
  }
}

ModelQueue::Batch ModelQueue::Take(Batch& expired) {
  Batch batch;
  if (busy_ >= model_->replicas()) return batch;
  const absl::Time now = absl::Now();
  for (auto level = waiting_.begin(); level != waiting_.end() && batch.empty();) {
    auto& queue = level->second;
    // what nobody waits for any more
    while (!queue.empty() && queue.front()->IsUnwanted(now)) {
      expired.push_back(std::move(queue.front()));
      queue.pop_front();
      --count_;
    }
    if (queue.empty()) {
      level = waiting_.erase(level);
      continue;
    }
    const ModelWork& first = *queue.front();
    std::vector<size_t> members{0};
    for (size_t i = 1; i < std::min(queue.size(), kScan) && members.size() < model_->batch_size();
         ++i) {
      if (queue[i]->session == first.session && (!model_->stateful() || model_->batch_size() > 1) &&
          model_->Mergeable(subgraph_, first.inputs, queue[i]->inputs)) {
        members.push_back(i);
      }
    }
    const absl::Time starts = first.enqueued + first.max_delay;
    if (members.size() < model_->batch_size() && starts > now) {
      // it may wait for company
      if (starts < timer_) {
        timer_ = starts;
        executor_->At(starts, [self = shared_from_this(), starts] {
          {
            absl::MutexLock lock(&self->mutex_);
            if (self->timer_ == starts) self->timer_ = absl::InfiniteFuture();
          }
          self->Drain();
        });
      }
      ++level;
      continue;
    }
    for (size_t i : members) batch.push_back(std::move(queue[i]));
    for (auto i = members.rbegin(); i != members.rend(); ++i)
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(*i));
    count_ -= batch.size();
  }
  if (!batch.empty()) ++busy_;
  return batch;
}

void ModelQueue::Drain() {
  for (;;) {
    Batch batch, expired;
    bool more = false;
    {
      absl::MutexLock lock(&mutex_);
      batch = Take(expired);
      more = !batch.empty() && count_ > 0 && busy_ < model_->replicas();
    }
    for (const auto& work : expired) work->Refuse();
    if (batch.empty()) return;
    if (more) executor_->Submit([self = shared_from_this()] { self->Drain(); });
    Run(std::move(batch));
  }
}

void ModelQueue::Run(Batch batch) {
  const absl::Time start = absl::Now();
  absl::StatusOr<std::vector<std::vector<Tensor>>> outputs;
  {
    std::vector<const std::vector<Tensor>*> instances;
    absl::Time deadline = absl::InfinitePast();
    for (const auto& work : batch) {
      instances.push_back(&work->inputs);
      deadline = std::max(deadline, work->deadline);
    }
    const BatchCancellation cancellation(batch);
    outputs = model_->Run(subgraph_, instances, batch[0]->session, deadline, cancellation.get());
  }
  const absl::Duration took = absl::Now() - start;
  {
    absl::MutexLock lock(&mutex_);
    --busy_;
    const double us = absl::ToDoubleMicroseconds(took);
    mean_us_ = mean_us_ < 0 ? us : mean_us_ * 0.9 + us * 0.1;
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    const WorkTimes times{start, start - batch[i]->enqueued, took, batch.size(), i == 0};
    if (outputs.ok()) {
      batch[i]->done({}, std::move((*outputs)[i]), times);
    } else {
      batch[i]->done(FromStatus(outputs.status()), {}, times);
    }
  }
}

}  // namespace mirin::serving
