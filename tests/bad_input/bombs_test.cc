// Files made to hurt: each ends in a status with a reason (or in the right result), soon and in little memory.
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "gtest/gtest.h"
#include "tests/bad_input/guarded.h"
#include "tests/support/c_api.h"
#include "tests/support/mindir_builder.h"

namespace mirin::testing {
namespace {

enum class Expect { kStatus, kAny };

// The text of the status; asserts survival, time, memory and a reason.
std::string CheckAt(int line, const std::string& bytes, Expect expect = Expect::kStatus,
                    const std::string& key = "") {
  SCOPED_TRACE("line " + std::to_string(line));
  const Outcome outcome = RunGuarded(
      [&](const Progress&) {
        double seconds = 0;
        const std::string text = LoadAndRun(bytes, key, &seconds);
        if (seconds > (kSanitized ? 20 : 1))
          return "FAIL: loading took " + std::to_string(seconds) + " s: " + text;
        return text;
      },
      60);
  EXPECT_TRUE(outcome.survived) << outcome.text;
  EXPECT_EQ(outcome.text.find("FAIL:"), std::string::npos) << outcome.text;
  if (!kSanitized) {
    EXPECT_LE(outcome.extra_megabytes, 256) << outcome.text;
  }
  if (expect == Expect::kStatus) {
    EXPECT_NE(outcome.text, "OK");
  }
  EXPECT_TRUE(outcome.text == "OK" || outcome.text.size() > outcome.text.find(':') + 5)
      << outcome.text;
  return outcome.text;
}

#define Check(...) CheckAt(__LINE__, __VA_ARGS__)
#define EXPECT_TEXT(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

Message Graph(const std::string& name) {
  Message g;
  g.Text(2, name);
  return g;
}

// y = op(x, operands..) of one float input [2,3], with constants made before.
std::string OneNode(const std::string& op, const std::vector<Message>& attributes,
                    const std::vector<Message>& constants, const std::vector<std::string>& operands,
                    const std::vector<int64_t>& dims = {2, 3}) {
  Message g = Graph("main");
  for (const Message& c : constants) g.Sub(1, c);
  std::vector<std::string> inputs = {"x"};
  inputs.insert(inputs.end(), operands.begin(), operands.end());
  g.Sub(1, NodeMessage("y", "REF::op:0", inputs))
      .Sub(5, ValueInfo("x", kFloat, dims))
      .Sub(6, ValueInfo("y", kFloat, {}));
  return File(g, {}, {Primitive("op:0", op, attributes)});
}

TEST(Bombs, NotAModel) {
  for (const std::string& bytes :
       {std::string("x"), std::string(64, '\0'), std::string(100000, '\xff'),
        std::string("PK\x03\x04zip"), std::string("#!/bin/sh\n"), std::string("\x0a"),
        std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), std::string(11, '\x80'),
        Message().Text(2, "MindSpore").bytes()}) {
    Check(bytes);
  }
  const Outcome empty = RunGuarded(
      [](const Progress&) {
        mirin_model* none = nullptr;
        return Text(mirin_model_load_memory("", 0, nullptr, &none));
      },
      10);
  EXPECT_TEXT(empty.text, "INVALID_ARGUMENT");
}

TEST(Bombs, ClaimsAThousandMillionNodes) {
  Message model;
  model.Text(1, "0.1.1").Text(2, "MindSpore").Text(5, "2.0.0").Claim(7, 4'000'000'000);
  for (int i = 0; i < 1000; ++i) model.Sub(1, NodeMessage("n", "REF::a", {}));
  EXPECT_TEXT(Check(model.bytes()), "DATA_LOSS");
}

TEST(Bombs, HasMillionsOfTinyNodes) {
  std::string graph;
  for (int i = 0; i < 6'000'000; ++i) graph += std::string("\x0a\x00", 2);
  Message model;
  model.Text(1, "0.1.1").Text(2, "MindSpore").Text(5, "2.0.0").Text(7, graph);
  Check(model.bytes());
  graph.clear();
  const Message node = NodeMessage("n", "REF::n", {"n"});
  for (int i = 0; i < 900'000; ++i) graph += Message().Sub(1, node).bytes();
  Message real;
  real.Text(1, "0.1.1").Text(2, "MindSpore").Text(5, "2.0.0").Text(7, graph);
  Check(real.bytes());
}

TEST(Bombs, SizesOverflow) {
  const std::vector<std::vector<int64_t>> shapes = {{int64_t{1} << 32, int64_t{1} << 32},
                                                    {INT64_MAX},
                                                    {INT64_MAX, 2},
                                                    {INT64_MIN},
                                                    {-3},
                                                    {0, INT64_MAX, INT64_MAX},
                                                    {1, 1, 1, 1, 1, 1, 1, 1, 1}};
  for (const auto& dims : shapes) {
    Check(OneNode("Neg", {}, {}, {}, dims), Expect::kAny);
    Message g = Graph("main");
    g.Sub(3, TensorMessage(kFloat, dims).Text(7, "main:w").Text(9, "abcd"))
        .Sub(1, NodeMessage("y", "REF::op:0", {"main:w"}));
    Check(File(g.Sub(6, ValueInfo("y", kFloat, {})), {}, {Primitive("op:0", "Neg")}));
  }
}

TEST(Bombs, Cycles) {
  Message two = Graph("main");
  two.Sub(1, NodeMessage("a", "REF::op:0", {"b"}))
      .Sub(1, NodeMessage("b", "REF::op:0", {"a"}))
      .Sub(6, ValueInfo("b", kFloat, {}));
  Check(File(two, {}, {Primitive("op:0", "Neg")}));
  Message self = Graph("main");
  self.Sub(1, NodeMessage("a", "REF::op:0", {"a"})).Sub(6, ValueInfo("a", kFloat, {}));
  Check(File(self, {}, {Primitive("op:0", "Neg")}));
  Message called = Graph("main");  // the callee of a node is the node itself
  called.Sub(1, NodeMessage("a", "REF::a", {})).Sub(6, ValueInfo("a", kFloat, {}));
  Check(File(called));
  Message tuple = Graph("main");
  tuple.Sub(1, NodeMessage("a", "REF::op:0", {"a", "a"})).Sub(6, ValueInfo("a", kFloat, {}));
  Check(File(tuple, {}, {Primitive("op:0", "MakeTuple")}));
}

TEST(Bombs, RecursionWithoutEnd) {
  const auto calls = [](const std::string& name, const std::string& callee) {
    Message g = Graph(name);
    return g.Sub(5, ValueInfo(name + "x", kFloat, {2}))
        .Sub(1, NodeMessage(name + "r", "REF::" + callee, {name + "x"}))
        .Sub(6, ValueInfo(name + "r", kFloat, {2}));
  };
  Check(File(calls("main", "f"), {calls("f", "f")}));
  Check(File(calls("main", "f"), {calls("f", "g"), calls("g", "f")}));
  Check(File(calls("main", "main")));
}

// Graph i calls graph i + 1, `times` times; the last one negates.
std::string Chain(int depth, int times) {
  std::vector<Message> functions;
  Message entry;
  for (int i = 0; i < depth; ++i) {
    const std::string name = "g" + std::to_string(i), next = "g" + std::to_string(i + 1);
    Message g = Graph(name);
    g.Sub(5, ValueInfo(name + "x", kFloat, {2}));
    std::string last = name + "x";
    for (int t = 0; t < times; ++t) {
      const std::string result = name + "r" + std::to_string(t);
      g.Sub(1, NodeMessage(result, i + 1 < depth ? "REF::" + next : "REF::op:0", {last}));
      last = result;
    }
    g.Sub(6, ValueInfo(last, kFloat, {2}));
    if (i == 0) {
      entry = g;
    } else {
      functions.push_back(g);
    }
  }
  return File(entry, functions, {Primitive("op:0", "Neg")});
}

TEST(Bombs, DeepSubGraphs) {
  Check(Chain(1000, 1), Expect::kAny);
  Check(Chain(20000, 1), Expect::kAny);
  Check(Chain(60, 2));  // 2^60 calls when written out
  Check(Chain(5, 50), Expect::kAny);
}

TEST(Bombs, DeepValues) {
  Message value;
  value.Int(16, 7).Int(10, 1);
  for (int i = 0; i < 100'000 && value.bytes().size() < 2'000'000; ++i) {
    Message outer;
    outer.Int(16, 20).Sub(17, value);
    value = outer;
    if (i > 3000) break;
  }
  Message attribute = value;
  Message g = Graph("main");
  g.Sub(1, ConstantNode("c", Message().Text(1, "value").Int(16, 20).Sub(17, attribute)))
      .Sub(6, ValueInfo("c", kFloat, {}));
  Check(File(g));
  // Tuples of tuples that share: 2^50 members when flattened.
  Message doubling = Graph("main");
  doubling.Sub(5, ValueInfo("x", kFloat, {2}));
  std::string last = "x";
  for (int i = 0; i < 50; ++i) {
    const std::string name = "t" + std::to_string(i);
    doubling.Sub(1, NodeMessage(name, "REF::tuple:0", {last, last}));
    last = name;
  }
  Check(
      File(doubling.Sub(6, ValueInfo(last, kFloat, {})), {}, {Primitive("tuple:0", "MakeTuple")}));
}

TEST(Bombs, NamesThatAreNotThere) {
  Message g = Graph("main");
  EXPECT_TEXT(Check(File(Message(g)
                             .Sub(1, NodeMessage("a", "REF::op:0", {"nothing"}))
                             .Sub(6, ValueInfo("a", kFloat, {})),
                         {}, {Primitive("op:0", "Neg")})),
              "nothing");
  EXPECT_TEXT(Check(File(Message(g)
                             .Sub(1, NodeMessage("a", "REF::missing", {}))
                             .Sub(6, ValueInfo("a", kFloat, {})))),
              "missing");
  Check(File(Message(g).Sub(6, ValueInfo("a", kFloat, {}))));
  Check(File(g));
  EXPECT_TEXT(Check(OneNode("Frobnicate", {}, {}, {})), "Frobnicate");
}

TEST(Bombs, ResultsBeyondMemory) {
  const std::vector<int64_t> huge = {int64_t{1} << 20, int64_t{1} << 20, 2, 3};
  Check(OneNode("BroadcastTo", {IntsAttribute("shape", huge)}, {}, {}));
  Check(OneNode("Tile", {}, {IntsConstant("m", {int64_t{1} << 30, int64_t{1} << 30})}, {"m"}));
  Check(OneNode("Tile", {}, {IntsConstant("m", {INT64_MAX, INT64_MAX})}, {"m"}));
  Check(OneNode("Reshape", {}, {IntsConstant("s", {INT64_MAX, INT64_MAX})}, {"s"}));
  Check(OneNode("Reshape", {}, {IntsConstant("s", {-1, -1})}, {"s"}));
  Check(OneNode("Reshape", {}, {IntsConstant("s", {-1, 0})}, {"s"}));
  Check(OneNode("Pad", {IntsAttribute("paddings", {INT64_MAX, INT64_MAX, 1, 1})}, {}, {}));
  Check(OneNode("OneHot", {IntAttribute("axis", -1)},
                {IntConstant("d", int64_t{1} << 60), IntConstant("one", 1), IntConstant("zero", 0)},
                {"d", "one", "zero"}));
  Check(OneNode("Split", {IntAttribute("axis", 0), IntAttribute("output_num", 1'000'000'000)}, {},
                {}));
  Check(OneNode("Split", {IntAttribute("axis", 1), IntAttribute("output_num", -1)}, {}, {}));
  Check(OneNode("TopK", {}, {IntConstant("k", INT64_MAX)}, {"k"}));
  Check(OneNode("Transpose", {}, {IntsConstant("p", {5, -7})}, {"p"}));
  Check(OneNode("StridedSlice", {},
                {IntsConstant("b", {INT64_MIN, 0}), IntsConstant("e", {INT64_MAX, 3}),
                 IntsConstant("s", {0, 0})},
                {"b", "e", "s"}));
  Check(OneNode("ExpandDims", {}, {IntConstant("a", INT64_MAX)}, {"a"}));
  Check(OneNode("ResizeBilinear", {IntsAttribute("size", {int64_t{1} << 40, int64_t{1} << 40})}, {},
                {}, {1, 1, 2, 2}));
  Check(OneNode("DepthToSpace", {IntAttribute("block_size", INT64_MAX)}, {}, {}, {1, 4, 2, 2}));
  Check(OneNode("DepthToSpace", {IntAttribute("block_size", 0)}, {}, {}, {1, 4, 2, 2}));
}

TEST(Bombs, WindowsThatMakeNoSense) {
  const auto conv = [](const std::vector<Message>& attributes, const std::vector<int64_t>& weight) {
    size_t elements = 1;
    for (const int64_t d : weight) elements *= static_cast<size_t>(d);
    Message g = Graph("main");
    g.Sub(3,
          TensorMessage(kFloat, weight).Text(7, "main:w").Text(9, std::string(elements * 4, '\0')));
    g.Sub(1, NodeMessage("y", "REF::op:0", {"x", "main:w"}))
        .Sub(5, ValueInfo("x", kFloat, {1, 2, 8, 8}))
        .Sub(6, ValueInfo("y", kFloat, {}));
    return File(g, {}, {Primitive("op:0", "Conv2D", attributes)});
  };
  const auto pad_mode = Message().Text(1, "pad_mode").Text(5, "pad").Int(16, 8);
  Check(conv({IntsAttribute("stride", {1, 1, 0, 0})}, {2, 2, 3, 3}));
  Check(conv({IntsAttribute("stride", {1, 1, -1, -1})}, {2, 2, 3, 3}));
  Check(conv({IntsAttribute("dilation", {1, 1, 0, 1})}, {2, 2, 3, 3}));
  Check(conv({IntsAttribute("dilation", {1, 1, INT64_MAX, 1})}, {2, 2, 3, 3}));
  Check(conv({pad_mode, IntsAttribute("pad_list", {INT64_MAX, INT64_MAX, 1, 1})}, {2, 2, 3, 3}));
  Check(conv({pad_mode, IntsAttribute("pad_list", {int64_t{1} << 40, int64_t{1} << 40, 1, 1})},
             {2, 2, 3, 3}));
  Check(conv({pad_mode, IntsAttribute("pad_list", {-5, -5, -5, -5})}, {2, 2, 3, 3}));
  Check(conv({IntAttribute("group", 0)}, {2, 2, 3, 3}));
  Check(conv({IntAttribute("group", INT64_MIN)}, {2, 2, 3, 3}));
  Check(conv({IntAttribute("group", 3)}, {2, 2, 3, 3}));
  Check(conv({}, {2, 2, 0, 0}), Expect::kAny);
  Check(conv({}, {2, 2, 30, 30}), Expect::kAny);
  Check(
      OneNode("MaxPool",
              {IntsAttribute("kernel_size", {1, 1, 0, 0}), IntsAttribute("strides", {1, 1, 1, 1})},
              {}, {}, {1, 1, 4, 4}));
  Check(
      OneNode("MaxPool",
              {IntsAttribute("kernel_size", {1, 1, 2, 2}), IntsAttribute("strides", {1, 1, 0, 1})},
              {}, {}, {1, 1, 4, 4}));
  Check(OneNode("AvgPool",
                {IntsAttribute("kernel_size", {1, 1, INT64_MAX, INT64_MAX}),
                 IntsAttribute("strides", {1, 1, 1, 1})},
                {}, {}, {1, 1, 4, 4}));
}

TEST(Bombs, IndicesOutOfRange) {
  const auto gather = [](int64_t index) {
    return OneNode("Gather", {IntAttribute("batch_dims", 0)},
                   {IntConstant("i", index), IntConstant("a", 0)}, {"i", "a"});
  };
  for (const int64_t index : {int64_t{2}, int64_t{-3}, INT64_MAX, INT64_MIN})
    Check(gather(index), Expect::kAny);
  Check(OneNode("TupleGetItem", {}, {IntConstant("i", 7)}, {"i"}));
}

std::string WithExternalWeight(const std::string& location, int64_t offset, int64_t length) {
  Message g = Graph("main");
  g.Sub(3, TensorMessage(kFloat, {2})
               .Text(7, "main:w")
               .Sub(12, Message().Text(1, location).Int(2, offset).Int(3, length)));
  return File(
      g.Sub(1, NodeMessage("y", "REF::op:0", {"main:w"})).Sub(6, ValueInfo("y", kFloat, {})), {},
      {Primitive("op:0", "Neg")});
}

std::string LoadFile(const std::string& bytes, const std::string& name) {
  const char* folder = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(folder == nullptr ? "/tmp" : folder) + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return RunGuarded(
             [&](const Progress&) {
               mirin_model* raw = nullptr;
               const std::string text = Text(mirin_model_load_file(path.c_str(), nullptr, &raw));
               mirin_model_destroy(raw);
               return text;
             },
             10)
      .text;
}

TEST(Bombs, WeightsThatAreMissingOrElsewhere) {
  EXPECT_TEXT(
      LoadFile(WithExternalWeight("missing_variables/data_0", 64, 8), "missing_graph.mindir"),
      "NOT_FOUND");
  for (const std::string escape : {"../../../etc/passwd", "/etc/passwd", "a/../../b", ".."}) {
    const std::string text = LoadFile(WithExternalWeight(escape, 0, 8), "escape_graph.mindir");
    EXPECT_TEXT(text, "INVALID_ARGUMENT");
    EXPECT_TEXT(text, escape);
  }
  std::ofstream(std::string(std::getenv("TEST_TMPDIR")) + "/short", std::ios::binary)
      << std::string("\x01", 1) << "too short";
  for (const auto& [offset, length] : std::vector<std::pair<int64_t, int64_t>>{
           {64, 8}, {-8, 8}, {0, INT64_MAX}, {INT64_MAX, INT64_MAX}, {2, -1}, {0, 3}}) {
    EXPECT_TEXT(LoadFile(WithExternalWeight("short", offset, length), "short_graph.mindir"),
                "DATA_LOSS");
  }
  EXPECT_TEXT(Check(WithExternalWeight("x", 0, 8)), "FAILED_PRECONDITION");
}

TEST(Bombs, WrongKeys) {
  for (const std::string name :
       {"tensor_add_gcm", "tensor_add_cbc", "tensor_add_sm4", "tensor_add_gcm256"}) {
    std::ifstream in("tests/models/mindir/" + name + ".mindir", std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    ASSERT_FALSE(content.str().empty()) << name;
    EXPECT_TEXT(Check(content.str()), "FAILED_PRECONDITION");
    EXPECT_TEXT(Check(content.str(), Expect::kStatus, "short"), "INVALID_ARGUMENT");
    const std::string wrong =
        Check(content.str(), Expect::kStatus,
              std::string(name.find("256") != std::string::npos ? 32 : 16, 'w'));
    EXPECT_TEXT(wrong, "PERMISSION_DENIED");
  }
}

}  // namespace
}  // namespace mirin::testing
