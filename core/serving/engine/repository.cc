#include "core/serving/engine/repository.h"

#include <dirent.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "rapidjson/document.h"

namespace mirin::serving {
namespace {

std::string Label(const ServableOptions& options) {
  return absl::StrCat(options.name, " version ", options.version);
}

// The versions that Triton's configuration asks for; empty: the newest.
absl::StatusOr<std::vector<uint64_t>> VersionPolicy(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject())
    return absl::InvalidArgumentError("config: no JSON object");
  std::vector<uint64_t> out;
  const auto policy = document.FindMember("version_policy");
  if (policy == document.MemberEnd() || !policy->value.IsObject()) return out;
  const auto specific = policy->value.FindMember("specific");
  if (specific == policy->value.MemberEnd() || !specific->value.IsObject()) return out;
  const auto versions = specific->value.FindMember("versions");
  if (versions == specific->value.MemberEnd() || !versions->value.IsArray()) return out;
  for (const auto& version : versions->value.GetArray()) {
    uint64_t number = version.IsUint64() ? version.GetUint64() : 0;
    if (version.IsString() && !absl::SimpleAtoi(version.GetString(), &number)) number = 0;
    if (number == 0)
      return absl::InvalidArgumentError(
          "config: version_policy.specific.versions holds something that is no version");
    out.push_back(number);
  }
  return out;
}

}  // namespace

Repository::Repository(RepositoryOptions options, ServableContext context)
    : options_(std::move(options)), context_(std::move(context)), max_queue_(options_.max_queue) {
  reaper_ = std::thread([this] { Reap(); });
  if (options_.poll > absl::ZeroDuration()) poller_ = std::thread([this] { Poll(); });
}

Repository::~Repository() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (poller_.joinable()) poller_.join();
  {
    std::map<std::string, Versions_, std::less<>> last;
    absl::MutexLock lock(&mutex_);
    last.swap(servables_);
  }
  {
    absl::MutexLock lock(&reaper_mutex_);
    reaper_stops_ = true;
  }
  reaper_.join();
}

std::shared_ptr<Servable> Repository::Own(std::unique_ptr<Servable> servable) {
  std::shared_ptr<Servable> owned(servable.release(), [this](Servable* last) {
    absl::MutexLock lock(&reaper_mutex_);
    retired_.push_back(last);
  });
  absl::MutexLock lock(&reaper_mutex_);
  ++alive_;
  owned_.erase(std::remove_if(owned_.begin(), owned_.end(),
                              [](const auto& other) { return other.expired(); }),
               owned_.end());
  owned_.push_back(owned);
  return owned;
}

void Repository::Reap() {
  for (;;) {
    Servable* servable;
    {
      absl::MutexLock lock(&reaper_mutex_);
      reaper_mutex_.Await(absl::Condition(this, &Repository::HasRetired));
      if (retired_.empty()) return;
      servable = retired_.front();
      retired_.pop_front();
    }
    delete servable;
    absl::MutexLock lock(&reaper_mutex_);
    --alive_;
  }
}

void Repository::SetState(const std::string& name, std::string state, std::string reason) {
  absl::MutexLock lock(&mutex_);
  if (state.empty()) {
    states_.erase(name);
  } else {
    states_[name] = {std::move(state), std::move(reason)};
  }
}

void Repository::CancelAdds() {
  std::vector<std::shared_ptr<Cancellation>> adding;
  {
    absl::MutexLock lock(&mutex_);
    adds_cancelled_ = true;
    adding = adding_;
  }
  for (const auto& cancellation : adding) cancellation->Cancel();
}

absl::Status Repository::Add(std::vector<ServableOptions> servables) {
  absl::MutexLock change(&change_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    if (adds_cancelled_ || draining_) return absl::CancelledError("the server is stopping");
    adding_.clear();
    for (ServableOptions& options : servables) {
      options.cancellation = std::make_shared<Cancellation>();
      adding_.push_back(options.cancellation);
    }
  }
  std::set<std::pair<std::string, uint64_t>> seen;
  for (const ServableOptions& options : servables) {
    if (!options.device_type.empty() && options.device_type != "cpu") {
      return absl::InvalidArgumentError(absl::StrCat(
          "The device type '", options.device_type, "' of servable name ", options.name,
          " is inconsistent with current running environment, supported device type: None or "
          "'Cpu'"));
    }
    if (!seen.insert({options.name, options.version}).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("servable ", Label(options), " is given twice"));
    }
  }
  std::vector<absl::StatusOr<std::unique_ptr<Servable>>> loaded(servables.size());
  {
    // imports and loads take seconds each: side by side
    std::vector<std::thread> threads;
    std::atomic<size_t> next{0};
    for (size_t t = 0; t < std::min<size_t>(servables.size(), 8); ++t) {
      threads.emplace_back([&] {
        for (size_t i = next++; i < servables.size(); i = next++) {
          SetState(servables[i].name, "LOADING", "");
          loaded[i] = Servable::Create(servables[i], context_);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  absl::Status status;
  for (size_t i = 0; i < loaded.size(); ++i) {
    SetState(servables[i].name, "", "");
    if (context_.log != nullptr && loaded[i].ok()) {
      context_.log->Event(LogLevel::kInfo, "servable is ready",
                          {{"servable", servables[i].name}, {"version", (*loaded[i])->version()}});
    } else if (context_.log != nullptr) {
      context_.log->Event(
          LogLevel::kError, "servable could not be loaded",
          {{"servable", servables[i].name}, {"error", loaded[i].status().message()}});
    }
    if (loaded[i].ok()) continue;
    if (status.ok()) status = loaded[i].status();
    absl::MutexLock lock(&mutex_);
    if (servables_.count(servables[i].name) == 0) {
      states_[servables[i].name] = {"UNAVAILABLE", std::string(loaded[i].status().message())};
    }
  }
  if (!status.ok()) return status;
  std::vector<std::shared_ptr<Servable>> replaced;
  absl::MutexLock lock(&mutex_);
  for (size_t i = 0; i < loaded.size(); ++i) {
    std::shared_ptr<Servable> servable = Own(*std::move(loaded[i]));
    std::shared_ptr<Servable>& place = servables_[servables[i].name][servable->version()];
    replaced.push_back(std::move(place));
    place = std::move(servable);
    ServableOptions& known = known_[servables[i].name];
    known = servables[i];
    known.cancellation.reset();
    // kept only for those who load again
    if (!options_.allow_control && options_.poll == absl::ZeroDuration()) known.key.Clear();
  }
  return absl::OkStatus();
}

absl::Status Repository::Remove(const std::string& name, uint64_t version) {
  absl::MutexLock change(&change_mutex_);
  Versions_ removed;
  absl::MutexLock lock(&mutex_);
  const auto found = servables_.find(name);
  if (found == servables_.end() || (version != 0 && found->second.count(version) == 0)) {
    return absl::NotFoundError(absl::StrCat("servable '", name, "'",
                                            version == 0 ? "" : absl::StrCat(" version ", version),
                                            " is not served"));
  }
  if (version == 0) {
    removed.swap(found->second);
  } else {
    removed[version] = std::move(found->second[version]);
    found->second.erase(version);
  }
  if (context_.log != nullptr) {
    for (const auto& [number, servable] : removed) {
      context_.log->Event(LogLevel::kInfo, "servable was taken away",
                          {{"servable", name}, {"version", number}});
    }
  }
  if (found->second.empty()) {
    servables_.erase(found);
    states_[name] = {"UNAVAILABLE", "unloaded"};
  }
  return absl::OkStatus();
}

void Repository::Drain(absl::Time deadline) {
  draining_ = true;
  {
    absl::MutexLock lock(&mutex_);
    if (mutex_.AwaitWithDeadline(absl::Condition(this, &Repository::IsIdle), deadline)) return;
  }
  // a stage in Python may never end; its request would hold the servable, be it a replaced one
  std::vector<std::shared_ptr<Servable>> left;
  {
    absl::MutexLock lock(&reaper_mutex_);
    for (const auto& servable : owned_) left.push_back(servable.lock());
  }
  for (const auto& servable : left) {
    if (servable != nullptr) servable->StopStages(deadline);
  }
}

absl::StatusOr<std::shared_ptr<Servable>> Repository::FindServable(absl::string_view name,
                                                                   uint64_t version) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = servables_.find(name);
  if (found == servables_.end())
    return absl::NotFoundError(
        absl::StrCat("Request for unknown model: '", name, "' is not found"));
  if (version == 0) return found->second.rbegin()->second;
  const auto exact = found->second.find(version);
  if (exact == found->second.end()) {
    return absl::NotFoundError(
        absl::StrCat("Request for unknown model: '", name, "' version ", version, " is not found"));
  }
  return exact->second;
}

void Repository::Infer(std::unique_ptr<InferRequest> request, InferCallback done) {
  const auto refuse = [&](Failure failure, const char* reason) {
    context_.metrics->Refused("engine", reason);
    InferReply reply;
    reply.failure = std::move(failure);
    done(std::move(reply));
  };
  if (draining_) {
    return refuse(
        {Code::kServableUnavailable, absl::StatusCode::kUnavailable, "the server is shutting down"},
        "draining");
  }
  auto servable = FindServable(request->servable, request->version);
  if (!servable.ok()) {
    return refuse(
        {Code::kInvalidInputs, absl::StatusCode::kNotFound,
         NotAvailableText(request->servable, request->method, request->version, "servable")},
        "servable");
  }
  const int method = (*servable)->Find(request->method);
  if (method < 0) {
    return refuse({Code::kInvalidInputs, absl::StatusCode::kNotFound,
                   NotAvailableText(request->servable, request->method, 0, "method")},
                  "method");
  }
  const uint64_t limit = max_queue_;
  if (in_progress_.fetch_add(1) >= limit) {
    --in_progress_;
    return refuse(
        {Code::kFailed, absl::StatusCode::kResourceExhausted,
         absl::StrCat("Serving Error: enqueued requests count exceeds the limit ", limit)},
        "queue");
  }
  Servable& target = **servable;
  target.Infer(*std::move(servable), static_cast<size_t>(method), std::move(request),
               [this, done = std::move(done)](InferReply reply) {
                 done(std::move(reply));
                 if (in_progress_.fetch_sub(1) == 1 && draining_) {
                   // wakes Drain
                   absl::MutexLock lock(&mutex_);
                 }
               });
}

bool Repository::Ready() const {
  if (draining_) return false;
  absl::ReaderMutexLock lock(&mutex_);
  return std::none_of(states_.begin(), states_.end(), [&](const auto& s) {
    return s.second.first == "LOADING" && servables_.find(s.first) == servables_.end();
  });
}

absl::StatusOr<std::shared_ptr<const MethodInfo>> Repository::Find(
    absl::string_view model, absl::string_view version) const {
  uint64_t number = 0;
  if (!version.empty() && (!absl::SimpleAtoi(version, &number) || number == 0)) {
    return absl::InvalidArgumentError(absl::StrCat("'", version, "' is no version of a model"));
  }
  absl::string_view method;
  auto servable = FindServable(model, number);
  const size_t dot = model.rfind('.');
  if (!servable.ok() && dot != absl::string_view::npos) {
    auto part = FindServable(model.substr(0, dot), number);
    if (part.ok()) {
      servable = std::move(part);
      method = model.substr(dot + 1);
    }
  }
  if (!servable.ok()) return servable.status();
  const int index = (*servable)->Find(method);
  if (index < 0)
    return absl::NotFoundError(
        absl::StrCat("Request for unknown model: '", model, "' is not found"));
  return (*servable)->methods()[static_cast<size_t>(index)];
}

absl::StatusOr<MethodStatistics> Repository::Statistics(const MethodInfo& method) const {
  const auto servable = FindServable(method.servable, method.version);
  if (!servable.ok()) return servable.status();
  const int index = (*servable)->Find(method.method);
  if (index < 0) return absl::NotFoundError(absl::StrCat("no method '", method.method, "'"));
  return (*servable)->Statistics(static_cast<size_t>(index));
}

std::vector<uint64_t> Repository::Versions(absl::string_view servable) const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<uint64_t> out;
  const auto found = servables_.find(servable);
  if (found == servables_.end()) return out;
  for (const auto& [version, ignored] : found->second) out.push_back(version);
  return out;
}

std::vector<ServableState> Repository::List() const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<ServableState> out;
  for (const auto& [name, versions] : servables_) {
    for (const auto& [version, servable] : versions) {
      ServableState state;
      state.name = name;
      state.version = version;
      state.state = draining_ ? "UNLOADING" : "READY";
      for (const auto& method : servable->methods()) state.methods.push_back(method->method);
      state.workers = servable->workers();
      state.queued = servable->in_progress();
      out.push_back(std::move(state));
    }
  }
  for (const auto& [name, why] : states_) {
    if (servables_.find(name) != servables_.end()) continue;
    ServableState state;
    state.name = name;
    state.state = why.first;
    state.reason = why.second;
    out.push_back(std::move(state));
  }
  return out;
}

std::vector<std::shared_ptr<const MethodInfo>> Repository::Methods() const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<std::shared_ptr<const MethodInfo>> out;
  for (const auto& [name, versions] : servables_) {
    for (const auto& [version, servable] : versions)
      out.insert(out.end(), servable->methods().begin(), servable->methods().end());
  }
  return out;
}

absl::Status Repository::Load(absl::string_view servable,
                              const std::map<std::string, std::string>& parameters) {
  if (!options_.allow_control)
    return absl::FailedPreconditionError(
        "model control is off: start the server with model_control=explicit");
  std::vector<uint64_t> versions;
  for (const auto& [name, value] : parameters) {
    if (name != "config")
      return absl::InvalidArgumentError(absl::StrCat("unknown load parameter '", name, "'"));
    auto policy = VersionPolicy(value);
    if (!policy.ok()) return policy.status();
    versions = *std::move(policy);
  }
  ServableOptions options;
  std::vector<uint64_t> running;
  {
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = known_.find(servable);
    if (found != known_.end()) {
      options = found->second;
    } else if (!options_.directory.empty()) {
      options.directory = options_.directory;
      options.name = std::string(servable);
    } else {
      return absl::NotFoundError(
          absl::StrCat("failed to load '", servable, "', failed to poll from model repository"));
    }
  }
  running = Versions(servable);
  std::vector<ServableOptions> wanted;
  if (versions.empty()) versions.push_back(0);
  for (uint64_t version : versions) {
    options.version = version;
    wanted.push_back(options);
  }
  const absl::Status status = Add(std::move(wanted));
  if (!status.ok())
    return absl::Status(status.code(),
                        absl::StrCat("failed to load '", servable, "': ", status.message()));
  if (versions[0] == 0) {
    const std::vector<uint64_t> disk = VersionsOnDisk(options.directory, options.name);
    versions = {disk.empty() ? 1 : disk.back()};
  }
  for (uint64_t version : running) {
    if (std::find(versions.begin(), versions.end(), version) != versions.end()) continue;
    const absl::Status removed = Remove(std::string(servable), version);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  }
  return absl::OkStatus();
}

absl::Status Repository::Unload(absl::string_view servable) {
  if (!options_.allow_control)
    return absl::FailedPreconditionError(
        "model control is off: start the server with model_control=explicit");
  return Remove(std::string(servable), 0);
}

void Repository::Poll() {
  // of servables that could not be loaded: what was on disk then
  std::map<std::string, std::vector<uint64_t>> failed;
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), options_.poll)) return;
    }
    std::map<std::string, ServableOptions> candidates;
    {
      absl::ReaderMutexLock lock(&mutex_);
      candidates.insert(known_.begin(), known_.end());
    }
    if (DIR* directory =
            options_.directory.empty() ? nullptr : opendir(options_.directory.c_str())) {
      while (const dirent* entry = readdir(directory)) {
        if (entry->d_name[0] == '.' || candidates.count(entry->d_name) > 0) continue;
        ServableOptions options;
        options.directory = options_.directory;
        options.name = entry->d_name;
        candidates[options.name] = options;
      }
      closedir(directory);
    }
    for (auto& [name, options] : candidates) {
      if (options.version != 0) continue;  // asked for by number
      const std::vector<uint64_t> disk = VersionsOnDisk(options.directory, name);
      const std::vector<uint64_t> running = Versions(name);
      if (disk.empty()) {
        if (!running.empty() && running != std::vector<uint64_t>{1}) Remove(name, 0).IgnoreError();
        continue;
      }
      if (std::find(running.begin(), running.end(), disk.back()) != running.end() ||
          failed[name] == disk)
        continue;
      if (!Add({options}).ok()) {
        failed[name] = disk;
        continue;
      }
      for (uint64_t version : running) Remove(name, version).IgnoreError();
    }
  }
}

}  // namespace mirin::serving
