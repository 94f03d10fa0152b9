// ONNX files that are wrong or made to hurt, through the converter: each ends in a status that names a node, a tensor or an
// offset, soon, in little memory, and nothing stands at the output's place.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "gtest/gtest.h"
#include "mirin/converter.h"
#include "tests/bad_input/guarded.h"
#include "tests/support/c_api.h"
#include "tests/support/onnx_builder.h"

namespace mirin::testing {
namespace {

namespace fs = std::filesystem;

class BadOnnx : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              (std::string("bad_onnx_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "model");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / "model" / name).string(); }

  // "OK" or the status; sets *seconds to the CPU time.
  std::string Convert(const std::string& bytes, double* seconds) const {
    std::ofstream(Path("m.onnx"), std::ios::binary) << bytes;
    mirin_converter* c = nullptr;
    std::string text = Text(mirin_converter_create(&c));
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"fmk", "ONNX"}, {"modelFile", Path("m.onnx")}, {"outputFile", Path("out")}}) {
      if (text == "OK") text = Text(mirin_converter_set(c, name.c_str(), value.c_str()));
    }
    const double start = CpuSeconds();
    if (text == "OK") text = Text(mirin_converter_run(c));
    *seconds = CpuSeconds() - start;
    if (mirin_converter_report(c, MIRIN_REPORT_JSON) == nullptr ||
        mirin_converter_report(c, MIRIN_REPORT_HTML) == nullptr)
      text = "FAIL: no report";
    mirin_converter_destroy(c);
    return text;
  }

  // Only the model and the files that the test made are there.
  std::string Leftovers(const std::string& text) const {
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      if (name.find("out") == std::string::npos || (text == "OK" && name == "out.mindir")) continue;
      return "FAIL: " + name + " was written though: " + text;
    }
    fs::remove(Path("out.mindir"));
    return text;
  }

  std::string Once(const std::string& bytes) const {
    double seconds = 0;
    const std::string text = Leftovers(Convert(bytes, &seconds));
    if (seconds > (kSanitized ? 20 : 1))
      return "FAIL: it took " + std::to_string(seconds) + " s: " + text;
    if (text != "OK" && text.size() < text.find(':') + 10) return "FAIL: no reason: " + text;
    return text;
  }

  std::string Guarded(const std::function<std::string(const Progress&)>& body,
                      int wall_seconds) const {
    const Outcome outcome = RunGuarded(body, wall_seconds);
    EXPECT_TRUE(outcome.survived) << outcome.text;
    EXPECT_EQ(outcome.text.find("FAIL:"), std::string::npos) << outcome.text;
    if (!kSanitized) {
      EXPECT_LE(outcome.extra_megabytes, 256) << outcome.text;
    }
    return outcome.text;
  }

  std::string Check(const onnx::ModelProto& model) const {
    return Guarded([&](const Progress&) { return Once(model.SerializeAsString()); }, 60);
  }
  void Expect(const onnx::ModelProto& model, const std::string& part) const {
    const std::string text = Check(model);
    EXPECT_NE(text, "OK") << part;
    EXPECT_NE(text.find(part), std::string::npos) << text << "\nexpected: " << part;
  }

  fs::path folder_;
};

// y = If(p) { Neg(x) } else { Exp(x) } with an initializer in a body.
onnx::ModelProto WithIf() {
  onnx::ModelProto model = OnnxModel();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxInput(g, "x", {3});
  AddOnnxInput(g, "p", {}, kOnnxBool);
  onnx::NodeProto* node = AddOnnxNode(g, "If", {"p"}, {"y"}, "choice");
  onnx::GraphProto* then = SetOnnxGraph(node, "then_branch");
  AddOnnxWeight(then, "w", {3}, {1, 2, 3});
  AddOnnxNode(then, "Add", {"x", "w"}, {"a"}, "then/add");
  AddOnnxOutput(then, "a", {3});
  onnx::GraphProto* otherwise = SetOnnxGraph(node, "else_branch");
  AddOnnxNode(otherwise, "Exp", {"x"}, {"b"}, "else/exp");
  AddOnnxOutput(otherwise, "b", {3});
  AddOnnxOutput(g, "y", {3});
  return model;
}

onnx::ModelProto OneNode(const std::string& op, const std::vector<std::string>& inputs) {
  onnx::ModelProto model = OnnxModel();
  AddOnnxInput(model.mutable_graph(), "x", {2, 3});
  AddOnnxNode(model.mutable_graph(), op, inputs, {"y"}, "the node");
  AddOnnxOutput(model.mutable_graph(), "y", {2, 3});
  return model;
}

TEST_F(BadOnnx, TheRightModelsConvert) {
  EXPECT_EQ(Check(OnnxMlp()), "OK");
  EXPECT_EQ(Check(WithIf()), "OK");
}

TEST_F(BadOnnx, Truncations) {
  for (const onnx::ModelProto& model : {OnnxMlp(), WithIf()}) {
    const std::string bytes = model.SerializeAsString();
    Guarded(
        [&](const Progress& progress) -> std::string {
          for (size_t size = 0; size < bytes.size(); ++size) {
            progress("truncated to " + std::to_string(size));
            const std::string text = Once(bytes.substr(0, size));
            if (text.find("FAIL:") == 0) return text + " (" + std::to_string(size) + " bytes)";
          }
          return "done";
        },
        250);
  }
}

TEST_F(BadOnnx, Flips) {
  for (const onnx::ModelProto& model : {OnnxMlp(), WithIf()}) {
    const std::string bytes = model.SerializeAsString();
    Guarded(
        [&](const Progress& progress) -> std::string {
          std::mt19937 random(20);
          for (int i = 0; i < 1500; ++i) {
            std::string damaged = bytes;
            const size_t at = random() % bytes.size();
            damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(random() % 255 + 1));
            progress("flip " + std::to_string(i) + " at " + std::to_string(at));
            const std::string text = Once(damaged);
            if (text.find("FAIL:") == 0)
              return text + " (flip " + std::to_string(i) + " at " + std::to_string(at) + ")";
          }
          return "done";
        },
        250);
  }
}

TEST_F(BadOnnx, NoModelAtAll) {
  for (const std::string& bytes :
       {std::string("x"), std::string(64, '\0'), std::string(100000, '\xff'),
        std::string("PK\x03\x04zip"), std::string("{\"json\": 1}"), std::string("\x08\x08")}) {
    const std::string text = Guarded([&](const Progress&) { return Once(bytes); }, 60);
    EXPECT_TRUE(text.find("DATA_LOSS") == 0 || text.find("INVALID_ARGUMENT") == 0) << text;
  }
  EXPECT_NE(
      Guarded([&](const Progress&) { return Once(std::string("\x3a\x05\x0a\xff\xff", 5)); }, 60)
          .find("reading ended at byte"),
      std::string::npos);
}

TEST_F(BadOnnx, Cycles) {
  onnx::ModelProto model = OnnxModel();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxNode(g, "Relu", {"b"}, {"a"}, "first");
  AddOnnxNode(g, "Relu", {"a"}, {"b"}, "second");
  AddOnnxOutput(g, "b", {2});
  Expect(model, "the graph has a cycle through node 'first'");
  Expect(OneNode("Relu", {"y"}), "the graph has a cycle through node 'the node'");
  onnx::ModelProto through_body = WithIf();  // a body reads the result of its own node
  through_body.mutable_graph()
      ->mutable_node(0)
      ->mutable_attribute(0)
      ->mutable_g()
      ->mutable_node(0)
      ->set_input(0, "y");
  Expect(through_body, "cycle through node 'choice'");
}

TEST_F(BadOnnx, MissingNames) {
  onnx::ModelProto model = OnnxMlp();
  model.mutable_graph()->clear_initializer();
  Expect(
      model,
      "MatMul 'product' (opset 17): its input 'w' is no input, initializer or result of the model");
  model = OnnxMlp();
  model.mutable_graph()->mutable_output(0)->set_name("z");
  Expect(model, "output 'z' is made by no node");
  model = OnnxMlp();
  model.mutable_graph()->clear_output();
  Expect(model, "the model has no outputs");
  model = OnnxMlp();
  model.mutable_graph()->mutable_node(1)->set_output(0, "xw");
  Expect(model, "'xw' is the result of two nodes");
  model = OnnxMlp();
  model.mutable_graph()->mutable_input(0)->clear_type();
  Expect(model, "input 'x': it has no type");
  model = WithIf();
  model.mutable_graph()
      ->mutable_node(0)
      ->mutable_attribute(1)
      ->mutable_g()
      ->mutable_output(0)
      ->set_name("z");
  Expect(model, "If 'choice'");
}

TEST_F(BadOnnx, WrongOperatorSets) {
  onnx::ModelProto model = OnnxMlp();
  model.mutable_opset_import(0)->set_version(6);
  Expect(model, "operator set 6 is not known");
  model.mutable_opset_import(0)->set_version(4711);
  Expect(model, "operator set 4711 is not known");
  model.clear_opset_import();
  Expect(model, "is not among the operator sets that the model imports");
  model = OneNode("Relu", {"x"});
  model.mutable_graph()->mutable_node(0)->set_domain("org.example");
  Expect(model, "Relu 'the node'");
}

TEST_F(BadOnnx, WrongNodes) {
  Expect(OneNode("", {"x"}), "'the node'");
  Expect(OneNode("Relu", {}), "Relu 'the node'");
  Expect(OneNode("MatMul", {"x", "x"}), "MatMul 'the node'");
  onnx::ModelProto model = OneNode("Relu", {"x"});
  SetOnnxInt(model.mutable_graph()->mutable_node(0), "surplus", 1);
  Expect(model, "has no attribute 'surplus'");
  Expect(OneNode("Relu", {"x", "x"}), "takes no input 1");
  Expect(OneNode("Add", {"x", "x", "x"}), "takes no input 2");
  model = OneNode("Softmax", {"x"});
  SetOnnxInt(model.mutable_graph()->mutable_node(0), "axis", INT64_MIN);
  Expect(model, "Softmax 'the node'");
  model = OneNode("Transpose", {"x"});
  SetOnnxInts(model.mutable_graph()->mutable_node(0), "perm", {0, 7});
  Expect(model, "Transpose 'the node'");
  model = OneNode("Relu", {"x"});
  AddOnnxAttribute(model.mutable_graph()->mutable_node(0), "odd", 99);
  Expect(model, "attribute 'odd': attributes of type 99");
}

TEST_F(BadOnnx, NamesMayHoldAnyBytes) {
  onnx::ModelProto model = OneNode("Frobnicate", {"x"});
  model.mutable_graph()->mutable_node(0)->set_name(std::string("a\0b\n\xff\xc3<", 8));
  Check(model);
  model = OnnxMlp();
  model.mutable_graph()->mutable_node(0)->set_name(std::string(100000, 'n'));
  Check(model);
}

onnx::TensorProto* Weight(onnx::ModelProto* model) {
  return model->mutable_graph()->mutable_initializer(0);
}

TEST_F(BadOnnx, TensorsThatClaimTooMuch) {
  for (const std::vector<int64_t>& dims :
       std::vector<std::vector<int64_t>>{{1'000'000'000},
                                         {INT64_MAX},
                                         {INT64_MAX, INT64_MAX},
                                         {-5},
                                         {1, 1, 1, 1, 1, 1, 1, 1, 1},
                                         {0, INT64_MAX}}) {
    onnx::ModelProto model = OnnxMlp();
    Weight(&model)->clear_dims();
    for (const int64_t d : dims) Weight(&model)->add_dims(d);
    Expect(model, "initializer 'w'");
    Weight(&model)->clear_float_data();
    Weight(&model)->set_raw_data("abcd");
    Expect(model, "initializer 'w'");
    model = OnnxModel();  // the same as an attribute
    auto* value =
        AddOnnxAttribute(AddOnnxNode(model.mutable_graph(), "Constant", {}, {"y"}, "the constant"),
                         "value", 4)
            ->mutable_t();
    value->set_data_type(kOnnxFloat);
    for (const int64_t d : dims) value->add_dims(d);
    value->add_float_data(1);
    AddOnnxOutput(model.mutable_graph(), "y", {-1});
    Expect(model, "Constant 'the constant' (opset 17): attribute 'value'");
  }
  onnx::ModelProto model = OnnxMlp();
  Weight(&model)->set_data_type(99);
  Expect(model, "initializer 'w': 99 is no ONNX data type");
  Weight(&model)->set_data_type(kOnnxString);
  Expect(model, "initializer 'w'");
  Weight(&model)->set_data_type(14);
  Expect(model, "initializer 'w': the data type complex64 has no counterpart");
}

TEST_F(BadOnnx, SparseTensorsThatClaimTooMuch) {
  for (const int64_t size : {int64_t{10}, int64_t{1} << 26, int64_t{1} << 40, INT64_MAX}) {
    onnx::ModelProto model = OneNode("Relu", {"s"});
    onnx::SparseTensorProto* s = model.mutable_graph()->add_sparse_initializer();
    s->mutable_values()->set_name("s");
    s->mutable_values()->set_data_type(kOnnxFloat);
    s->mutable_values()->add_dims(1);
    s->mutable_values()->add_float_data(1);
    s->mutable_indices()->set_data_type(kOnnxInt64);
    s->mutable_indices()->add_dims(1);
    s->mutable_indices()->add_int64_data(size);  // one too far
    s->add_dims(size);
    Expect(model, "initializer 's'");
  }
}

TEST_F(BadOnnx, HugeResultsAreNotMadeAtConversion) {
  for (const int64_t size : {int64_t{1'000'000'000}, INT64_MAX / 2, INT64_MAX}) {
    onnx::ModelProto model = OnnxModel();
    onnx::GraphProto* g = model.mutable_graph();
    onnx::TensorProto* shape = g->add_initializer();
    shape->set_name("shape");
    shape->set_data_type(kOnnxInt64);
    shape->add_dims(1);
    shape->add_int64_data(size);
    AddOnnxNode(g, "ConstantOfShape", {"shape"}, {"y"}, "fill");
    AddOnnxOutput(g, "y", {-1});
    Check(model);  // may be fine: it is the run that would need the memory
    g->mutable_node(0)->set_op_type("Expand");
    g->mutable_node(0)->set_input(0, "x");
    g->mutable_node(0)->add_input("shape");
    AddOnnxInput(g, "x", {1});
    Check(model);
    g->mutable_node(0)->set_op_type("Reshape");
    Check(model);
  }
}

TEST_F(BadOnnx, ExternalDataMustFit) {
  std::ofstream(Path("weights.bin"), std::ios::binary) << std::string(48, '\0');
  const auto with = [](const std::vector<std::pair<std::string, std::string>>& entries) {
    onnx::ModelProto model = OnnxMlp();
    SetExternal(Weight(&model), entries);
    return model;
  };
  EXPECT_EQ(Check(with({{"location", "weights.bin"}})), "OK");
  EXPECT_EQ(Check(with({{"location", "weights.bin"}, {"offset", "0"}, {"length", "48"}})), "OK");
  Expect(with({{"location", "weights.bin"}, {"offset", "4"}}),
         "initializer 'w': float32[4,3] needs 48 bytes, the data has 44");
  Expect(with({{"location", "weights.bin"}, {"length", "49"}}),
         "initializer 'w': external data 'weights.bin' has 48 bytes, 49 from 0 are asked for");
  Expect(with({{"location", "weights.bin"}, {"offset", "-1"}}), "external data with offset '-1'");
  Expect(with({{"location", "weights.bin"}, {"offset", "9223372036854775807"}, {"length", "48"}}),
         "external data 'weights.bin' has 48 bytes");
  Expect(with({{"location", "weights.bin"}, {"length", "99999999999999999999"}}),
         "external data with length");
  Expect(with({{"location", "none.bin"}}), "does not exist");
  Expect(with({}), "external data without a location");
}

TEST_F(BadOnnx, ExternalDataStaysInTheFolder) {
  std::ofstream((folder_ / "secret.bin").string(), std::ios::binary) << std::string(48, 's');
  fs::create_directories(folder_ / "model" / "sub");
  std::ofstream(Path("sub/weights.bin"), std::ios::binary) << std::string(48, '\0');
  fs::create_symlink(folder_ / "secret.bin", Path("link.bin"));
  fs::create_directory_symlink(folder_, Path("up"));
  fs::create_symlink(Path("sub/weights.bin"), Path("inner.bin"));
  const auto with = [](const std::string& location) {
    onnx::ModelProto model = OnnxMlp();
    SetExternal(Weight(&model), {{"location", location}});
    return model;
  };
  EXPECT_EQ(Check(with("sub/weights.bin")), "OK");
  EXPECT_EQ(Check(with("inner.bin")), "OK");
  for (const std::string& location :
       {std::string("../secret.bin"), std::string("sub/../../secret.bin"),
        (folder_ / "secret.bin").string(), std::string("/etc/passwd")}) {
    Expect(with(location), "is outside the model's folder");
  }
  Expect(with(std::string("weights.bin\0x", 13)),
         "PERMISSION_DENIED: initializer 'w': external data 'weights.bin");
  Expect(with("link.bin"),
         "initializer 'w': external data 'link.bin' is a link out of the model's folder");
  Expect(with("up/secret.bin"), "is a link out of the model's folder");
  Expect(with("sub"), "is not a regular file");
  Expect(with("."), "initializer 'w'");
}

// A function of the domain "f" with one input and output, whose nodes call `callee` so many times, one after the other.
void AddFunction(onnx::ModelProto* model, const std::string& name, const std::string& callee,
                 int times) {
  onnx::FunctionProto* f = model->add_functions();
  f->set_domain("f");
  f->set_name(name);
  f->add_input("i");
  f->add_output("o");
  f->add_opset_import()->set_version(17);
  auto* own = f->add_opset_import();
  own->set_domain("f");
  own->set_version(1);
  std::string last = "i";
  for (int t = 0; t < times; ++t) {
    const std::string result = t + 1 == times ? "o" : "v" + std::to_string(t);
    AddOnnxNode(f, callee, {last}, {result}, "call")->set_domain(callee == "Neg" ? "" : "f");
    last = result;
  }
}

onnx::ModelProto CallOf(const std::string& function) {
  onnx::ModelProto model = OneNode(function, {"x"});
  auto* own = model.add_opset_import();
  own->set_domain("f");
  own->set_version(1);
  model.mutable_graph()->mutable_node(0)->set_domain("f");
  return model;
}

TEST_F(BadOnnx, Functions) {
  onnx::ModelProto model = CallOf("f0");
  AddFunction(&model, "f0", "f0", 1);
  Expect(model, "calls itself");
  model = CallOf("f0");
  AddFunction(&model, "f0", "f1", 1);
  AddFunction(&model, "f1", "f0", 1);
  Expect(model, "calls itself");
  model = CallOf("f0");  // 2^40 nodes when written out
  for (int i = 0; i < 40; ++i)
    AddFunction(&model, "f" + std::to_string(i), i < 39 ? "f" + std::to_string(i + 1) : "Neg", 2);
  Expect(model, "nodes");
  model = CallOf("f0");  // 50^5
  for (int i = 0; i < 5; ++i)
    AddFunction(&model, "f" + std::to_string(i), i < 4 ? "f" + std::to_string(i + 1) : "Neg", 50);
  Expect(model, "nodes");
  model = CallOf("f0");
  for (int i = 0; i < 200; ++i)
    AddFunction(&model, "f" + std::to_string(i), i < 199 ? "f" + std::to_string(i + 1) : "Neg", 1);
  Expect(model, "functions nest too deep");
  model = CallOf("f0");
  AddFunction(&model, "f0", "Neg", 3);
  EXPECT_EQ(Check(model), "OK");
}

TEST_F(BadOnnx, BodiesNestTooDeep) {
  for (const int depth : {5, 25, 200, 3000}) {
    onnx::ModelProto model = OnnxModel();
    onnx::GraphProto* g = model.mutable_graph();
    AddOnnxInput(g, "x", {3});
    AddOnnxInput(g, "p", {}, kOnnxBool);
    AddOnnxOutput(g, "y", {3});
    for (int i = 0; i < depth; ++i) {
      onnx::NodeProto* node = AddOnnxNode(g, "If", {"p"}, {i == 0 ? "y" : "r" + std::to_string(i)},
                                          "if" + std::to_string(i));
      onnx::GraphProto* otherwise = SetOnnxGraph(node, "else_branch");
      AddOnnxNode(otherwise, "Exp", {"x"}, {"e" + std::to_string(i)});
      AddOnnxOutput(otherwise, "e" + std::to_string(i), {3});
      g = SetOnnxGraph(node, "then_branch");
      AddOnnxOutput(g, i + 1 == depth ? "last" : "r" + std::to_string(i + 1), {3});
    }
    AddOnnxNode(g, "Neg", {"x"}, {"last"});
    const std::string text = Check(model);
    if (depth <= 5) {
      EXPECT_EQ(text, "OK");
    } else if (depth >= 200) {
      EXPECT_NE(text, "OK");
    }
  }
}

TEST_F(BadOnnx, ManyErrorsAreOneReport) {
  onnx::ModelProto model = OnnxModel();
  onnx::GraphProto* g = model.mutable_graph();
  AddOnnxInput(g, "x", {3});
  for (int i = 0; i < 20000; ++i) AddOnnxNode(g, "Frobnicate", {"x"}, {"y" + std::to_string(i)});
  AddOnnxOutput(g, "y0", {3});
  Expect(model, "Frobnicate 'Frobnicate #0' (opset 17): the operator Frobnicate is not supported");
}

TEST_F(BadOnnx, ReadsOnlyFiles) {
  double seconds = 0;
  EXPECT_EQ(Guarded(
                [&](const Progress&) {
                  mirin_converter* c = nullptr;
                  mirin_status_destroy(mirin_converter_create(&c));
                  mirin_status_destroy(mirin_converter_set(c, "fmk", "ONNX"));
                  mirin_status_destroy(mirin_converter_set(c, "modelFile", folder_.c_str()));
                  const std::string text = Text(mirin_converter_run(c));
                  mirin_converter_destroy(c);
                  return text.substr(0, text.find(':'));
                },
                10),
            "INVALID_ARGUMENT");
  EXPECT_NE(Guarded([&](const Progress&) { return Convert("", &seconds); }, 10).find("is empty"),
            std::string::npos);
}

}  // namespace
}  // namespace mirin::testing
