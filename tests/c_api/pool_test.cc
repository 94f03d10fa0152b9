// Pools: many callers, a bounded queue, deadlines and cancellation, and requests that fail alone.
#include <atomic>
#include <cmath>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/c_api.h"
#include "tests/support/npz.h"

namespace mirin::testing {
namespace {

ModelPtr Load(const std::string& name) {
  mirin_model* model = nullptr;
  EXPECT_EQ(Text(mirin_model_load_file(("tests/models/mindir/" + name + ".mindir").c_str(), nullptr,
                                       &model)),
            "OK");
  return ModelPtr(model);
}

PoolPtr NewPool(const mirin_model* model, int workers, int max_queue = 1000) {
  mirin_pool_options options = MIRIN_POOL_OPTIONS_INIT;
  options.workers = workers;
  options.max_queue = max_queue;
  mirin_pool* pool = nullptr;
  EXPECT_EQ(Text(mirin_pool_create(model, &options, &pool)), "OK");
  return PoolPtr(pool);
}

// ctrl_while counts to its second input: with this one it takes minutes.
class EndlessRun {
 public:
  EndlessRun()
      : x_(MakeTensor(MIRIN_DTYPE_F32, {3}, kZeros)),
        count_(MakeTensor(MIRIN_DTYPE_I32, {}, &kTurns)) {}
  std::string operator()(const mirin_pool* pool, int64_t timeout_us,
                         mirin_cancellation* cancellation) const {
    const mirin_tensor* inputs[] = {x_.get(), count_.get()};
    mirin_tensor* outputs[2] = {};
    mirin_run_options options = MIRIN_RUN_OPTIONS_INIT;
    options.timeout_us = timeout_us;
    options.cancellation = cancellation;
    return Text(mirin_pool_run(pool, inputs, 2, &options, outputs, 2));
  }

 private:
  static constexpr float kZeros[3] = {};
  static constexpr int32_t kTurns = INT32_MAX;
  TensorPtr x_, count_;
};

TEST(Pool, ServesManyCallers) {
  const ModelPtr model = Load("mobilenetv2_tiny");
  const PoolPtr pool = NewPool(model.get(), 3);
  EXPECT_EQ(mirin_pool_workers(pool.get()), 3);
  const auto arrays = ReadNpz("tests/models/mindir/mobilenetv2_tiny.npz");
  const Array &x = arrays.at("in_0"), &want = arrays.at("out_0");
  const TensorPtr input = MakeTensor(MIRIN_DTYPE_F32, x.dims, x.bytes.data());
  const TensorPtr wrong = MakeTensor(MIRIN_DTYPE_F16, x.dims, nullptr);
  std::atomic<int> right{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        // Every fifth request is of another dtype: it fails, the others do not notice.
        const mirin_tensor* in = i % 5 == 4 ? wrong.get() : input.get();
        mirin_tensor* out = nullptr;
        const StatusPtr status(mirin_pool_run(pool.get(), &in, 1, nullptr, &out, 1));
        const TensorPtr owner(out);
        if (status != nullptr) {
          refused.fetch_add(mirin_status_code(status.get()) == MIRIN_INVALID_ARGUMENT ? 1 : 0);
          continue;
        }
        bool same = mirin_tensor_elements(out) == want.elements();
        for (int64_t k = 0; same && k < want.elements(); ++k)
          same = std::fabs(static_cast<const float*>(mirin_tensor_data(out))[k] - want.Number(k)) <=
                 1e-4;
        right.fetch_add(same ? 1 : 0);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right.load(), 8 * 40);
  EXPECT_EQ(refused.load(), 8 * 10);
}

TEST(Pool, TakesAnotherShapeWithEveryRequest) {
  const ModelPtr model = Load("dyn_batch_mlp");
  const PoolPtr pool = NewPool(model.get(), 2);
  for (const int64_t rows : {1, 7, 3, 1}) {
    const TensorPtr x = MakeTensor(MIRIN_DTYPE_F32, {rows, 4}, nullptr);
    const mirin_tensor* in = x.get();
    mirin_tensor* out = nullptr;
    ASSERT_EQ(Text(mirin_pool_run(pool.get(), &in, 1, nullptr, &out, 1)), "OK");
    const TensorPtr owner(out);
    EXPECT_EQ(mirin_tensor_dims(out)[0], rows);
  }
  // Results kept from one request are not touched by the next; the caller's own tensor is written in place.
  const TensorPtr x = MakeTensor(MIRIN_DTYPE_F32, {2, 4}, nullptr),
                  y = MakeTensor(MIRIN_DTYPE_F32, {5, 3}, nullptr);
  const mirin_tensor* in = x.get();
  mirin_tensor* out = y.get();
  ASSERT_EQ(Text(mirin_pool_run_into(pool.get(), &in, 1, nullptr, &out, 1)), "OK");
  EXPECT_EQ(mirin_tensor_dims(y.get())[0], 2);
}

TEST(Pool, EndsARunAtItsDeadline) {
  const ModelPtr model = Load("ctrl_while");
  const PoolPtr pool = NewPool(model.get(), 1);
  const std::string text = EndlessRun()(pool.get(), 20000, nullptr);
  EXPECT_EQ(text.substr(0, 17), "DEADLINE_EXCEEDED") << text;
}

TEST(Pool, RefusesWhatDoesNotFitItsQueue) {
  const ModelPtr model = Load("ctrl_while");
  const PoolPtr pool = NewPool(model.get(), 1, 0);
  mirin_cancellation* raw = nullptr;
  ASSERT_EQ(Text(mirin_cancellation_create(&raw)), "OK");
  const CancellationPtr cancellation(raw);
  const EndlessRun endless;
  std::string first;
  std::thread busy([&] {
    do {  // the other side may have the worker for a moment
      first = endless(pool.get(), 0, raw);
    } while (first.substr(0, 18) == "RESOURCE_EXHAUSTED");
  });
  std::string text;
  do {  // until the thread has the worker
    text = endless(pool.get(), 1000, nullptr);
  } while (text.substr(0, 17) == "DEADLINE_EXCEEDED");
  EXPECT_EQ(text.substr(0, 18), "RESOURCE_EXHAUSTED") << text;
  mirin_cancellation_cancel(raw);
  busy.join();
  EXPECT_EQ(first.substr(0, 9), "CANCELLED") << first;
  const std::string later = endless(pool.get(), 0, raw);
  EXPECT_EQ(later.substr(0, 9), "CANCELLED") << "a cancelled object stays so: " << later;
}

TEST(Pool, CancelsAndTimesOutWhatWaits) {
  const ModelPtr model = Load("ctrl_while");
  const PoolPtr pool = NewPool(model.get(), 1, 8);
  mirin_cancellation *running = nullptr, *waiting = nullptr;
  ASSERT_EQ(Text(mirin_cancellation_create(&running)), "OK");
  ASSERT_EQ(Text(mirin_cancellation_create(&waiting)), "OK");
  const CancellationPtr owner_1(running), owner_2(waiting);
  const EndlessRun endless;
  std::string results[3];
  std::thread first([&] { results[0] = endless(pool.get(), 0, running); });
  std::thread second([&] { results[1] = endless(pool.get(), 0, waiting); });
  results[2] = endless(pool.get(), 20000, nullptr);  // waits or runs: the time is over either way
  EXPECT_EQ(results[2].substr(0, 17), "DEADLINE_EXCEEDED") << results[2];
  mirin_cancellation_cancel(waiting);
  second.join();
  mirin_cancellation_cancel(running);
  first.join();
  EXPECT_EQ(results[0].substr(0, 9), "CANCELLED") << results[0];
  EXPECT_EQ(results[1].substr(0, 9), "CANCELLED") << results[1];
}

TEST(Pool, RefusesAModelWithState) {
  const ModelPtr model = Load("kvparam_inc");
  mirin_pool* pool = nullptr;
  const std::string text = Text(mirin_pool_create(model.get(), nullptr, &pool));
  EXPECT_EQ(text.substr(0, 19), "FAILED_PRECONDITION") << text;
}

}  // namespace
}  // namespace mirin::testing
