#include "core/serving/engine/stage_queue.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace mirin::serving {

StageQueue::StageQueue(std::vector<std::vector<int64_t>> limits, Executor* executor)
    : executor_(executor) {
  for (const auto& method : limits) {
    stages_.emplace_back(method.size());
    for (size_t s = 0; s < method.size(); ++s) stages_.back()[s].limit = method[s];
  }
}

void StageQueue::SetRunner(std::shared_ptr<StageRunner> runner,
                           std::function<Failure(uint32_t)> gone) {
  runner_ = std::move(runner);
  gone_ = std::move(gone);
  runner_->SetIdleCallback([weak = weak_from_this()] {
    const std::shared_ptr<StageQueue> self = weak.lock();
    if (self == nullptr) return;
    ++self->idle_calls_;
    self->executor_->Submit([self] { self->Pump(); });
  });
}

void StageQueue::Enqueue(uint32_t method, uint32_t stage, Batch works) {
  // an answer may end the servable
  const std::shared_ptr<StageQueue> self = shared_from_this();
  {
    absl::MutexLock lock(&mutex_);
    if (!stopped_) {
      for (auto& work : works) stages_[method][stage].waiting.push_back(std::move(work));
      works.clear();
    }
  }
  for (const auto& work : works) work->done(gone_(method), {}, {});
  Pump();
}

bool StageQueue::Next(Call& call, Batch& expired) {
  const absl::Time now = absl::Now();
  for (size_t turn = 0; turn < stages_.size(); ++turn) {
    const size_t m = (next_method_ + turn) % stages_.size();
    for (size_t s = stages_[m].size(); s-- > 0;) {
      Stage& stage = stages_[m][s];
      int64_t limit = stage.limit;
      if (limit < 0) {
        // several in a call only when the workers are busy enough anyway
        const auto share =
            static_cast<int64_t>(stage.waiting.size() / std::max<size_t>(1, runner_->Capacity()));
        limit = stage.mean_us >= 0 && stage.mean_us < kQuickUs
                    ? std::clamp<int64_t>(share, 1, kTogether)
                    : 1;
      }
      while (!stage.waiting.empty() && static_cast<int64_t>(call.works.size()) < limit) {
        auto work = std::move(stage.waiting.front());
        stage.waiting.pop_front();
        (work->IsUnwanted(now) ? expired : call.works).push_back(std::move(work));
      }
      if (call.works.empty()) continue;
      call.method = static_cast<uint32_t>(m);
      call.stage = static_cast<uint32_t>(s);
      next_method_ = (m + 1) % stages_.size();
      return true;
    }
  }
  return false;
}

void StageQueue::Pump() {
  for (;;) {
    auto call = std::make_shared<Call>();
    Batch expired;
    bool found;
    {
      absl::MutexLock lock(&mutex_);
      found = !stopped_ && Next(*call, expired);
    }
    for (const auto& work : expired) work->Refuse();
    if (!found) return;
    call->call = std::make_shared<StageCall>();
    call->call->method = call->method;
    call->call->stage = call->stage;
    call->call->deadline = absl::InfinitePast();
    for (const auto& work : call->works) {
      call->call->instances.push_back(work->inputs);
      call->call->deadline = std::max(call->call->deadline, work->deadline);
    }
    call->start = absl::Now();
    absl::Time deadline = absl::InfiniteFuture();
    for (const auto& work : call->works) deadline = std::min(deadline, work->deadline);
    {
      absl::MutexLock lock(&mutex_);
      running_.push_back(call);
    }
    const uint64_t idle_calls = idle_calls_;
    const bool ran = runner_->TryRun(
        call->call,
        [self = shared_from_this(), call](absl::StatusOr<std::vector<StageResult>> results) {
          auto shared =
              std::make_shared<absl::StatusOr<std::vector<StageResult>>>(std::move(results));
          self->executor_->Submit([self, call, shared] { self->Finish(call, std::move(*shared)); });
        });
    if (ran) {
      Arm(deadline);
      continue;
    }
    // no idle worker: back to the front, until the runner says that one is
    {
      absl::MutexLock lock(&mutex_);
      running_.erase(std::find(running_.begin(), running_.end(), call));
      auto& waiting = stages_[call->method][call->stage].waiting;
      for (auto work = call->works.rbegin(); work != call->works.rend(); ++work) {
        if (*work != nullptr) waiting.push_front(std::move(*work));
      }
    }
    // one that said so meanwhile found nothing to do
    if (idle_calls == idle_calls_) return;
  }
}

void StageQueue::Arm(absl::Time deadline) {
  if (deadline == absl::InfiniteFuture()) return;
  {
    absl::MutexLock lock(&mutex_);
    if (armed_ <= deadline) return;
    armed_ = deadline;
  }
  executor_->At(deadline, [weak = weak_from_this(), deadline] {
    if (const std::shared_ptr<StageQueue> self = weak.lock()) self->Expire(deadline);
  });
}

void StageQueue::Expire(absl::Time armed) {
  const absl::Time now = std::max(armed, absl::Now());
  absl::Time next = absl::InfiniteFuture();
  Batch late;
  {
    absl::MutexLock lock(&mutex_);
    if (armed != armed_) return;  // an earlier one came in between
    armed_ = absl::InfiniteFuture();
    for (const std::shared_ptr<Call>& call : running_) {
      for (auto& work : call->works) {
        if (work == nullptr) continue;
        if (work->deadline <= now) {
          late.push_back(std::move(work));
        } else {
          next = std::min(next, work->deadline);
        }
      }
    }
  }
  Arm(next);
  for (const auto& work : late) {
    work->done({Code::kFailed, absl::StatusCode::kDeadlineExceeded,
                "the request's deadline passed while its stage ran"},
               {}, {});
  }
}

void StageQueue::Finish(std::shared_ptr<Call> call,
                        absl::StatusOr<std::vector<StageResult>> results) {
  const absl::Duration took = absl::Now() - call->start;
  {
    absl::MutexLock lock(&mutex_);
    running_.erase(std::find(running_.begin(), running_.end(), call));
  }
  if (results.ok() && results->size() != call->works.size()) {
    results = absl::InternalError("the worker answered another number of instances");
  }
  if (absl::IsUnavailable(results.status())) {
    // the worker died: another one may do it
    Batch lost;
    {
      absl::MutexLock lock(&mutex_);
      auto& waiting = stages_[call->method][call->stage].waiting;
      for (auto work = call->works.rbegin(); work != call->works.rend(); ++work) {
        if (*work == nullptr) continue;
        const bool again = ++(*work)->attempts < kMaxAttempts && runner_->Alive() > 0 && !stopped_;
        if (again) {
          waiting.push_front(std::move(*work));
        } else {
          lost.push_back(std::move(*work));
        }
      }
    }
    for (const auto& work : lost) work->done(gone_(call->method), {}, {});
    Pump();
    return;
  }
  if (results.ok()) {
    absl::MutexLock lock(&mutex_);
    Stage& stage = stages_[call->method][call->stage];
    const double us = absl::ToDoubleMicroseconds(took) / static_cast<double>(call->works.size());
    stage.mean_us = stage.mean_us < 0 ? us : stage.mean_us * 0.9 + us * 0.1;
  }
  // the worker is free: it gets its next call before this one's instances move on
  Pump();
  for (size_t i = 0; i < call->works.size(); ++i) {
    if (call->works[i] == nullptr) continue;
    const WorkTimes times{call->start, call->start - call->works[i]->enqueued, took,
                          call->works.size(), i == 0};
    if (results.ok()) {
      call->works[i]->done(std::move((*results)[i].failure), std::move((*results)[i].outputs),
                           times);
    } else {
      const absl::Status& status = results.status();
      call->works[i]->done({Code::kSystemError, status.code(), std::string(status.message())}, {},
                           times);
    }
  }
}

void StageQueue::Stop(absl::Time deadline) {
  if (runner_ == nullptr) return;
  runner_->Stop(deadline);
  std::vector<std::pair<uint32_t, std::unique_ptr<StageWork>>> left;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    for (size_t m = 0; m < stages_.size(); ++m) {
      for (Stage& stage : stages_[m]) {
        for (auto& work : stage.waiting)
          left.emplace_back(static_cast<uint32_t>(m), std::move(work));
        stage.waiting.clear();
      }
    }
  }
  for (const auto& [method, work] : left) work->done(gone_(method), {}, {});
}

}  // namespace mirin::serving
