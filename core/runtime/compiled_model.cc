#include "core/runtime/compiled_model.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/backend/registry.h"
#include "core/base/log.h"
#include "core/base/status.h"

namespace mirin::runtime {
namespace {

void AppendBytes(std::string* key, int64_t number) {
  key->append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string PlanKey(const plan::Region& region, absl::Span<const ir::TensorType> inputs,
                    const DeviceSet& devices, int threads) {
  std::string key = devices.key;
  AppendBytes(&key, reinterpret_cast<intptr_t>(&region));
  AppendBytes(&key, threads);
  for (const ir::TensorType& type : inputs) {
    AppendBytes(&key, static_cast<int64_t>(type.dtype));
    AppendBytes(&key, type.shape.rank());
    for (int64_t d : type.shape.dims()) AppendBytes(&key, d);
  }
  return key;
}

// Sessions of fewer threads do the same parts one after another.
const ThreadShare& DeterministicShare() {
  static const auto* const kShare = new ThreadShare(kMostDeterministicThreads);
  return *kShare;
}

void LogPlan(const plan::Plan& plan) {
  if (!LogEnabled(LogLevel::kDebug)) return;
  std::string text = absl::StrCat("planned ", plan.steps.size(), " steps in ", plan.arena_bytes,
                                  " bytes of arena");
  for (const plan::Refusal& r : plan.refusals)
    absl::StrAppend(&text, "\n  ", r.backend, " refused ", ir::Describe(*r.node), ": ", r.reason);
  Log(LogLevel::kDebug, text);
}

std::string PackingOf(const DeviceSet& set) {
  std::string all;
  for (const auto& backend : set.backends)
    absl::StrAppend(&all, backend->name(), " ", backend->packing(), ";");
  return all;
}

void KeepWeights(DeviceSet* devices) {
  devices->kept->Flush();
  const WeightCache::Counts counts = devices->weights.counts();
  Log(LogLevel::kInfo,
      absl::StrCat("model cache: ", counts.packed, " weights packed, ", counts.reused, " reused"));
}

}  // namespace

CompiledModel::CompiledModel(const ir::Module* module, std::shared_ptr<const ModelCache> cache)
    : module_(module), cache_(std::move(cache)) {
  for (const auto& graph : module->graphs())
    schedules_.emplace(graph.get(), plan::Partition(*graph));
}

absl::StatusOr<std::shared_ptr<DeviceSet>> CompiledModel::Devices(
    const std::vector<std::string>& names, const Numerics& numerics) {
  const std::string key =
      absl::StrCat(absl::StrJoin(names, ","), numerics.prefer_fp16 ? ";fp16" : "",
                   numerics.deterministic ? ";deterministic" : "");
  absl::MutexLock lock(&mutex_);
  for (const auto& set : devices_) {
    if (set->key == key) return set;
  }
  auto set = std::make_shared<DeviceSet>();
  set->key = key;
  set->numerics = numerics;
  MIRIN_ASSIGN_OR_RETURN(set->backends, MakeBackends(names));
  if (cache_ != nullptr) {
    set->kept = cache_->Open(absl::StrCat(key, ";", PackingOf(*set)));
    set->weights.set_store(set->kept);
  }
  devices_.push_back(set);
  return set;
}

absl::StatusOr<std::unique_ptr<plan::Plan>> CompiledModel::Build(
    const plan::Region& region, absl::Span<const ir::TensorType> types,
    absl::Span<const Tensor> values, DeviceSet& devices, const ThreadShare& threads) {
  plan::PlanRequest request;
  request.region = &region;
  request.module = module_;
  request.inputs = types;
  request.input_values = values;
  request.backends = devices.backends;
  request.weights = &devices.weights;
  request.aligned = &aligned_;
  request.threads = &threads;
  request.prefer_fp16 = devices.numerics.prefer_fp16;
  request.deterministic = devices.numerics.deterministic;
  absl::StatusOr<std::unique_ptr<plan::Plan>> plan = absl::InternalError("not planned");
  // Libraries choose their partition of the work by the arena they are set up in.
  const ThreadShare& setup = request.deterministic ? DeterministicShare() : threads;
  setup.Enter([&] { plan = plan::BuildPlan(request); });
  devices.weights.DropScratch();
  if (devices.kept != nullptr && plan.ok()) KeepWeights(&devices);
  return plan;
}

absl::StatusOr<std::shared_ptr<const plan::Plan>> CompiledModel::GetPlan(
    const plan::Region& region, absl::Span<const ir::TensorType> inputs, DeviceSet& devices,
    const ThreadShare& threads) {
  const std::string key = PlanKey(region, inputs, devices, threads.threads());
  {
    absl::MutexLock lock(&mutex_);
    auto it = plans_.find(key);
    if (it != plans_.end()) {
      ages_.splice(ages_.begin(), ages_, it->second.age);
      return it->second.plan;
    }
  }
  MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<const plan::Plan> plan,
                         Build(region, inputs, {}, devices, threads));
  LogPlan(*plan);
  absl::MutexLock lock(&mutex_);
  auto [it, is_new] = plans_.try_emplace(key);
  if (!is_new) return it->second.plan;  // another session was faster
  ages_.push_front(key);
  it->second = {plan, ages_.begin()};
  plan_bytes_ += plan->bytes();
  while (plan_bytes_ > kPlanCacheBytes && ages_.size() > 1) {
    auto oldest = plans_.find(ages_.back());
    plan_bytes_ -= oldest->second.plan->bytes();
    plans_.erase(oldest);
    ages_.pop_back();
  }
  return plan;
}

absl::StatusOr<std::shared_ptr<const plan::Plan>> CompiledModel::MakePlan(
    const plan::Region& region, absl::Span<const Tensor> inputs, DeviceSet& devices,
    const ThreadShare& threads) {
  std::vector<ir::TensorType> types;
  for (const Tensor& t : inputs) types.push_back({t.dtype(), t.shape()});
  MIRIN_ASSIGN_OR_RETURN(std::shared_ptr<const plan::Plan> plan,
                         Build(region, types, inputs, devices, threads));
  return plan;
}

}  // namespace mirin::runtime
