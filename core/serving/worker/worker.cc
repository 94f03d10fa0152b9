#include "core/serving/worker/worker.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/status.h"

namespace mirin::serving::worker {
namespace {

constexpr int kMaxModelCalls = 1024;
constexpr int kLastReads = 64;  // a process that it left behind may print for ever
constexpr absl::Duration kExitTime = absl::Seconds(2);  // of a worker that said it failed

}  // namespace

absl::Duration Backoff::Next(absl::Duration served) {
  if (served >= absl::Minutes(1)) short_lives_ = 0;
  if (served >= absl::Seconds(10)) return absl::ZeroDuration();
  const int lives = short_lives_++;
  if (lives == 0) return absl::ZeroDuration();
  return std::min(absl::Seconds(10), absl::Milliseconds(100) * (1 << std::min(lives - 1, 10)));
}

std::string Worker::Name() const {
  return absl::StrCat("worker ", index_, " of servable '", options_.servable, "'");
}

Worker::State Worker::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void Worker::SetState(State state) {
  absl::MutexLock lock(&mutex_);
  state_ = state;
}

void Worker::Start(bool load) {
  load_ = load;
  Launch();
}

void Worker::Load() {
  load_ = true;
  if (process_ == nullptr) {
    Launch();
  } else if (state() == State::kDescribed) {
    SetState(State::kLoading);
    ArmStartTimer();
    channel_->Send(EncodeFrame(FrameType::kStart));
  }
}

Process::Command Worker::Command() const {
  Process::Command command;
  command.arguments = {options_.python, "-m", "mindspore_serving.worker"};
  std::string path = absl::StrJoin(options_.paths, ":");
  const char* inherited = std::getenv("PYTHONPATH");
  if (inherited != nullptr && *inherited != '\0')
    absl::StrAppend(&path, path.empty() ? "" : ":", inherited);
  if (!path.empty()) command.environment.emplace_back("PYTHONPATH", path);
  command.environment.emplace_back("SERVING_DEVICE_ID",
                                   absl::StrCat(options_.first_device + index_));
  command.socket_variable = "MIRIN_WORKER_FD";
  return command;
}

std::string Worker::Hello() const {
  const std::string json = absl::StrCat(
      "{\"directory\":", JsonString(options_.directory),
      ",\"servable\":", JsonString(options_.servable), ",\"version\":", options_.version,
      ",\"version_directory\":", JsonString(options_.version_directory),
      ",\"cipher\":", JsonString(options_.cipher),
      ",\"forward_model_calls\":", options_.forward_model_calls ? "true" : "false",
      ",\"worker\":", index_, ",\"device_id\":", options_.first_device + index_, "}");
  return EncodeHello(json, options_.key);
}

void Worker::Launch() {
  failure_.clear();
  ended_by_us_.clear();
  reason_.clear();
  ready_since_.reset();
  gone_ = false;
  absl::StatusOr<std::unique_ptr<Process>> started = Process::Start(Command());
  absl::Status status = started.status();
  if (status.ok()) {
    process_ = *std::move(started);
    status = Watch();
  }
  if (!status.ok()) {
    process_ = nullptr;
    owner_.Ended(Annotate(status, Name()), false);
    Replace(absl::ZeroDuration());
    return;
  }
  if (metrics_ != nullptr) metrics_->WorkerStarted(options_.servable);
  ArmStartTimer();
  channel_->Send(Hello(), true);
}

absl::Status Worker::Watch() {
  std::shared_ptr<Channel> channel = Channel::Create(process_->TakeSocket());
  const int fd = channel->fd();
  socket_watch_ = loop_.Watch(fd, EPOLLIN, [this](uint32_t events) {
    if ((events & EPOLLOUT) != 0) channel_->Flush();
    if ((events & ~EPOLLOUT) != 0) ReadSocket();
  });
  pid_watch_ = loop_.Watch(process_->pidfd(), EPOLLIN, [this](uint32_t) { HasEnded(); });
  stderr_watch_ = loop_.Watch(process_->stderr_fd(), EPOLLIN, [this](uint32_t) { ReadStderr(); });
  if (socket_watch_ == 0 || pid_watch_ == 0 || stderr_watch_ == 0) {
    for (uint64_t watch : {socket_watch_, pid_watch_, stderr_watch_}) loop_.Unwatch(watch);
    return absl::ResourceExhaustedError("epoll takes no more descriptors");
  }
  channel->SetWantWrite([&loop = loop_, fd, watch = socket_watch_](bool want) {
    loop.SetEvents(fd, watch, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
  });
  model_calls_ = std::make_shared<std::atomic<int>>(0);
  absl::MutexLock lock(&mutex_);
  channel_ = std::move(channel);
  state_ = State::kDescribing;
  return absl::OkStatus();
}

void Worker::ArmStartTimer() {
  loop_.Cancel(start_timer_);
  start_timer_ = loop_.After(options_.start_timeout, [this] {
    End("hang",
        absl::StrCat("did not start within ", absl::FormatDuration(options_.start_timeout)));
  });
}

void Worker::ReadSocket() {
  const std::shared_ptr<Channel> channel = channel_;
  const absl::StatusOr<bool> read =
      channel->Read([this](const Frame& frame) { return TakeFrame(frame); });
  if (read.ok() && *read) return;
  loop_.Unwatch(socket_watch_);
  if (!read.ok()) {
    End("crash", absl::StrCat("broke the protocol: ", read.status().message()));
    return;
  }
  gone_ = true;
  SetState(State::kEnding);
  if (failure_.empty() && reason_.empty()) {
    // most often the first sign of its end: the next says how it ended
    loop_.Cancel(start_timer_);
    start_timer_ = loop_.After(kExitTime, [this] { End("crash", "closed its socket"); });
  }
}

void Worker::ReadStderr() {
  if (process_->ReadStderr() == Process::Read::kEnd) loop_.Unwatch(stderr_watch_);
}

absl::Status Worker::TakeFrame(const Frame& frame) {
  const State state = this->state();
  switch (frame.type) {
    case FrameType::kDescribe:
      if (state == State::kDescribing) return TakeDescription(frame);
      break;
    case FrameType::kReady:
      if (state != State::kLoading) break;
      loop_.Cancel(start_timer_);
      ready_since_ = EventLoop::Clock::now();
      SetState(leaving() ? State::kEnding : State::kIdle);
      owner_.Ready();
      return absl::OkStatus();
    case FrameType::kFailed:
      if (state != State::kDescribing && state != State::kLoading) break;
      failure_ = CleanText(frame.payload);
      if (failure_.empty()) failure_ = "it did not say why";
      SetState(State::kEnding);
      loop_.Cancel(start_timer_);
      start_timer_ = loop_.After(kExitTime, [this] { process_->Kill(); });
      return absl::OkStatus();
    case FrameType::kReply:
      return TakeReply(frame);
    case FrameType::kModelCall:
      return TakeModelCall(frame);
    case FrameType::kPong:
      return absl::OkStatus();
    default:
      break;
  }
  if (state == State::kEnding) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a frame of type ", static_cast<uint32_t>(frame.type), " at the wrong time"));
}

absl::Status Worker::TakeDescription(const Frame& frame) {
  if (!IsValidUtf8(frame.payload))
    return absl::InvalidArgumentError("a description that is not UTF-8");
  SetState(State::kDescribed);
  loop_.Cancel(start_timer_);
  const absl::Status same = owner_.Described(frame.payload);
  if (!same.ok()) {
    failure_ = std::string(same.message());
    SetState(State::kEnding);
    process_->Kill();
  } else if (load_) {
    Load();
  }
  return absl::OkStatus();
}

absl::Status Worker::TakeReply(const Frame& frame) {
  size_t instances;
  {
    absl::MutexLock lock(&mutex_);
    if (!call_ || call_->id != frame.id) return absl::InvalidArgumentError("a reply to no call");
    instances = call_->instances;
  }
  // not under the lock: what is wrong gives segments back
  absl::StatusOr<std::vector<StageResult>> results =
      DecodeReply(frame.payload, instances, channel_.get());
  MIRIN_RETURN_IF_ERROR(results.status());
  Answer(*TakeCall(), std::move(results));
  return absl::OkStatus();
}

std::optional<Worker::Call> Worker::TakeCall() {
  absl::MutexLock lock(&mutex_);
  std::optional<Call> call;
  call.swap(call_);
  if (call) state_ = leaving() ? State::kEnding : State::kIdle;
  return call;
}

void Worker::Answer(Call call, absl::StatusOr<std::vector<StageResult>> results) {
  if (stopping_) channel_->Send(EncodeFrame(FrameType::kExit));
  call.done(std::move(results));
  if (!leaving()) owner_.Idle();
}

absl::Status Worker::TakeModelCall(const Frame& frame) {
  MIRIN_ASSIGN_OR_RETURN(ModelCall call, DecodeModelCall(frame.payload, channel_.get()));
  if (model_calls_->fetch_add(1) >= kMaxModelCalls)
    return absl::InvalidArgumentError("too many calls of models");
  const auto done = [weak = std::weak_ptr<Channel>(channel_), count = model_calls_,
                     id = frame.id](const absl::StatusOr<std::vector<StageResult>>& results) {
    count->fetch_sub(1);
    if (const std::shared_ptr<Channel> channel = weak.lock()) channel->SendModelReply(id, results);
  };
  if (options_.call_model == nullptr) {
    done(absl::UnimplementedError("the server runs no models for this servable"));
  } else {
    options_.call_model(std::move(call), done);
  }
  return absl::OkStatus();
}

bool Worker::TryTake(const StageCall& call, StageRunner::Done* done) {
  std::shared_ptr<Channel> channel;
  uint64_t id;
  {
    absl::MutexLock lock(&mutex_);
    if (state_ != State::kIdle) return false;
    state_ = State::kBusy;
    channel = channel_;
    id = next_id_++;
    call_ = Call{id, call.instances.size(), std::move(*done), EventLoop::Clock::now()};
  }
  // large tensors are copied here, on the caller's thread
  const absl::Status sent = channel->SendCall(id, call);
  if (sent.ok()) return true;
  loop_.Post([this, sent, id] {
    {
      absl::MutexLock lock(&mutex_);
      if (!call_ || call_->id != id) return;  // the process ended meanwhile
    }
    Answer(*TakeCall(), sent);
  });
  return true;
}

absl::Duration Worker::CheckHang(absl::Duration timeout) {
  absl::Duration left = absl::InfiniteDuration();
  {
    absl::MutexLock lock(&mutex_);
    if (!call_ || !reason_.empty()) return left;
    left = timeout - absl::FromChrono(EventLoop::Clock::now() - call_->started);
  }
  if (left > absl::ZeroDuration()) return left;
  End("hang", absl::StrCat("hung: a call took longer than ", absl::FormatDuration(timeout)));
  return absl::InfiniteDuration();
}

void Worker::Stop() {
  stopping_ = true;
  loop_.Cancel(restart_timer_);
  if (process_ == nullptr) return;
  bool busy;
  {
    absl::MutexLock lock(&mutex_);
    busy = call_.has_value();
    if (!busy) state_ = State::kEnding;
  }
  if (!busy) channel_->Send(EncodeFrame(FrameType::kExit));
}

void Worker::Kill(absl::string_view reason) {
  if (process_ != nullptr) End(reason, "was ended with the server");
}

void Worker::Abandon() {
  if (process_ == nullptr) return;
  channel_->Close();
  (void)process_.release();  // its destructor waits
  if (std::optional<Call> call = TakeCall())
    call->done(absl::UnavailableError(absl::StrCat(Name(), " does not end")));
}

void Worker::End(absl::string_view reason, absl::string_view what) {
  if (reason_.empty()) {
    reason_ = std::string(reason);
    ended_by_us_ = std::string(what);
  }
  loop_.Cancel(start_timer_);
  {
    absl::MutexLock lock(&mutex_);
    state_ = State::kEnding;  // what it still sends does not count
  }
  process_->Kill();
}

absl::Status Worker::WhyEnded(const Exit& exit) {
  std::string text = absl::StrCat(Name(), " ");
  if (!failure_.empty()) {
    absl::StrAppend(&text, "cannot start: ", failure_);
  } else {
    absl::StrAppend(&text, ended_by_us_.empty() ? ExitText(exit) : ended_by_us_);
  }
  if (ready_since_) return absl::UnavailableError(text);
  const std::string printed = CleanText(process_->printed());
  if (!printed.empty()) absl::StrAppend(&text, "; it printed:\n", printed);
  if (reason_ == "hang") return absl::DeadlineExceededError(text);
  return absl::FailedPreconditionError(text);
}

void Worker::HasEnded() {
  gone_ = true;
  // its last words: those that came before its end are already in the socket and the pipe
  if (reason_.empty()) {
    const absl::StatusOr<bool> read =
        channel_->Read([this](const Frame& frame) { return TakeFrame(frame); });
    if (!read.ok() && reason_.empty())
      ended_by_us_ = absl::StrCat("broke the protocol: ", read.status().message());
  }
  for (int i = 0; i < kLastReads && process_->ReadStderr() == Process::Read::kSome; ++i) {
  }
  loop_.Cancel(start_timer_);
  for (uint64_t watch : {socket_watch_, pid_watch_, stderr_watch_}) loop_.Unwatch(watch);
  const Exit exit = process_->Reap();
  const absl::Status why = WhyEnded(exit);
  const absl::Duration served = ready_since_
                                    ? absl::FromChrono(EventLoop::Clock::now() - *ready_since_)
                                    : absl::ZeroDuration();
  if (reason_.empty())
    reason_ = exit.known && exit.signal == 0 && exit.code == 0 ? "exit" : "crash";
  if (reason_ != "exit") Log(LogLevel::kWarning, why.message());
  const bool was_ready = ready_since_.has_value();
  process_ = nullptr;
  std::optional<Call> call = TakeCall();
  std::shared_ptr<Channel> channel;
  {
    absl::MutexLock lock(&mutex_);
    state_ = State::kNone;
    channel.swap(channel_);
  }
  channel->Close();
  channel = nullptr;
  if (metrics_ != nullptr) metrics_->WorkerEnded(options_.servable, reason_);
  // first: whoever is answered may ask whether another worker is alive
  owner_.Ended(why, was_ready);
  if (call) call->done(why);
  Replace(served);
}

void Worker::Replace(absl::Duration served) {
  if (!supervised_ || stopping_) return;
  restart_timer_ = loop_.After(backoff_.Next(served), [this] { Launch(); });
}

}  // namespace mirin::serving::worker
