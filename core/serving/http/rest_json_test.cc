// MindSpore Serving's answers to the same bodies, measured from the original; where ours differs, the case says so.
#include "core/serving/http/rest_json.h"

#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/serving/http/json_text.h"
#include "gtest/gtest.h"

namespace mirin::serving {
namespace {

// What a server that answers its inputs says to `body`.
std::string Echo(std::string body) {
  char* text;
  uint8_t* data;
  const Buffer owner = Buffer::Allocate(body.size() + 1, &data);
  text = reinterpret_cast<char*>(data);
  std::memcpy(text, body.data(), body.size());
  JsonDocument document;
  const absl::Status parsed = document.Parse(text, body.size());
  if (!parsed.ok()) return absl::StrCat("Illegal JSON format.", parsed.message());
  const auto instances = ParseInstances(document.root());
  if (!instances.ok()) return std::string(instances.status().message());
  InferReply reply;
  for (const Instance& instance : *instances) {
    reply.names.clear();
    reply.instances.emplace_back();
    for (const NamedTensor& input : instance) {
      EXPECT_TRUE(CheckSize(input.value).ok()) << CheckSize(input.value);
      reply.names.push_back(input.name);
      reply.instances.back().outputs.push_back(input.value);
    }
  }
  std::string out;
  AppendInstances(reply, &out);
  return out;
}

std::string EchoValue(absl::string_view value) {
  return Echo(absl::StrCat("{\"instances\":{\"y\":", value, "}}"));
}
std::string Answer(absl::string_view value) {
  return absl::StrCat("{\"instances\":[{\"y\":", value, "}]}");
}

struct Case {
  absl::string_view in;
  absl::string_view out;
};

TEST(RestJson, AnswersValuesAsTheOriginal) {
  const Case cases[] = {
      {"5", "5"},
      {"-5", "-5"},
      {"1.5", "1.5"},
      {"0.1", "0.10000000149011612"},
      {"true", "true"},
      {R"("héllo")", R"("héllo")"},
      {R"("h\u00e9llo")", R"("héllo")"},
      {R"("")", R"("")"},
      {R"("a\"b\\c\nd\u0001")", R"("a\"b\\c\nd\u0001")"},
      {R"({"b64":"YWJj"})", R"({"b64":"YWJj"})"},
      {R"({"b64":"YWJj","type":"bytes"})", R"({"b64":"YWJj"})"},
      {R"({"b64":"YWJj","type":"str"})", R"("abc")"},
      {R"({"b64":""})", R"({"b64":""})"},
      {R"(["abc"])", R"(["abc"])"},
      {R"([{"b64":"YWJj"}])", R"([{"b64":"YWJj"}])"},
      {"[true, false]", "[true,false]"},
      {"[[[1, 2]], [[3, 4]]]", "[[[1,2]],[[3,4]]]"},
      {"[1,2,\n3 , 4\t]", "[1,2,3,4]"},
      {"[102.0, 1e39, -1e39, 1e-400]", "[102.0,null,null,0.0]"},
      {R"({"b64":"AQI=","type":"int8","shape":[2]})", "[1,2]"},
      {R"({"b64":"AQACAA==","type":"int16","shape":[2]})", "[1,2]"},
      {R"({"b64":"AQAAAAIAAAA=","type":"int32","shape":[2]})", "[1,2]"},
      {R"({"b64":"AQAAAAAAAAACAAAAAAAAAA==","type":"int64","shape":[2]})", "[1,2]"},
      {R"({"b64":"AQI=","type":"uint8","shape":[2]})", "[1,2]"},
      {R"({"b64":"AQACAA==","type":"uint16","shape":[2]})", "[1,2]"},
      {R"({"b64":"AQAAAAIAAAA=","type":"uint32","shape":[2]})", "[1,2]"},
      {R"({"b64":"AQAAAAAAAAACAAAAAAAAAA==","type":"uint64","shape":[2]})", "[1,2]"},
      {R"({"b64":"ADwAQA==","type":"fp16","shape":[2]})", "[1.0,2.0]"},
      {R"({"b64":"AACAPwAAAEA=","type":"fp32","shape":[2]})", "[1.0,2.0]"},
      {R"({"b64":"AACAPwAAAEA=","type":"float32","shape":[1,2]})", "[[1.0,2.0]]"},
      {R"({"b64":"AAAAAAAA8D8AAAAAAAAAQA==","type":"float64","shape":[2]})", "[1.0,2.0]"},
      {R"({"b64":"AQE=","type":"bool","shape":[2]})", "[true,true]"},
      {R"({"b64":"","type":"fp32","shape":[0]})", "[]"},
      {R"({"b64":"","type":"fp32","shape":[2,0]})", "[[],[]]"},
      {R"({"b64":"AACAPw==","type":"fp32"})", "1.0"},
      // better than the original, which wraps 5000000000 to 705032704
      {"5000000000", "5000000000"},
      {"[1, 5000000000]", "[1,5000000000]"},
      {"18446744073709551615", "18446744073709551615"},
      {"[18446744073709551615, 1]", "[18446744073709551615,1]"},
  };
  for (const Case& c : cases) EXPECT_EQ(EchoValue(c.in), Answer(c.out)) << c.in;
}

TEST(RestJson, RefusesValuesWithTheOriginalsTexts) {
  const Case cases[] = {
      {"null", "json value is null, it is not supported"},
      {"[1.0, null]", "json array, data type is unknown"},
      {"[null]", "json array, data type is unknown"},
      {"[[1.0, 2.0], null]", "json array, data type is unknown"},
      {"[]", "json array, shape is empty"},
      {"[[]]", "json array, data type is unknown"},
      {"[[1, 2], [3]]", "invalid json array: json size is 1, the dim 1 expected to be 2"},
      {"[1.0, 1]", "json array, elements type is not equal"},
      {"[1, 1.0]", "json array, elements type is not equal"},
      {"[[1], [1.0]]", "json array, elements type is not equal"},
      {"[1, true]", "json array, elements type is not equal"},
      {"[1, \"a\"]", "json array, elements type is not equal"},
      {"[[1], 2]", "json array, elements type is not equal"},
      {R"(["a", "b"])", "json array, string or bytes type only support one item"},
      {R"([{"b64":"YQ=="}, {"b64":"YQ=="}])",
       "json array, string or bytes type only support one item"},
      {R"([{"b64":"AQ==","type":"int8"}])",
       "json array, item is object type, object only support string or bytes type"},
      {R"({"b64":"AACAPw==","type":"float"})", "json object, specified type:'float' is illegal"},
      {R"({"b64":"AACAPw==","type":1})", "json object, key is 'type', value should be string type"},
      {R"({"b64":"AACAPw==","type":"fp32","shape":1})",
       "json object, key is 'shape', value should be array type"},
      {R"({"b64":"AACAPw==","type":"fp32","shape":[-1]})",
       "json object, key is 'shape', array value should be unsigned integer"},
      {R"({"b64":"AACAPw==","type":"fp32","shape":["1"]})",
       "json object, key is 'shape', array value should be unsigned integer"},
      {R"({"b64":"abc"})", "'abc' is illegal b64 encode string"},
      {R"({"b64":"ab!d"})", "'ab!d' is illegal b64 encode string"},  // the original never answers
      {R"({"b64":"a=bc"})", "'a=bc' is illegal b64 encode string"},
      {R"({"type":"str"})", "json object, 'b64' should be specified only one time"},
      {R"({"b64":"YQ==","foo":1})",
       "json object, key is not ['b64', 'type', 'shape'], fail key:foo"},
      {R"({"b64":"YQ==","type":"str","shape":[1],"x":1})",
       "json object, items size is more than 3, only support specified ['b64', 'type', 'shape']"},
      {R"({"b64":1})", "get scalar data failed, type is string, but json is not string type"},
      {R"({"b64":"AACAPwAAAEAAAEBAAACAQA==","type":"float32","shape":[2,3]})",
       "size is not matched, decode base64 size:16; Given info: type:float32; type size:4; element "
       "nums:6"},
      {R"({"b64":"","type":"fp32","shape":[4611686018427387904,4]})",
       "json object, key is 'shape', it is too large"},
      {R"({"b64":"","type":"fp32","shape":[1000000000000,0]})",
       "json object, key is 'shape', it is too large"},
      {R"({"b64":"/w==","type":"str"})",
       "json object, type is 'str', but the decoded bytes are not UTF-8"},
      {"[[[[[[[[[1]]]]]]]]]", "json array, the rank 9 is more than 8"},
      {"[18446744073709551615, -1]", "json array, the integers fit neither int64 nor uint64"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(EchoValue(c.in), absl::StrCat("Parser request failed, ", c.out)) << c.in;
}

TEST(RestJson, ReadsInstancesAsTheOriginal) {
  const Case cases[] = {
      {R"({"instances":[{"x":1},{"x":2}]})", R"({"instances":[{"x":1},{"x":2}]})"},
      {R"({"a":[1,{}],"instances":{"x":1}, "z":null})", R"({"instances":[{"x":1}]})"},
      {R"({"instances":5,"instances":{"x":1,"x":2}})", R"({"instances":[{"x":2}]})"},
      {R"({"instances":{"b":1,"a":2,"B":3}})", R"({"instances":[{"B":3,"a":2,"b":1}]})"},
      {"[1]", "Parser request failed, key 'instances' expects to exist once, but actually 0 times"},
      {"7", "Parser request failed, key 'instances' expects to exist once, but actually 0 times"},
      {"{}", "Parser request failed, key 'instances' expects to exist once, but actually 0 times"},
      {R"({"instances":null})", "Parser request failed, instances no key mode is not supported"},
      {R"({"instances":1})", "Parser request failed, instances no key mode is not supported"},
      {R"({"instances":"a"})", "Parser request failed, instances no key mode is not supported"},
      {R"({"instances":[1,2]})", "Parser request failed, instances no key mode is not supported"},
      {R"({"instances":[]})", "Parser request failed, instances value is array type, but no value"},
      {R"({"instances":{}})", "Parser request failed, json object, value is empty"},
      {R"({"instances":[{}]})",
       "Parser request failed, json array, instance is object type, but no value"},
      {R"({"instances":[{"x":1}, 1]})",
       "Parser request failed, json array, instance is not object type"},
      {R"({"instances":[{"x":1}, [1]]})",
       "Parser request failed, json array, instance is not object type"},
      {R"({"instances":{"":1}})", "Parser request failed, string key is empty"},
  };
  for (const Case& c : cases) EXPECT_EQ(Echo(std::string(c.in)), c.out) << c.in;
}

TEST(RestJson, SaysWhereJsonIsIllegal) {
  const Case cases[] = {
      {"{a", "parse error at byte 2: "},
      {R"({"instances":{"x":[1.0,2.0)", "parse error at byte 27: "},
      {R"({"instances":{"x":NaN}})", "parse error at byte 19: "},
      {R"({"instances":{"x":[1,]}})", "parse error at byte 22: "},
      {R"({"instances":{"x":[1,2,]}})", "parse error at byte 24: "},
      {R"({"instances":{"x":[,1]}})", "parse error at byte 20: "},
      {R"({"instances":{"x":[01]}})", "parse error at byte 21: "},
      {R"({"instances":{"x":[1 2]}})", "parse error at byte 22: "},
      {R"({"instances":{"x":[1.]}})", "parse error at byte 22: "},
      {R"({"instances":{"x":[-]}})", "parse error at byte 21: "},
      {R"({"instances":{"x":[1e]}})", "parse error at byte 22: "},
      {R"({"instances":{"x":1}} x)", "parse error at byte 23: "},
      {"{\"instances\":{\"x\":\"\xff\"}}", ""},
      {R"({"instances":{"x":1e400}})", "number overflow parsing '1e400'"},
      {R"({"instances":{"x":[1, -1e400, 2]}})", "number overflow parsing '-1e400'"},
  };
  for (const Case& c : cases) {
    const std::string answer = Echo(std::string(c.in));
    EXPECT_EQ(answer.substr(0, 20 + c.out.size()), absl::StrCat("Illegal JSON format.", c.out))
        << c.in << " -> " << answer;
    if (c.out.empty()) {
      EXPECT_EQ(answer, "Illegal JSON format.");
    }
  }
  EXPECT_EQ(Echo(std::string("{\"instances\":{\"x\":1}}\0 {", 24)),
            "Illegal JSON format.parse error at byte 22: The byte 0 is not allowed.");
}

TEST(RestJson, LimitsDepth) {
  const std::string deep(200000, '[');
  EXPECT_EQ(Echo(deep), "Illegal JSON format.nested deeper than 32 levels");
  std::string objects;
  for (int i = 0; i < 200000; ++i) objects += "{\"a\":";
  EXPECT_EQ(Echo(objects), "Illegal JSON format.nested deeper than 32 levels");
}

TEST(RestJson, LimitsValues) {
  std::string many = "[0";
  for (uint32_t i = 0; i < JsonDocument::kMaxValues; ++i) many += ",{}";
  EXPECT_EQ(Echo(many + "]"),
            absl::StrCat("Illegal JSON format.more than ", JsonDocument::kMaxValues, " values"));
}

TEST(RestJson, KeepsTheLastOfManyEqualNames) {
  std::string body = R"({"instances":{)";
  for (int i = 0; i < 50; ++i) absl::StrAppend(&body, i == 0 ? "" : ",", "\"x", i % 20, "\":", i);
  const std::string answer = Echo(body + "}}");
  EXPECT_NE(answer.find("\"x0\":40,"), answer.npos) << answer;
  EXPECT_NE(answer.find("\"x19\":39,"), answer.npos) << answer;
}

TEST(RestJson, PrintsFloatsAsTheOriginal) {
  struct FloatCase {
    double value;
    absl::string_view text;
  };
  const FloatCase cases[] = {
      {0, "0.0"},
      {-0.0, "-0.0"},
      {102, "102.0"},
      {-1.5, "-1.5"},
      {1e-4, "0.0001"},
      {1e-5, "1e-05"},
      {1.25e-5, "1.25e-05"},
      {9.99994610111476e-41, "9.99994610111476e-41"},
      {3.4028234663852886e+38, "3.4028234663852886e+38"},
      {123456789012345, "123456789012345.0"},
      {1e14, "100000000000000.0"},
      {1e15, "1e+15"},
      {1234567890123456, "1.234567890123456e+15"},
      {0.1, "0.1"},
      {1e100, "1e+100"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::infinity(), "null"},
      {-std::numeric_limits<double>::infinity(), "null"},
      {std::numeric_limits<double>::quiet_NaN(), "null"},
  };
  for (const FloatCase& c : cases) {
    Tensor tensor;
    tensor.dtype = MIRIN_DTYPE_F64;
    tensor.data =
        Buffer::Copy(absl::string_view(reinterpret_cast<const char*>(&c.value), sizeof c.value));
    std::string out;
    AppendTensor(tensor, {}, FloatStyle::kDouble, &out);
    EXPECT_EQ(out, c.text);
  }
}

// Every float comes back from its text, whatever the block it is printed in.
TEST(RestJson, FloatsComeBack) {
  std::string body = R"({"instances":{"y":[)";
  std::string expected = "[";
  uint32_t state = 12345;
  for (int i = 0; i < 1000; ++i) {
    state = state * 1664525 + 1013904223;
    float value;
    std::memcpy(&value, &state, sizeof value);
    if (!(value - value == 0)) value = 1;
    Tensor tensor;
    tensor.dtype = MIRIN_DTYPE_F32;
    tensor.data =
        Buffer::Copy(absl::string_view(reinterpret_cast<const char*>(&value), sizeof value));
    std::string text, shortest;
    AppendTensor(tensor, {}, FloatStyle::kDouble, &text);
    AppendTensor(tensor, {}, FloatStyle::kShortest, &shortest);
    EXPECT_EQ(std::strtof(shortest.c_str(), nullptr), value);
    absl::StrAppend(&body, i == 0 ? "" : ",", i % 2 == 0 ? text : shortest);
    absl::StrAppend(&expected, i == 0 ? "" : ",", text);
  }
  EXPECT_EQ(Echo(body + "]}}"), Answer(expected + "]"));
}

TEST(RestJson, GivesWhatIsNoUtf8AsBase64) {
  InferReply reply;
  reply.names = {"s"};
  reply.instances.resize(1);
  Tensor tensor;
  tensor.dtype = MIRIN_DTYPE_STRING;
  tensor.texts = {"\xff"};
  reply.instances[0].outputs = {tensor};
  std::string out;
  AppendInstances(reply, &out);
  EXPECT_EQ(out, R"({"instances":[{"s":{"b64":"/w=="}}]})");
}

TEST(RestJson, AnswersFailuresInTheirPlaces) {
  InferReply reply;
  EXPECT_EQ(WholeFailure(reply), &reply.failure);
  reply.names = {};
  reply.instances.resize(2);
  EXPECT_EQ(WholeFailure(reply), nullptr);
  reply.instances[1].failure = {Code::kSystemError, absl::StatusCode::kInternal, "it \"failed\""};
  EXPECT_EQ(WholeFailure(reply), nullptr);
  std::string out;
  AppendInstances(reply, &out);
  EXPECT_EQ(out, R"({"instances":[{},{"error_msg":"it \"failed\""}]})");
  reply.instances[0].failure = reply.instances[1].failure;
  EXPECT_EQ(WholeFailure(reply), &reply.instances[0].failure);
}

}  // namespace
}  // namespace mirin::serving
