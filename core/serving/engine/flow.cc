#include "core/serving/engine/flow.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

template <typename T>
int64_t ArgmaxOf(const Tensor& tensor) {
  const auto* bytes = tensor.data.data();
  const size_t n = tensor.data.size() / sizeof(T);
  size_t best = 0;
  T most{};
  for (size_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    if (i == 0 || value > most) {
      best = i;
      most = value;
    }
  }
  return static_cast<int64_t>(best);
}

// The built-in stage argmax_cpp: the place of the largest element of the flattened tensor.
Failure Argmax(const Tensor& tensor, std::vector<Tensor>& outputs) {
  if (tensor.data.size() == 0)
    return InvalidInputs("argmax_cpp: the tensor is empty or holds texts");
  int64_t best = 0;
  switch (tensor.dtype) {
    case MIRIN_DTYPE_BOOL:
    case MIRIN_DTYPE_U8:
      best = ArgmaxOf<uint8_t>(tensor);
      break;
    case MIRIN_DTYPE_I8:
      best = ArgmaxOf<int8_t>(tensor);
      break;
    case MIRIN_DTYPE_I16:
      best = ArgmaxOf<int16_t>(tensor);
      break;
    case MIRIN_DTYPE_U16:
      best = ArgmaxOf<uint16_t>(tensor);
      break;
    case MIRIN_DTYPE_I32:
      best = ArgmaxOf<int32_t>(tensor);
      break;
    case MIRIN_DTYPE_U32:
      best = ArgmaxOf<uint32_t>(tensor);
      break;
    case MIRIN_DTYPE_I64:
      best = ArgmaxOf<int64_t>(tensor);
      break;
    case MIRIN_DTYPE_U64:
      best = ArgmaxOf<uint64_t>(tensor);
      break;
    case MIRIN_DTYPE_F32:
      best = ArgmaxOf<float>(tensor);
      break;
    case MIRIN_DTYPE_F64:
      best = ArgmaxOf<double>(tensor);
      break;
    case MIRIN_DTYPE_F16:
    case MIRIN_DTYPE_BF16: {
      const size_t n = tensor.data.size() / 2;
      std::vector<uint16_t> halves(n);
      std::memcpy(halves.data(), tensor.data.data(), n * 2);
      Tensor wide;
      uint8_t* floats;
      wide.data = Buffer::Allocate(n * sizeof(float), &floats);
      (tensor.dtype == MIRIN_DTYPE_F16 ? mirin_f16_to_f32 : mirin_bf16_to_f32)(
          halves.data(), reinterpret_cast<float*>(floats), n);
      best = ArgmaxOf<float>(wide);
      break;
    }
    default:
      return InvalidInputs(
          absl::StrCat("argmax_cpp: no elements of type ", mirin_dtype_name(tensor.dtype)));
  }
  Tensor place;
  place.dtype = MIRIN_DTYPE_I64;
  place.data = Buffer::Copy({reinterpret_cast<const char*>(&best), sizeof best});
  outputs.push_back(std::move(place));
  return {};
}

// Part i of n along the first axis.
Tensor Row(const Tensor& tensor, size_t i, size_t n) {
  Tensor row;
  row.dtype = tensor.dtype;
  row.is_bytes = tensor.is_bytes;
  row.dims.assign(tensor.dims.begin() + 1, tensor.dims.end());
  if (tensor.dtype == MIRIN_DTYPE_STRING) {
    const size_t each = tensor.texts.size() / n;
    row.texts.assign(tensor.texts.begin() + static_cast<std::ptrdiff_t>(i * each),
                     tensor.texts.begin() + static_cast<std::ptrdiff_t>((i + 1) * each));
  } else {
    const size_t each = tensor.data.size() / n;
    row.data = tensor.data.Slice(i * each, each);
  }
  return row;
}

// Rows along a new first axis; they have equal dims and dtypes.
Tensor Stack(const std::vector<const Tensor*>& rows) {
  const Tensor& first = *rows[0];
  Tensor out;
  out.dtype = first.dtype;
  out.is_bytes = first.is_bytes;
  out.dims.push_back(static_cast<int64_t>(rows.size()));
  out.dims.insert(out.dims.end(), first.dims.begin(), first.dims.end());
  if (first.dtype == MIRIN_DTYPE_STRING) {
    for (const Tensor* row : rows)
      out.texts.insert(out.texts.end(), row->texts.begin(), row->texts.end());
    return out;
  }
  const size_t size = first.data.size();
  bool contiguous = !first.data.is_foreign();
  for (size_t r = 1; r < rows.size() && contiguous; ++r) {
    contiguous = rows[r]->data.owner() == first.data.owner() &&
                 rows[r]->data.data() == first.data.data() + r * size;
  }
  if (contiguous) {
    out.data = Buffer(first.data.data(), size * rows.size(), first.data.owner());
    return out;
  }
  uint8_t* to;
  out.data = Buffer::Allocate(size * rows.size(), &to);
  for (size_t r = 0; r < rows.size() && size > 0; ++r)
    std::memcpy(to + r * size, rows[r]->data.data(), size);
  return out;
}

void Add(DurationStatistic& statistic, absl::Duration time, uint64_t count = 1) {
  statistic.count += count;
  statistic.ns += static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(time)));
}

// A request of more instances than this is refused.
constexpr size_t kMaxInstances = 1 << 20;

}  // namespace

Flow::Flow(std::shared_ptr<Servable> servable, size_t method, std::unique_ptr<InferRequest> request,
           InferCallback done)
    : servable_(std::move(servable)),
      method_(*servable_->methods_[method]),
      method_index_(method),
      request_(std::move(request)),
      done_(std::move(done)) {
  if (request_->deadline == absl::InfiniteFuture() && method_.spec.timeout_us > 0) {
    request_->deadline = request_->received + absl::Microseconds(method_.spec.timeout_us);
  }
}

void Flow::Start() {
  ++servable_->in_progress_;
  if (servable_->context_.tracer != nullptr) {
    request_->method = method_.spec.name;
    request_->trace = servable_->context_.tracer->Start(*request_);
  }
  Failure failure = Bind();
  if (failure.ok()) {
    const uint64_t before = method_.in_progress.fetch_add(items_.size());
    if (method_.spec.max_queue_size > 0 && before >= method_.spec.max_queue_size) {
      method_.in_progress -= items_.size();
      failure = {Code::kFailed, absl::StatusCode::kResourceExhausted,
                 absl::StrCat("Serving Error: enqueued requests count exceeds the limit ",
                              method_.spec.max_queue_size)};
    }
  }
  if (!failure.ok()) {
    items_.clear();
    InferReply reply;
    reply.version = servable_->version();
    reply.failure = std::move(failure);
    Record(reply);
    done_(std::move(reply));
    --servable_->in_progress_;
    delete this;
    return;
  }
  method_.metrics->QueueLength(static_cast<int64_t>(items_.size()));
  if (request_->session_start && !request_->session.empty()) {
    for (const auto& model : servable_->models_) model->EndSession(request_->session);
  }
  left_ = items_.size();
  std::vector<size_t> all(items_.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  Advance(std::move(all));
}

Failure Flow::BindInstance(const Instance& instance, std::vector<Tensor>& inputs) const {
  const std::vector<std::string>& names = method_.spec.inputs;
  for (size_t i = 0; i < names.size(); ++i) {
    const NamedTensor* found =
        i < instance.size() && instance[i].name == names[i] ? &instance[i] : nullptr;
    // the last of several with one name
    for (size_t j = instance.size(); j-- > 0 && found == nullptr;) {
      if (instance[j].name == names[i]) found = &instance[j];
    }
    if (found == nullptr) {
      return InvalidInputs(absl::StrCat("Cannot find input ", names[i],
                                        " in instance input , servable ", servable_->options_.name,
                                        ", method ", method_.spec.name));
    }
    inputs.push_back(found->value);
  }
  return {};
}

Failure Flow::SelectOutputs() {
  const std::vector<std::string>& names = method_.spec.outputs;
  if (request_->outputs.empty()) {
    for (size_t i = 0; i < names.size(); ++i) outputs_.push_back(i);
    return {};
  }
  for (const std::string& wanted : request_->outputs) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found == names.end()) {
      return InvalidInputs(absl::StrCat("unexpected inference output '", wanted, "' for model '",
                                        servable_->options_.name, "'"));
    }
    outputs_.push_back(static_cast<size_t>(found - names.begin()));
  }
  return {};
}

Failure Flow::Bind() {
  Failure failure = SelectOutputs();
  if (!failure.ok()) return failure;
  if (request_->instances.empty()) return InvalidInputs("Instances count of request cannot be 0");
  if (request_->instances.size() > kMaxInstances)
    return InvalidInputs("too many instances in one request");
  const bool split = request_->batched && servable_->infos_[method_index_]->batchable;
  for (const Instance& instance : request_->instances) {
    std::vector<Tensor> inputs;
    failure = BindInstance(instance, inputs);
    if (!failure.ok()) return failure;
    if (split) return SplitBatch(std::move(inputs));
    items_.emplace_back();
    items_.back().values.reserve(method_.spec.stages.size() + 1);
    items_.back().values.push_back(std::move(inputs));
  }
  // the values live on in the items
  request_->instances.clear();
  return {};
}

Failure Flow::SplitBatch(std::vector<Tensor> inputs) {
  int64_t n = -1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!method_.input_has_batch[i]) continue;
    if (inputs[i].dims.empty() || (n >= 0 && inputs[i].dims[0] != n)) {
      return InvalidInputs(absl::StrCat("input '", method_.spec.inputs[i], "' has shape ",
                                        DimsText(inputs[i].dims),
                                        ": the first axis is the batch, which all inputs share"));
    }
    n = inputs[i].dims[0];
  }
  if (n == 0) return InvalidInputs("the batch is empty");
  if (n > static_cast<int64_t>(kMaxInstances)) return InvalidInputs("the batch is too large");
  if (n < 0) n = 1;
  for (int64_t r = 0; r < n; ++r) {
    Item item;
    item.values.reserve(method_.spec.stages.size() + 1);
    item.values.emplace_back();
    for (size_t i = 0; i < inputs.size(); ++i) {
      item.values[0].push_back(method_.input_has_batch[i]
                                   ? Row(inputs[i], static_cast<size_t>(r), static_cast<size_t>(n))
                                   : inputs[i]);
    }
    items_.push_back(std::move(item));
  }
  request_->instances.clear();
  return {};
}

std::vector<Tensor> Flow::Inputs(const StageSpec& stage, const Item& item) const {
  std::vector<Tensor> inputs;
  inputs.reserve(stage.inputs.size());
  for (const ValueRef& ref : stage.inputs) inputs.push_back(item.values[ref.stage][ref.output]);
  return inputs;
}

void Flow::Advance(std::vector<size_t> items) {
  const std::vector<StageSpec>& stages = method_.spec.stages;
  while (!items.empty()) {
    const size_t next = items_[items[0]].next;
    if (next == stages.size()) {
      // the last one of them deletes this
      const size_t n = items.size();
      for (size_t i = 0; i < n; ++i) ItemDone();
      return;
    }
    const StageSpec& stage = stages[next];
    if (stage.kind == StageSpec::Kind::kModel) return RunModel(stage, items);
    if (stage.kind == StageSpec::Kind::kPython) return RunPython(stage, items);
    std::vector<size_t> good;
    size_t failed = 0;
    for (size_t i : items) {
      Item& item = items_[i];
      std::vector<Tensor> outputs;
      item.failure = Argmax(Inputs(stage, item)[0], outputs);
      item.values.push_back(std::move(outputs));
      ++item.next;
      if (item.failure.ok()) {
        good.push_back(i);
      } else {
        ++failed;
      }
    }
    // when none is good, the last ItemDone may delete this
    items = std::move(good);
    for (size_t i = 0; i < failed; ++i) ItemDone();
  }
}

template <typename T>
std::vector<std::unique_ptr<T>> Flow::NewWorks(const StageSpec& stage,
                                               const std::vector<size_t>& items) {
  std::vector<std::unique_ptr<T>> works;
  const absl::Time now = absl::Now();
  for (size_t i : items) {
    auto work = std::make_unique<T>();
    work->inputs = Inputs(stage, items_[i]);
    work->deadline = request_->deadline;
    work->enqueued = now;
    work->cancellation = request_->cancellation;
    work->done = [this, i](Failure failure, std::vector<Tensor> outputs, const WorkTimes& times) {
      StageDone(i, std::move(failure), std::move(outputs), times);
    };
    works.push_back(std::move(work));
  }
  return works;
}

void Flow::RunModel(const StageSpec& stage, const std::vector<size_t>& items) {
  auto works = NewWorks<ModelWork>(stage, items);
  for (const auto& work : works) {
    work->session = request_->session;
    work->strict = request_->batched;
    work->priority = request_->priority;
    work->max_delay = absl::Microseconds(method_.spec.max_queue_delay_us);
  }
  servable_->model_queues_[stage.model][stage.subgraph]->Enqueue(std::move(works), true);
}

void Flow::RunPython(const StageSpec& stage, const std::vector<size_t>& items) {
  const auto index = static_cast<uint32_t>(&stage - method_.spec.stages.data());
  servable_->stages_->Enqueue(static_cast<uint32_t>(method_index_), index,
                              NewWorks<StageWork>(stage, items));
}

void Flow::StageDone(size_t i, Failure failure, std::vector<Tensor> outputs,
                     const WorkTimes& times) {
  Item& item = items_[i];
  const StageSpec& stage = method_.spec.stages[item.next];
  if (failure.ok() && outputs.size() != stage.outputs_count) {
    failure = {Code::kSystemError, absl::StatusCode::kInternal,
               absl::StrCat("Call ", stage.tag, " Failed: it gave ", outputs.size(),
                            " outputs, not ", stage.outputs_count)};
  }
  if (request_->trace != nullptr && times.start != absl::Time()) {
    request_->trace->Span("queue", times.start - times.queue, times.start);
    request_->trace->Span(stage.kind == StageSpec::Kind::kPython ? "stage" : "compute", times.start,
                          times.start + times.compute);
  }
  if (times.first_of_batch) {
    method_.metrics->Batch(times.batch, times.queue, times.compute);
    absl::MutexLock lock(&method_.mutex);
    MethodStatistics& statistics = method_.statistics;
    ++statistics.execution_count;
    auto batch = std::find_if(statistics.batches.begin(), statistics.batches.end(),
                              [&](const BatchStatistic& b) { return b.size == times.batch; });
    if (batch == statistics.batches.end()) {
      batch = statistics.batches.emplace(batch);
      batch->size = times.batch;
    }
    Add(batch->compute_input, absl::ZeroDuration());
    Add(batch->compute_infer, times.compute);
    Add(batch->compute_output, absl::ZeroDuration());
  }
  if (items_.size() == 1) {
    // no other thread is in here
    absl::MutexLock lock(&mutex_);
    queue_ += times.queue;
    compute_ += times.compute;
  } else {
    absl::MutexLock lock(&mutex_);
    queue_ = std::max(queue_, times.queue);
    compute_ = std::max(compute_, times.compute);
  }
  const bool good = failure.ok();
  item.failure = std::move(failure);
  item.values.push_back(std::move(outputs));
  ++item.next;
  if (good) {
    Advance({i});
  } else {
    ItemDone();
  }
}

void Flow::ItemDone() {
  if (left_.fetch_sub(1) == 1) Answer();
}

Failure Flow::StackOutputs(InstanceReply& reply) const {
  for (const Item& item : items_) {
    if (!item.failure.ok()) return item.failure;
  }
  for (size_t o : outputs_) {
    const ValueRef& ref = method_.spec.results[o];
    if (!method_.output_has_batch[o]) {
      reply.outputs.push_back(items_[0].values[ref.stage][ref.output]);
      continue;
    }
    std::vector<const Tensor*> rows;
    for (const Item& item : items_) {
      rows.push_back(&item.values[ref.stage][ref.output]);
      if (rows.back()->dims != rows[0]->dims || rows.back()->dtype != rows[0]->dtype) {
        return {Code::kFailed, absl::StatusCode::kFailedPrecondition,
                absl::StrCat("output '", method_.spec.outputs[o],
                             "' has not the same shape and dtype for every instance of the batch: "
                             "send them one by one")};
      }
    }
    reply.outputs.push_back(Stack(rows));
  }
  return {};
}

void Flow::Answer() {
  InferReply reply;
  reply.version = servable_->version();
  for (size_t o : outputs_) reply.names.push_back(method_.spec.outputs[o]);
  if (request_->batched && servable_->infos_[method_index_]->batchable) {
    reply.instances.emplace_back();
    reply.failure = StackOutputs(reply.instances.back());
    if (!reply.failure.ok()) reply.instances.clear();
  } else {
    for (Item& item : items_) {
      InstanceReply instance;
      instance.failure = std::move(item.failure);
      if (instance.failure.ok()) {
        for (size_t o : outputs_) {
          const ValueRef& ref = method_.spec.results[o];
          instance.outputs.push_back(item.values[ref.stage][ref.output]);
        }
      }
      reply.instances.push_back(std::move(instance));
    }
  }
  if (request_->session_end && !request_->session.empty()) {
    for (const auto& model : servable_->models_) model->EndSession(request_->session);
  }
  method_.in_progress -= items_.size();
  method_.metrics->QueueLength(-static_cast<int64_t>(items_.size()));
  Record(reply);
  items_.clear();
  done_(std::move(reply));
  --servable_->in_progress_;
  delete this;
}

void Flow::Record(const InferReply& reply) {
  const absl::Time now = absl::Now();
  const absl::Duration total = now - request_->received;
  absl::StatusCode code = reply.failure.status;
  const Failure* failure = &reply.failure;
  uint64_t good = items_.size();
  if (!reply.failure.ok()) good = 0;
  for (const InstanceReply& instance : reply.instances) {
    if (instance.failure.ok()) continue;
    --good;
    if (code == absl::StatusCode::kOk) failure = &instance.failure;
    if (code == absl::StatusCode::kOk) code = instance.failure.status;
  }
  method_.metrics->Request(static_cast<int>(code), total);
  if (request_->trace != nullptr) request_->trace->End(*failure, reply.version);
  absl::MutexLock lock(&mutex_);
  absl::MutexLock statistics_lock(&method_.mutex);
  MethodStatistics& statistics = method_.statistics;
  statistics.last_inference_ms = static_cast<uint64_t>(absl::ToUnixMillis(now));
  statistics.inference_count += good;
  if (code != absl::StatusCode::kOk) {
    Add(statistics.fail, total);
    return;
  }
  Add(statistics.success, total);
  Add(statistics.queue, queue_);
  Add(statistics.compute_infer, compute_);
  Add(statistics.compute_input, absl::ZeroDuration());
  Add(statistics.compute_output, absl::ZeroDuration());
}

}  // namespace mirin::serving
