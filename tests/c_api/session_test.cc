// What a user relies on in sessions: state, dynamic shapes, buffers of one's own, cancellation,
// profiles.
#include <sched.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/c_api.h"
#include "tests/support/npz.h"

namespace mirin::testing {
namespace {

ModelPtr Load(const std::string& name, const mirin_model_options* options = nullptr) {
  mirin_model* model = nullptr;
  EXPECT_EQ(Text(mirin_model_load_file(("tests/models/mindir/" + name + ".mindir").c_str(), options,
                                       &model)),
            "OK");
  return ModelPtr(model);
}

SessionPtr NewSession(const mirin_model* model, const mirin_session_options* options = nullptr) {
  mirin_session* session = nullptr;
  EXPECT_EQ(Text(mirin_session_create(model, options, &session)), "OK");
  return SessionPtr(session);
}

TensorPtr Floats(const std::vector<int64_t>& dims, const std::vector<float>& values) {
  return MakeTensor(MIRIN_DTYPE_F32, dims, values.data());
}

TEST(Session, WritesIntoTheCallersTensor) {
  const ModelPtr model = Load("tensor_add");
  const SessionPtr session = NewSession(model.get());
  const int64_t* dims = mirin_model_input_dims(model.get(), 0);
  const std::vector<int64_t> shape(dims, dims + mirin_model_input_rank(model.get(), 0));
  const TensorPtr a = MakeTensor(MIRIN_DTYPE_F32, shape, nullptr),
                  b = MakeTensor(MIRIN_DTYPE_F32, shape, nullptr);
  for (int64_t i = 0; i < mirin_tensor_elements(a.get()); ++i) {
    static_cast<float*>(mirin_tensor_mutable_data(a.get()))[i] = static_cast<float>(i);
    static_cast<float*>(mirin_tensor_mutable_data(b.get()))[i] = 100;
  }
  std::vector<float> memory(static_cast<size_t>(mirin_tensor_elements(a.get())), -1);
  mirin_tensor* out = nullptr;
  ASSERT_EQ(Text(mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, shape.data(), shape.size(),
                                              memory.data(), memory.size() * 4, &out)),
            "OK");
  const TensorPtr owner(out);
  const mirin_tensor* inputs[] = {a.get(), b.get()};
  ASSERT_EQ(Text(mirin_session_run_into(session.get(), inputs, 2, &out, 1)), "OK");
  for (size_t i = 0; i < memory.size(); ++i) EXPECT_EQ(memory[i], 100 + static_cast<float>(i));

  const TensorPtr small = Floats({1}, {0});
  mirin_tensor* too_small = small.get();
  const std::string text = Text(mirin_session_run_into(session.get(), inputs, 2, &too_small, 1));
  EXPECT_NE(text.find("INVALID_ARGUMENT"), std::string::npos) << text;
}

TEST(Session, NamesTheInputThatDoesNotFit) {
  const ModelPtr model = Load("tensor_add");
  const SessionPtr session = NewSession(model.get());
  const TensorPtr wrong = Floats({7, 7, 7}, std::vector<float>(343)),
                  ints = MakeTensor(MIRIN_DTYPE_I32, {2, 3}, nullptr);
  const mirin_tensor* output = nullptr;
  const std::string name = mirin_model_input_name(model.get(), 0);
  for (const mirin_tensor* bad : {wrong.get(), ints.get()}) {
    const mirin_tensor* inputs[] = {bad, bad};
    const std::string text = Text(mirin_session_run(session.get(), inputs, 2, &output, 1));
    EXPECT_NE(text.find("INVALID_ARGUMENT"), std::string::npos) << text;
    EXPECT_NE(text.find(name), std::string::npos) << text;
  }
}

std::vector<TensorPtr> FromNpz(const std::string& name) {
  const auto arrays = ReadNpz("tests/models/mindir/" + name + ".npz");
  std::vector<TensorPtr> inputs;
  for (size_t i = 0; arrays.count("in_" + std::to_string(i)) != 0; ++i) {
    const Array& a = arrays.at("in_" + std::to_string(i));
    inputs.push_back(MakeTensor(static_cast<mirin_dtype>(a.dtype()), a.dims, a.bytes.data()));
  }
  return inputs;
}

// Index of a state; the count of states when there is none of this name.
size_t StateIndex(const mirin_model* model, const std::string& name) {
  size_t i = 0;
  while (i < mirin_model_state_count(model) && mirin_model_state_name(model, i) != name) ++i;
  return i;
}

TensorPtr State(mirin_session* session, size_t i) {
  mirin_tensor* state = nullptr;
  EXPECT_EQ(Text(mirin_session_get_state(session, i, &state)), "OK");
  return TensorPtr(state);
}

bool SameBytes(const TensorPtr& a, const TensorPtr& b) {
  return mirin_tensor_size(a.get()) > 0 &&
         mirin_tensor_size(a.get()) == mirin_tensor_size(b.get()) &&
         std::memcmp(mirin_tensor_data(a.get()), mirin_tensor_data(b.get()),
                     mirin_tensor_size(a.get())) == 0;
}

TEST(Session, StateBelongsToTheSession) {
  const ModelPtr model = Load("kvparam_full");
  const size_t key = StateIndex(model.get(), "att.key_past");
  ASSERT_LT(key, mirin_model_state_count(model.get()));
  const SessionPtr first = NewSession(model.get()), second = NewSession(model.get());
  const TensorPtr initial = State(first.get(), key);
  const std::vector<TensorPtr> inputs = FromNpz("kvparam_full");
  const auto pointers = Pointers(inputs);
  const mirin_tensor* output = nullptr;
  ASSERT_EQ(Text(mirin_session_run(first.get(), pointers.data(), pointers.size(), &output, 1)),
            "OK");
  EXPECT_FALSE(SameBytes(State(first.get(), key), initial));
  EXPECT_TRUE(SameBytes(State(second.get(), key), initial));
  ASSERT_EQ(Text(mirin_session_set_state(first.get(), key, initial.get())), "OK");
  EXPECT_TRUE(SameBytes(State(first.get(), key), initial));
  mirin_tensor* owned = nullptr;
  const std::string text =
      Text(mirin_model_run(model.get(), nullptr, pointers.data(), pointers.size(), &owned, 1));
  EXPECT_NE(text.find("FAILED_PRECONDITION"), std::string::npos) << text;
}

// The prompt's cache goes on in the one-token model, as its users do it.
TEST(Session, CarriesTheCacheFromOneModelToAnother) {
  for (const std::string version : {"", "__v210"}) {
    const ModelPtr full = Load("kvparam_full" + version), inc = Load("kvparam_inc" + version);
    const SessionPtr prompt = NewSession(full.get()), token = NewSession(inc.get());
    const mirin_tensor* output = nullptr;
    std::vector<TensorPtr> inputs = FromNpz("kvparam_full" + version);
    auto pointers = Pointers(inputs);
    ASSERT_EQ(Text(mirin_session_run(prompt.get(), pointers.data(), pointers.size(), &output, 1)),
              "OK");
    for (const char* name : {"att.key_past", "att.value_past"}) {
      const TensorPtr cache = State(prompt.get(), StateIndex(full.get(), name));
      ASSERT_EQ(
          Text(mirin_session_set_state(token.get(), StateIndex(inc.get(), name), cache.get())),
          "OK");
    }
    inputs = FromNpz("kvparam_inc" + version);
    pointers = Pointers(inputs);
    ASSERT_EQ(Text(mirin_session_run(token.get(), pointers.data(), pointers.size(), &output, 1)),
              "OK");
    const Array expected =
        ReadNpz("tests/models/mindir/kvparam_inc" + version + ".npz").at("out_0");
    ASSERT_EQ(mirin_tensor_elements(output), expected.elements());
    for (int64_t i = 0; i < expected.elements(); ++i) {
      EXPECT_NEAR(static_cast<const float*>(mirin_tensor_data(output))[i], expected.Number(i), 1e-4)
          << i;
    }
  }
}

TEST(Session, AcceptsEveryBatchOfADynamicModel) {
  const ModelPtr model = Load("dyn_batch_mlp");
  EXPECT_EQ(mirin_model_input_dims(model.get(), 0)[0], -1);
  const SessionPtr session = NewSession(model.get());
  std::vector<float> memory(64 * 3);
  const int64_t most[] = {64, 3};
  mirin_tensor* out = nullptr;
  ASSERT_EQ(Text(mirin_tensor_create_borrowed(MIRIN_DTYPE_F32, most, 2, memory.data(),
                                              memory.size() * 4, &out)),
            "OK");
  const TensorPtr owner(out);
  for (const int64_t batch :
       {64, 1, 7, 64, 0, 33}) {  // the buffer keeps its capacity whatever result it held
    const TensorPtr x = MakeTensor(MIRIN_DTYPE_F32, {batch, 4}, nullptr);
    const mirin_tensor* input = x.get();
    ASSERT_EQ(Text(mirin_session_run_into(session.get(), &input, 1, &out, 1)), "OK") << batch;
    EXPECT_EQ(mirin_tensor_dims(out)[0], batch);
  }
  const int64_t dims[] = {128, 4}, bad[] = {128, 5};
  const int64_t* shapes[] = {dims};
  const size_t ranks[] = {2};
  EXPECT_EQ(Text(mirin_session_resize(session.get(), shapes, ranks, 1)), "OK");
  shapes[0] = bad;
  EXPECT_NE(Text(mirin_session_resize(session.get(), shapes, ranks, 1)).find("INVALID_ARGUMENT"),
            std::string::npos);
}

TEST(Model, TakesOtherShapesThanItsFile) {
  const ModelPtr model = Load("resnet18_tiny");
  const int64_t* declared = mirin_model_input_dims(model.get(), 0);
  ASSERT_EQ(mirin_model_input_rank(model.get(), 0), 4);
  const std::vector<TensorPtr> one = FromNpz("resnet18_tiny");
  const int64_t batch = declared[0], sizes[] = {3 * batch, declared[1], declared[2], declared[3]};
  const int64_t* dims[] = {sizes};
  const size_t ranks[] = {4};
  mirin_model* raw = nullptr;
  ASSERT_EQ(Text(mirin_model_reshape(model.get(), dims, ranks, 1, &raw)), "OK");
  const ModelPtr wide(raw);
  EXPECT_EQ(mirin_model_input_dims(wide.get(), 0)[0], 3 * batch);
  EXPECT_EQ(mirin_model_output_dims(wide.get(), 0)[0],
            3 * mirin_model_output_dims(model.get(), 0)[0]);
  // Each third of the batch gives what it gives alone.
  std::string bytes;
  const std::string third(static_cast<const char*>(mirin_tensor_data(one[0].get())),
                          mirin_tensor_size(one[0].get()));
  for (int i = 0; i < 3; ++i) bytes += third;
  const TensorPtr three =
      MakeTensor(MIRIN_DTYPE_F32, std::vector<int64_t>(sizes, sizes + 4), bytes.data());
  const mirin_tensor *alone = one[0].get(), *together = three.get();
  mirin_tensor *want = nullptr, *got = nullptr;
  ASSERT_EQ(Text(mirin_model_run(model.get(), nullptr, &alone, 1, &want, 1)), "OK");
  ASSERT_EQ(Text(mirin_model_run(wide.get(), nullptr, &together, 1, &got, 1)), "OK");
  const TensorPtr want_owner(want), got_owner(got);
  ASSERT_EQ(mirin_tensor_elements(got), 3 * mirin_tensor_elements(want));
  const auto *w = static_cast<const float*>(mirin_tensor_data(want)),
             *g = static_cast<const float*>(mirin_tensor_data(got));
  for (int64_t i = 0; i < mirin_tensor_elements(got); ++i)
    EXPECT_NEAR(g[i], w[i % mirin_tensor_elements(want)], 1e-4);

  // Open again, from the reshaped one; and what cannot be.
  const int64_t open[] = {-1, declared[1], declared[2], declared[3]},
                channels[] = {1, declared[1] + 1, declared[2], declared[3]},
                negative[] = {-2, 3, 8, 8};
  dims[0] = open;
  ASSERT_EQ(Text(mirin_model_reshape(wide.get(), dims, ranks, 1, &raw)), "OK");
  const ModelPtr any(raw);
  EXPECT_EQ(mirin_model_output_dims(any.get(), 0)[0], -1);
  mirin_tensor* again = nullptr;
  ASSERT_EQ(Text(mirin_model_run(any.get(), nullptr, &alone, 1, &again, 1)), "OK");
  const TensorPtr again_owner(again);
  EXPECT_EQ(mirin_tensor_elements(again), mirin_tensor_elements(want));
  dims[0] = channels;
  const std::string text = Text(mirin_model_reshape(model.get(), dims, ranks, 1, &raw));
  EXPECT_NE(text.find("INVALID_ARGUMENT"), std::string::npos) << text;
  EXPECT_NE(text.find("Conv2D"), std::string::npos) << text;
  dims[0] = negative;
  EXPECT_NE(Text(mirin_model_reshape(model.get(), dims, ranks, 1, &raw)).find("INVALID_ARGUMENT"),
            std::string::npos);
}

TEST(Model, TakesOtherShapesInItsBranchesToo) {
  const ModelPtr model = Load("ctrl_if");
  std::vector<std::vector<int64_t>> shapes;
  std::vector<const int64_t*> dims;
  std::vector<size_t> ranks;
  for (size_t i = 0; i < mirin_model_input_count(model.get()); ++i) {
    const int32_t rank = mirin_model_input_rank(model.get(), i);
    shapes.emplace_back(mirin_model_input_dims(model.get(), i),
                        mirin_model_input_dims(model.get(), i) + rank);
    if (rank > 0) shapes.back()[0] *= 2;
  }
  for (const auto& shape : shapes) {
    dims.push_back(shape.data());
    ranks.push_back(shape.size());
  }
  mirin_model* raw = nullptr;
  ASSERT_EQ(Text(mirin_model_reshape(model.get(), dims.data(), ranks.data(), dims.size(), &raw)),
            "OK");
  const ModelPtr wide(raw);
  std::vector<TensorPtr> inputs;
  for (size_t i = 0; i < shapes.size(); ++i)
    inputs.push_back(MakeTensor(mirin_model_input_dtype(wide.get(), i), shapes[i], nullptr));
  const auto pointers = Pointers(inputs);
  std::vector<mirin_tensor*> outputs(mirin_model_output_count(wide.get()));
  ASSERT_EQ(Text(mirin_model_run(wide.get(), nullptr, pointers.data(), pointers.size(),
                                 outputs.data(), outputs.size())),
            "OK");
  for (mirin_tensor* output : outputs) {
    const TensorPtr owner(output);
    EXPECT_GT(mirin_tensor_elements(output), 0);
  }
}

TEST(Session, StopsALoopWhenAskedTo) {
  // ctrl_while counts to its second input: with this one it takes minutes.
  const ModelPtr model = Load("ctrl_while");
  const SessionPtr session = NewSession(model.get());
  std::vector<TensorPtr> inputs = FromNpz("ctrl_while");
  ASSERT_EQ(mirin_tensor_dtype(inputs[1].get()), MIRIN_DTYPE_I32);
  *static_cast<int32_t*>(mirin_tensor_mutable_data(inputs[1].get())) = INT32_MAX;
  const auto pointers = Pointers(inputs);
  std::vector<const mirin_tensor*> outputs(mirin_model_output_count(model.get()));
  std::atomic<bool> done{false};
  std::thread stopper([&] {
    while (!done)
      mirin_session_cancel(
          session.get());  // a cancel before the run begins is forgotten: repeat it
  });
  const std::string text = Text(mirin_session_run(session.get(), pointers.data(), pointers.size(),
                                                  outputs.data(), outputs.size()));
  done = true;
  stopper.join();
  EXPECT_NE(text.find("CANCELLED"), std::string::npos) << text;
}

TEST(Session, EndsAtItsDeadlineOrWhenCancelled) {
  const ModelPtr model = Load("ctrl_while");
  const SessionPtr session = NewSession(model.get());
  std::vector<TensorPtr> inputs = FromNpz("ctrl_while");
  auto* turns = static_cast<int32_t*>(mirin_tensor_mutable_data(inputs[1].get()));
  const int32_t few = *turns;
  *turns = INT32_MAX;
  const auto pointers = Pointers(inputs);
  std::vector<const mirin_tensor*> outputs(mirin_model_output_count(model.get()));
  mirin_run_options options = MIRIN_RUN_OPTIONS_INIT;
  const auto run = [&] {
    return Text(mirin_session_run_with(session.get(), pointers.data(), pointers.size(), &options,
                                       outputs.data(), outputs.size()));
  };
  options.timeout_us = 1000;
  EXPECT_EQ(run().substr(0, 17), "DEADLINE_EXCEEDED");
  mirin_cancellation* cancellation = nullptr;
  ASSERT_EQ(Text(mirin_cancellation_create(&cancellation)), "OK");
  const CancellationPtr owner(cancellation);
  options = MIRIN_RUN_OPTIONS_INIT;
  options.cancellation = cancellation;
  std::thread stopper(
      [&] { mirin_cancellation_cancel(cancellation); });  // before or within the run: both end it
  EXPECT_EQ(run().substr(0, 9), "CANCELLED");
  stopper.join();
  std::vector<mirin_tensor*> none(outputs.size(), nullptr);
  EXPECT_EQ(Text(mirin_session_run_into_with(session.get(), pointers.data(), pointers.size(),
                                             &options, none.data(), none.size()))
                .substr(0, 9),
            "CANCELLED");
  *turns = few;
  options = MIRIN_RUN_OPTIONS_INIT;
  options.timeout_us = INT64_MAX;
  EXPECT_EQ(run(), "OK");
}

TEST(Session, KeepsToTheCpusItWasGiven) {
  const ModelPtr model = Load("mobilenetv2_tiny");
  const SessionPtr free_session = NewSession(model.get());
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  int32_t cpu = 0;
  while (!CPU_ISSET(cpu, &mask)) ++cpu;
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.cpus = &cpu;
  options.num_cpus = 1;
  const SessionPtr session = NewSession(model.get(), &options);
  const std::vector<TensorPtr> inputs = FromNpz("mobilenetv2_tiny");
  const auto pointers = Pointers(inputs);
  const mirin_tensor *want = nullptr, *got = nullptr;
  ASSERT_EQ(Text(mirin_session_run(free_session.get(), pointers.data(), 1, &want, 1)), "OK");
  ASSERT_EQ(Text(mirin_session_run(session.get(), pointers.data(), 1, &got, 1)), "OK");
  ASSERT_EQ(mirin_tensor_size(got), mirin_tensor_size(want));
  EXPECT_EQ(std::memcmp(mirin_tensor_data(got), mirin_tensor_data(want), mirin_tensor_size(want)),
            0);
  cpu_set_t after;
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&mask, &after));
}

TEST(Model, FindsItsWeightsFromMemoryThroughAConfig) {
  const std::string path = "tests/models/mindir/lenet_split_graph.mindir";
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_FALSE(bytes.empty());
  mirin_model* model = nullptr;
  EXPECT_EQ(
      Text(mirin_model_load_memory(bytes.data(), bytes.size(), nullptr, &model)).substr(0, 19),
      "FAILED_PRECONDITION");
  mirin_config* config = nullptr;
  ASSERT_EQ(Text(mirin_config_create(&config)), "OK");
  const ConfigPtr owner(config);
  ASSERT_EQ(Text(mirin_config_set(config, "model_file", "mindir_path", path.c_str())), "OK");
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.config = config;
  ASSERT_EQ(Text(mirin_model_load_memory(bytes.data(), bytes.size(), &options, &model)), "OK");
  const ModelPtr loaded(model);
  EXPECT_EQ(mirin_model_output_count(model), 1u);
  ASSERT_EQ(Text(mirin_config_set(config, "weight", "weight_path", "/nowhere/data_0")), "OK");
  EXPECT_EQ(
      Text(mirin_model_load_memory(bytes.data(), bytes.size(), &options, &model)).substr(0, 9),
      "NOT_FOUND");
}

TEST(Model, KeepsPackedWeightsThroughAConfig) {
  std::string folder = ::testing::TempDir() + "/model_cache_XXXXXX";
  ASSERT_NE(mkdtemp(&folder[0]), nullptr);
  mirin_config* config = nullptr;
  ASSERT_EQ(Text(mirin_config_create(&config)), "OK");
  const ConfigPtr owner(config);
  ASSERT_EQ(Text(mirin_config_set(config, "model_cache", "cache_dir", folder.c_str())), "OK");
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.config = config;
  std::vector<std::string> lines;
  const auto sink = [](mirin_log_level, const char* message, void* context) {
    if (std::strstr(message, "reused") != nullptr)
      static_cast<std::vector<std::string>*>(context)->push_back(message);
  };
  mirin_log_set_sink(sink, &lines);
  ASSERT_EQ(Text(mirin_log_set_level(MIRIN_LOG_INFO)), "OK");
  std::vector<TensorPtr> results;
  for (int i = 0; i < 2; ++i) {
    const ModelPtr model = Load("bert_tiny", &options);
    const std::vector<TensorPtr> inputs = FromNpz("bert_tiny");
    std::vector<const mirin_tensor*> pointers;
    for (const TensorPtr& t : inputs) pointers.push_back(t.get());
    std::vector<mirin_tensor*> outputs(mirin_model_output_count(model.get()));
    ASSERT_EQ(Text(mirin_model_run(model.get(), nullptr, pointers.data(), pointers.size(),
                                   outputs.data(), outputs.size())),
              "OK");
    for (mirin_tensor* t : outputs) results.emplace_back(t);
  }
  ASSERT_EQ(Text(mirin_log_set_level(MIRIN_LOG_OFF)), "OK");
  mirin_log_set_sink(nullptr, nullptr);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find(", 0 reused"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find(" 0 weights packed"), std::string::npos) << lines[1];
  for (size_t i = 0; i < results.size() / 2; ++i)
    EXPECT_TRUE(SameBytes(results[i], results[i + results.size() / 2]));
  ASSERT_EQ(chmod(folder.c_str(), 0777), 0);
  mirin_model* refused = nullptr;
  EXPECT_EQ(Text(mirin_model_load_file("tests/models/mindir/bert_tiny.mindir", &options, &refused))
                .substr(0, 17),
            "PERMISSION_DENIED");
}

TEST(Session, ProfilesEveryOperator) {
  const ModelPtr model = Load("mobilenetv2_tiny");
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  options.profile = true;
  const SessionPtr session = NewSession(model.get(), &options);
  const int64_t* dims = mirin_model_input_dims(model.get(), 0);
  const TensorPtr x =
      MakeTensor(MIRIN_DTYPE_F32, {dims, dims + mirin_model_input_rank(model.get(), 0)}, nullptr);
  const mirin_tensor* input = x.get();
  const mirin_tensor* output = nullptr;
  ASSERT_EQ(Text(mirin_session_run(session.get(), &input, 1, &output, 1)), "OK");
  EXPECT_NE(std::string(mirin_session_profile_table(session.get())).find("Conv2D"),
            std::string::npos);
  const std::string trace = mirin_session_profile_trace(session.get());
  EXPECT_EQ(trace.substr(0, 1), "{");
  EXPECT_NE(trace.find("\"traceEvents\""), std::string::npos);
  EXPECT_NE(std::string(mirin_session_placement(session.get())).find("Conv2D"), std::string::npos);
  mirin_session_profile_reset(session.get());
  EXPECT_EQ(std::string(mirin_session_profile_table(session.get())).find("Conv2D"),
            std::string::npos);
}

TEST(Log, GoesToTheSink) {
  std::vector<std::string> lines;
  const auto sink = [](mirin_log_level level, const char* message, void* context) {
    if (level == MIRIN_LOG_INFO)
      static_cast<std::vector<std::string>*>(context)->push_back(message);
  };
  mirin_log_set_sink(sink, &lines);
  ASSERT_EQ(Text(mirin_log_set_level(MIRIN_LOG_DEBUG)), "OK");
  Load("tensor_add");
  ASSERT_EQ(Text(mirin_log_set_level(MIRIN_LOG_OFF)), "OK");
  Load("tensor_add");
  mirin_log_set_sink(nullptr, nullptr);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("nodes"), std::string::npos) << lines[0];
}

TEST(Session, OutlivesItsModelHandle) {
  ModelPtr model = Load("tensor_add");
  const SessionPtr session = NewSession(model.get());
  const int64_t* dims = mirin_model_input_dims(model.get(), 0);
  const TensorPtr x =
      MakeTensor(MIRIN_DTYPE_F32, {dims, dims + mirin_model_input_rank(model.get(), 0)}, nullptr);
  model.reset();
  const mirin_tensor* inputs[] = {x.get(), x.get()};
  const mirin_tensor* output = nullptr;
  EXPECT_EQ(Text(mirin_session_run(session.get(), inputs, 2, &output, 1)), "OK");
}

}  // namespace
}  // namespace mirin::testing
