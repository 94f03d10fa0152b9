// mirin/converter.h as a program uses it: ONNX in, a file or memory out, and the report.
#include "mirin/converter.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "gtest/gtest.h"
#include "tests/support/c_api.h"
#include "tests/support/mindir_builder.h"
#include "tests/support/onnx_builder.h"

namespace mirin::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kKey[] = "30313233343536373839414243444546";

struct DestroyConverter {
  void operator()(mirin_converter* c) const { mirin_converter_destroy(c); }
};
using ConverterPtr = std::unique_ptr<mirin_converter, DestroyConverter>;

class Converter : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              ("converter_" +
               std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string Save(const onnx::ModelProto& model, const std::string& name = "m.onnx") const {
    std::ofstream(Path(name), std::ios::binary) << model.SerializeAsString();
    return Path(name);
  }
  static std::string Content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  // fmk=ONNX, modelFile=m.onnx, then these; "OK", or why setting failed.
  ConverterPtr Make(const std::vector<std::pair<std::string, std::string>>& options) const {
    mirin_converter* c = nullptr;
    EXPECT_EQ(Text(mirin_converter_create(&c)), "OK");
    EXPECT_EQ(Text(mirin_converter_set(c, "fmk", "ONNX")), "OK");
    EXPECT_EQ(Text(mirin_converter_set(c, "modelFile", Path("m.onnx").c_str())), "OK");
    for (const auto& [name, value] : options)
      EXPECT_EQ(Text(mirin_converter_set(c, name.c_str(), value.c_str())), "OK") << name;
    return ConverterPtr(c);
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  fs::path folder_;
};

// The outputs of one run on the numbers 0, 1, 2 ..
std::vector<std::vector<float>> Outputs(const mirin_model* model) {
  std::vector<TensorPtr> inputs;
  for (size_t i = 0; i < mirin_model_input_count(model); ++i) {
    const int64_t* dims = mirin_model_input_dims(model, i);
    inputs.push_back(MakeTensor(mirin_model_input_dtype(model, i),
                                {dims, dims + mirin_model_input_rank(model, i)}, nullptr));
    auto* data = static_cast<float*>(mirin_tensor_mutable_data(inputs.back().get()));
    for (int64_t k = 0; k < mirin_tensor_elements(inputs.back().get()); ++k)
      data[k] = static_cast<float>(k);
  }
  const auto pointers = Pointers(inputs);
  std::vector<mirin_tensor*> outputs(mirin_model_output_count(model));
  EXPECT_EQ(Text(mirin_model_run(model, nullptr, pointers.data(), pointers.size(), outputs.data(),
                                 outputs.size())),
            "OK");
  std::vector<std::vector<float>> values;
  for (mirin_tensor* t : outputs) {
    const TensorPtr owner(t);
    if (t == nullptr) continue;
    const auto* data = static_cast<const float*>(mirin_tensor_data(t));
    values.emplace_back(data, data + mirin_tensor_elements(t));
  }
  return values;
}

const std::vector<float> kMlpOutput = {0, 11, 0, 8, 23, 0};

ModelPtr Load(const std::string& path, const std::string& key = "") {
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.key = key.empty() ? nullptr : key.data();
  options.key_size = key.size();
  mirin_model* model = nullptr;
  EXPECT_EQ(Text(mirin_model_load_file(path.c_str(), &options, &model)), "OK");
  return ModelPtr(model);
}

TEST_F(Converter, WritesAFileThatRuns) {
  Save(OnnxMlp());
  const auto c = Make({{"outputFile", Path("out")}, {"infer", "true"}});
  ASSERT_EQ(Text(mirin_converter_run(c.get())), "OK");
  EXPECT_EQ(std::string(mirin_converter_output_file(c.get())), Path("out.mindir"));
  EXPECT_EQ(mirin_converter_model(c.get(), nullptr), nullptr);
  const auto model = Load(Path("out.mindir"));
  EXPECT_EQ(std::string(mirin_model_input_name(model.get(), 0)), "x");
  EXPECT_EQ(std::string(mirin_model_output_name(model.get(), 0)), "y");
  EXPECT_EQ(Outputs(model.get())[0], kMlpOutput);
  EXPECT_EQ(std::string(mirin_converter_progress(c.get(), nullptr, nullptr)), "");
  EXPECT_EQ(Files(), (std::vector<std::string>{"m.onnx", "out.mindir"}));
}

TEST_F(Converter, ConvertsInMemory) {
  Save(OnnxMlp());
  const auto c = Make({});
  ASSERT_EQ(Text(mirin_converter_run(c.get())), "OK");
  size_t size = 0;
  const void* bytes = mirin_converter_model(c.get(), &size);
  ASSERT_NE(bytes, nullptr);
  mirin_model* model = nullptr;
  ASSERT_EQ(Text(mirin_model_load_memory(bytes, size, nullptr, &model)), "OK");
  const ModelPtr owner(model);
  EXPECT_EQ(Outputs(model)[0], kMlpOutput);
  EXPECT_EQ(std::string(mirin_converter_output_file(c.get())), "");
  EXPECT_EQ(Files(), std::vector<std::string>{"m.onnx"});
}

TEST_F(Converter, TheFileHonoursTheUmask) {
  Save(OnnxMlp());
  const mode_t old = umask(027);
  const auto c = Make({{"outputFile", Path("out.mindir")}});
  EXPECT_EQ(Text(mirin_converter_run(c.get())), "OK");
  umask(old);
  struct stat info;
  ASSERT_EQ(stat(Path("out.mindir").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(Converter, EncryptsAndReadsBack) {
  Save(OnnxMlp());
  const auto c = Make({{"outputFile", Path("secret")}, {"encryptKey", kKey}});
  ASSERT_EQ(Text(mirin_converter_run(c.get())), "OK");
  mirin_model* none = nullptr;
  EXPECT_EQ(
      mirin_status_code(
          StatusPtr(mirin_model_load_file(Path("secret.mindir").c_str(), nullptr, &none)).get()),
      MIRIN_FAILED_PRECONDITION);
  EXPECT_EQ(Outputs(Load(Path("secret.mindir"), "0123456789ABCDEF").get())[0], kMlpOutput);
  const auto again = Make({{"fmk", "MINDIR"},
                           {"modelFile", Path("secret.mindir")},
                           {"decryptKey", kKey},
                           {"outputFile", Path("plain")}});
  ASSERT_EQ(Text(mirin_converter_run(again.get())), "OK");
  EXPECT_EQ(Outputs(Load(Path("plain.mindir")).get())[0], kMlpOutput);
}

TEST_F(Converter, ReportsEveryErrorAndWritesNothing) {
  onnx::ModelProto model = OnnxMlp();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxNode(g, "NoSuchOp", {"y"}, {"a"}, "first");
  AddOnnxNode(g, "AnotherOp", {"y"}, {"b"}, "second");
  Save(model);
  const auto c = Make({{"outputFile", Path("out")}, {"reportFile", Path("report.json")}});
  const std::string text = Text(mirin_converter_run(c.get()));
  EXPECT_NE(
      text.find(
          "UNIMPLEMENTED: NoSuchOp 'first' (opset 17): the operator NoSuchOp is not supported"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("(and 1 more)"), std::string::npos) << text;
  const std::string json = mirin_converter_report(c.get(), MIRIN_REPORT_JSON);
  EXPECT_NE(json.find("\"errors\": 2"), std::string::npos) << json;
  EXPECT_NE(json.find("\"node\": \"second\""), std::string::npos) << json;
  EXPECT_EQ(Content(Path("report.json")), json);
  EXPECT_EQ(Files(), (std::vector<std::string>{"m.onnx", "report.json"}));
}

TEST_F(Converter, ChecksWithoutWriting) {
  Save(OnnxMlp());
  const auto c = Make({{"outputFile", Path("out")}});
  EXPECT_EQ(Text(mirin_converter_check(c.get())), "OK");
  EXPECT_EQ(std::string(mirin_converter_report(c.get(), MIRIN_REPORT_TEXT)),
            Path("m.onnx") + ": 2 nodes, 0 errors\n");
  EXPECT_EQ(mirin_converter_model(c.get(), nullptr), nullptr);
  EXPECT_EQ(Files(), std::vector<std::string>{"m.onnx"});
}

TEST_F(Converter, ChecksAMindIrToTheEnd) {
  // a = Frobnicate(x); b = Neg(a); c = Twiddle(b); d = Concat(x) without its operands; e = Softmax(x) along axis 7; returns all.
  Message g;
  g.Text(2, "main");
  const auto node = [&](const std::string& name, const std::string& primitive,
                        const std::vector<std::string>& inputs) {
    g.Sub(1, NodeMessage(name, "REF::" + primitive, inputs).Text(7, "Default/" + name));
  };
  node("a", "frobnicate", {"x"});
  node("b", "neg", {"a"});
  node("c", "twiddle", {"b"});
  node("d", "matmul", {"x"});
  node("e", "softmax", {"x"});
  node("all", "tuple", {"c", "d", "e"});
  g.Sub(5, ValueInfo("x", kFloat, {2, 3})).Sub(6, ValueInfo("all", kFloat, {}));
  std::ofstream(Path("m.mindir"), std::ios::binary)
      << File(g, {},
              {Primitive("frobnicate", "Frobnicate"), Primitive("neg", "Neg"),
               Primitive("twiddle", "Twiddle"), Primitive("matmul", "MatMul"),
               Primitive("softmax", "Softmax", {IntsAttribute("axis", {7})}),
               Primitive("tuple", "MakeTuple")});
  const auto c = Make({{"fmk", "MINDIR"}, {"modelFile", Path("m.mindir")}});
  EXPECT_EQ(Text(mirin_converter_check(c.get())),
            "UNIMPLEMENTED: Frobnicate 'Default/a': the operator Frobnicate is not supported (and "
            "3 more)");
  const std::string report = mirin_converter_report(c.get(), MIRIN_REPORT_TEXT);
  for (const char* part :
       {"error: Frobnicate 'Default/a': ", "error: Twiddle 'Default/c': ",
        "error: MatMul 'Default/d': ", "error: Softmax 'Default/e': ", ": 6 nodes, 4 errors\n"}) {
    EXPECT_NE(report.find(part), std::string::npos) << part << "\n" << report;
  }
}

TEST_F(Converter, FailsBeforeTheWorkWhenTheFolderIsMissing) {
  Save(OnnxMlp());
  const auto c = Make({{"outputFile", Path("no/such/folder/out")}});
  EXPECT_NE(
      Text(mirin_converter_run(c.get())).find("NOT_FOUND: the folder '" + Path("no/such/folder/")),
      std::string::npos);
  EXPECT_EQ(Files(), std::vector<std::string>{"m.onnx"});
}

TEST_F(Converter, ShapesAreGivenByName) {
  Save(OnnxMlp(-1));
  const auto c = Make({{"inputShape", "x:5,4"}, {"outputFile", Path("out")}});
  ASSERT_EQ(Text(mirin_converter_run(c.get())), "OK");
  EXPECT_EQ(mirin_model_input_dims(Load(Path("out.mindir")).get(), 0)[0], 5);
  // A MindIR may be narrowed, too.
  const auto open = Make({{"outputFile", Path("open")}});
  ASSERT_EQ(Text(mirin_converter_run(open.get())), "OK");
  const auto narrowed = Make({{"fmk", "MINDIR"},
                              {"modelFile", Path("open.mindir")},
                              {"inputShape", "x:6,4"},
                              {"outputFile", Path("narrow")}});
  ASSERT_EQ(Text(mirin_converter_run(narrowed.get())), "OK");
  const auto model = Load(Path("narrow.mindir"));
  EXPECT_EQ(mirin_model_input_dims(model.get(), 0)[0], 6);
  EXPECT_EQ(mirin_model_output_dims(model.get(), 0)[0], 6);
  const auto unknown = Make({{"inputShape", "q:1"}});
  EXPECT_NE(Text(mirin_converter_run(unknown.get())).find("there is no input 'q'"),
            std::string::npos);
  const auto unfit = Make({{"inputShape", "x:5,3"}});
  EXPECT_NE(Text(mirin_converter_run(unfit.get()))
                .find("INVALID_ARGUMENT: input 'x': the shape [5,3] does not fit"),
            std::string::npos);
}

TEST_F(Converter, HalfWeightsHalveTheFile) {
  onnx::ModelProto model = OnnxModel();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxInput(g, "x", {1, 64});
  std::vector<float> values(64 * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 37) / 32;
  AddOnnxWeight(g, "w", {64, 64}, values);
  AddOnnxNode(g, "MatMul", {"x", "w"}, {"y"});
  AddOnnxOutput(g, "y", {1, 64});
  Save(model);
  const auto full = Make({{"outputFile", Path("full")}});
  ASSERT_EQ(Text(mirin_converter_run(full.get())), "OK");
  const auto half = Make({{"outputFile", Path("half")}, {"fp16", "on"}});
  ASSERT_EQ(Text(mirin_converter_run(half.get())), "OK");
  EXPECT_LT(fs::file_size(Path("half.mindir")), fs::file_size(Path("full.mindir")) * 6 / 10);
  const auto model_a = Load(Path("full.mindir")), model_b = Load(Path("half.mindir"));
  EXPECT_EQ(mirin_model_output_dtype(model_b.get(), 0), MIRIN_DTYPE_F32);
  EXPECT_EQ(Outputs(model_a.get()), Outputs(model_b.get()));  // these numbers are exact in float16
}

TEST_F(Converter, IntermediateValuesBecomeOutputsByTheirSourceNames) {
  Save(OnnxMlp());
  const auto c =
      Make({{"outputFile", Path("all")}, {"intermediateOutputs", "true"}, {"optimize", "none"}});
  ASSERT_EQ(Text(mirin_converter_run(c.get())), "OK");
  const auto model = Load(Path("all.mindir"));
  ASSERT_EQ(mirin_model_output_count(model.get()), 2u);
  EXPECT_EQ(std::string(mirin_model_output_name(model.get(), 0)), "y");
  EXPECT_EQ(std::string(mirin_model_output_name(model.get(), 1)), "xw");
  EXPECT_EQ(Outputs(model.get())[1], (std::vector<float>{0, 11, -4.5, 8, 23, -5.5}));
}

TEST_F(Converter, TheConfigurationFileReachesTheQuantiser) {
  Save(OnnxMlp());
  std::ofstream(Path("q.cfg")) << "[common_quant_param]\nquant_type=WEIGHT_QUANT\n";
  const auto c = Make({{"outputFile", Path("out")}, {"configFile", Path("q.cfg")}});
  ASSERT_EQ(Text(mirin_converter_run(c.get())), "OK");
  EXPECT_NE(std::string(mirin_converter_report(c.get(), MIRIN_REPORT_TEXT)).find("quantis"),
            std::string::npos);
  std::ofstream(Path("q.cfg"))
      << "[common_quant_param]\nquant_type=WEIGHT_QUANT\nskip_quant_node=nobody\n";
  EXPECT_EQ(Text(mirin_converter_run(c.get())),
            "NOT_FOUND: skip_quant_node: the model has no node 'nobody'");
}

TEST_F(Converter, NotesOfTheConfigurationFileAreReported) {
  Save(OnnxMlp());
  std::ofstream(Path("a.cfg")) << "[ascend_context]\ninput_format=NCHW\n";
  const auto c = Make({{"outputFile", Path("out")}, {"configFile", Path("a.cfg")}});
  ASSERT_EQ(Text(mirin_converter_run(c.get())), "OK");
  EXPECT_EQ(std::string(mirin_converter_report(c.get(), MIRIN_REPORT_TEXT))
                .find("note: [ascend_context] of the configuration file has no effect"),
            0u);
}

TEST_F(Converter, OtherFrameworksSayThatTheyAreNotHere) {
  for (const char* fmk : {"TF", "TFLITE", "CAFFE", "PYTORCH"}) {
    const auto c = Make({{"fmk", fmk}});
    EXPECT_EQ(Text(mirin_converter_run(c.get())),
              "UNIMPLEMENTED: models of " + std::string(fmk) +
                  " are not in this build; this build converts ONNX and MINDIR");
  }
}

TEST_F(Converter, ManyAtOnceAndProgressFromAnyThread) {
  Save(OnnxMlp());
  std::vector<std::thread> threads;
  std::vector<std::string> results(4);
  for (size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto c = Make({{"outputFile", Path("out" + std::to_string(i))}});
      std::atomic<bool> done{false};
      std::thread watcher([&] {
        while (!done) {
          int64_t steps = -1, total = -1;
          if (mirin_converter_progress(c.get(), &steps, &total) == nullptr || steps < 0 ||
              total < 0)
            std::abort();
        }
      });
      for (int round = 0; round < 5; ++round) results[i] = Text(mirin_converter_run(c.get()));
      done = true;
      watcher.join();
    });
  }
  for (auto& t : threads) t.join();
  for (const std::string& r : results) EXPECT_EQ(r, "OK");
}

}  // namespace
}  // namespace mirin::testing
