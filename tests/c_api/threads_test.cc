// One model shared by threads: a session each, and the one thread-safe entry. 10 000 calls; //tests runs it under TSan too.
#include <atomic>
#include <cmath>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/c_api.h"
#include "tests/support/npz.h"

namespace mirin::testing {
namespace {

constexpr int kThreads = 8;
constexpr int kCallsPerThread = 625;  // 8 * 625 = 5 000 calls by each of the two ways

class Threads : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = std::string("tests/models/mindir/") + GetParam();
    mirin_model* model = nullptr;
    ASSERT_EQ(Text(mirin_model_load_file((path + ".mindir").c_str(), nullptr, &model)), "OK");
    model_.reset(model);
    const auto arrays = ReadNpz(path + ".npz");
    for (size_t i = 0; i < mirin_model_input_count(model); ++i) {
      const Array& a = arrays.at("in_" + std::to_string(i));
      inputs_.push_back(MakeTensor(static_cast<mirin_dtype>(a.dtype()), a.dims, a.bytes.data()));
    }
    pointers_ = Pointers(inputs_);
    expected_ = arrays.at("out_0");
  }

  // No gtest macros in threads: they would hide a race behind their own lock.
  bool IsRight(const mirin_tensor* got) const {
    if (mirin_tensor_elements(got) != expected_.elements()) return false;
    for (int64_t i = 0; i < expected_.elements(); ++i) {
      const double a = NumberAt(mirin_tensor_dtype(got), mirin_tensor_data(got), i),
                   b = expected_.Number(i);
      if (!(std::fabs(a - b) <= 1e-3 + 1e-3 * std::fabs(b))) return false;
    }
    return true;
  }

  ModelPtr model_;
  std::vector<TensorPtr> inputs_;
  std::vector<const mirin_tensor*> pointers_;
  Array expected_;
};

TEST_P(Threads, WithASessionEach) {
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
      options.threads = t % 3;  // also sessions that use the pool
      mirin_session* session = nullptr;
      if (StatusPtr(mirin_session_create(model_.get(), &options, &session)) != nullptr) return;
      const SessionPtr owner(session);
      std::vector<const mirin_tensor*> outputs(mirin_model_output_count(model_.get()));
      for (int i = 0; i < kCallsPerThread; ++i) {
        const StatusPtr status(mirin_session_run(session, pointers_.data(), pointers_.size(),
                                                 outputs.data(), outputs.size()));
        if (status == nullptr && IsRight(outputs[0])) right.fetch_add(1);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right.load(), kThreads * kCallsPerThread);
}

TEST_P(Threads, ThroughTheModel) {
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      std::vector<mirin_tensor*> outputs(mirin_model_output_count(model_.get()));
      for (int i = 0; i < kCallsPerThread; ++i) {
        const StatusPtr status(mirin_model_run(model_.get(), nullptr, pointers_.data(),
                                               pointers_.size(), outputs.data(), outputs.size()));
        if (status != nullptr) continue;
        if (IsRight(outputs[0])) right.fetch_add(1);
        for (mirin_tensor* o : outputs) mirin_tensor_destroy(o);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right.load(), kThreads * kCallsPerThread);
}

// A session in use says so instead of racing.
TEST_P(Threads, ABusySessionIsRefused) {
  mirin_session* session = nullptr;
  ASSERT_EQ(Text(mirin_session_create(model_.get(), nullptr, &session)), "OK");
  const SessionPtr owner(session);
  std::atomic<int> good{0}, busy{0}, other{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<const mirin_tensor*> outputs(mirin_model_output_count(model_.get()));
      for (int i = 0; i < 100; ++i) {
        const StatusPtr status(mirin_session_run(session, pointers_.data(), pointers_.size(),
                                                 outputs.data(), outputs.size()));
        const mirin_code code = mirin_status_code(status.get());
        (code == MIRIN_OK ? good : code == MIRIN_FAILED_PRECONDITION ? busy : other).fetch_add(1);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_GT(good.load(), 0);
  EXPECT_EQ(other.load(), 0);
  EXPECT_EQ(good.load() + busy.load(), 400);
}

INSTANTIATE_TEST_SUITE_P(Models, Threads,
                         ::testing::Values("tensor_add", "mobilenetv2_tiny", "bert_tiny"));

}  // namespace
}  // namespace mirin::testing
