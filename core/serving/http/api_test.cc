// What the paths of the face answer.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/serving/http/json_document.h"
#include "core/serving/http/openapi.h"
#include "core/serving/http/test_util.h"
#include "core/serving/log.h"
#include "core/serving/net/compress.h"
#include "gtest/gtest.h"

namespace mirin::serving {
namespace {

using absl::StrContains;

class HttpApiTest : public HttpServerTest {};

// --- MindSpore Serving ---

TEST_F(HttpApiTest, RestHasRealStatuses) {
  Start();
  Client client = Connect();
  const struct {
    absl::string_view verb, target, body;
    int status;
    absl::string_view text;
  } cases[] = {
      {"POST", "/model/add/version/1:echo", kBody, 200, ""},
      {"POST", "/model/nope:echo", kBody, 404,
       "Request servable(nope) method(echo) , servable is not available"},
      {"POST", "/model/add/version/7:echo", kBody, 404,
       "Request servable(add) method(echo)  version(7) , servable is not available"},
      {"POST", "/model/add:nope", kBody, 404,
       "Request servable(add) method(nope) , method is not available"},
      {"POST", "/model/add", kBody, 404,
       "please check url, the keyword:[service method] must contain."},
      {"POST", "/models/add:echo", kBody, 404,
       "please check url, the keyword:[model] must contain."},
      {"POST", "/model/add/version/abc:echo", kBody, 400,
       "please check url, the keyword:[version] value invalid, request version number abc"},
      {"GET", "/model/add:echo", "", 405, "http message only support POST right now"},
      {"PUT", "/model/add:echo", kBody, 405, "http message only support POST right now"},
      {"POST", "/model/add:echo", "", 400, "http message invalid"},
      {"POST", "/model/add", "{", 400,
       "Illegal JSON format.parse error at byte 2: Missing a name for object member."},
      {"POST", "/model/add:echo", "{}", 400,
       "Parser request failed, key 'instances' expects to exist once, but actually 0 times"},
      {"POST", "/model/add:fail", R"({"instances":[{"x":1},{"x":2}]})", 500, "it failed"},
  };
  for (const auto& c : cases) {
    const Reply reply = client.Request(c.verb, c.target, c.body);
    EXPECT_EQ(reply.status, c.status) << c.target;
    EXPECT_EQ(reply.Header("Content-Type"), "application/json");
    if (!c.text.empty()) {
      EXPECT_EQ(reply.body, absl::StrCat("{\"error_msg\":\"", c.text, "\"}"));
    }
  }
  EXPECT_EQ(client.Request("PUT", "/model/add:echo").Header("Allow"), "POST");
  const Reply mixed = client.Post("/model/add:fail", R"({"instances":[{"x":true},{"x":2}]})");
  EXPECT_EQ(mixed.status, 200);
  EXPECT_EQ(mixed.body, R"({"instances":[{"x":true},{"error_msg":"it failed"}]})");
  const Reply head = client.Request("HEAD", "/model/add:echo");
  EXPECT_EQ(head.status, 405);
}

TEST_F(HttpApiTest, RestMapsCodes) {
  Start();
  Client client = Connect();
  const struct {
    absl::StatusCode code;
    int status;
  } cases[] = {
      {absl::StatusCode::kResourceExhausted, 429}, {absl::StatusCode::kCancelled, 499},
      {absl::StatusCode::kUnavailable, 503},       {absl::StatusCode::kDeadlineExceeded, 504},
      {absl::StatusCode::kInvalidArgument, 400},   {absl::StatusCode::kInternal, 500},
      {absl::StatusCode::kUnimplemented, 501},     {absl::StatusCode::kPermissionDenied, 403},
  };
  for (const auto& c : cases) {
    engine_.set_override([&](std::unique_ptr<InferRequest>, InferCallback done) {
      InferReply reply;
      reply.failure = {Code::kFailed, c.code, "no"};
      done(std::move(reply));
    });
    EXPECT_EQ(client.Post(kEcho, kBody).status, c.status);
    EXPECT_EQ(client.Post("/v2/models/add/infer", kInfer).status, c.status);
    EXPECT_EQ(client.Post("/v2/models/add/infer", kInfer).body, R"({"error":"no"})");
  }
}

TEST_F(HttpApiTest, RestAnswers200WhenToldTo) {
  TransportOptions options;
  options.always_ok = true;
  options.max_message_bytes = 1000;
  Start(std::move(options));
  Client client = Connect();
  EXPECT_EQ(client.Post("/model/nope:echo", kBody).status, 200);
  EXPECT_EQ(client.Post("/nope", kBody).body,
            R"({"error_msg":"please check url, the keyword:[model] must contain."})");
  EXPECT_EQ(client.Get("/model/add:echo").status, 200);
  EXPECT_EQ(client.Post("/model/add:fail", kBody).status, 200);
  EXPECT_EQ(client.Get("/v2/models/nope").status, 404);  // no dialect of the original
  EXPECT_EQ(client.Post(kEcho, std::string(1001, ' ')).status, 200);
}

TEST_F(HttpApiTest, PassesIdsTracesAndTimeoutsOn) {
  Start();
  Client client = Connect();
  InferRequest seen;
  engine_.set_override([&](std::unique_ptr<InferRequest> request, InferCallback done) {
    seen = std::move(*request);
    InferReply reply;
    reply.instances.emplace_back();
    done(std::move(reply));
  });
  const Reply reply = client.Post(
      kEcho, kBody,
      "X-Request-Id: my-id\r\nTraceParent: 00-ab-cd-01\r\nX-Request-Timeout-Ms: 1500\r\n");
  EXPECT_EQ(reply.Header("X-Request-Id"), "my-id");
  EXPECT_EQ(seen.id, "my-id");
  EXPECT_EQ(seen.traceparent, "00-ab-cd-01");
  EXPECT_EQ(seen.deadline - seen.received, absl::Milliseconds(1500));
  EXPECT_NE(seen.cancellation, nullptr);
  EXPECT_EQ(seen.servable, "add");
  EXPECT_EQ(seen.method, "echo");
  EXPECT_FALSE(seen.batched);
  const Reply made = client.Post(kEcho, kBody);
  EXPECT_EQ(made.Header("X-Request-Id"), seen.id);
  EXPECT_EQ(seen.id.size(), 16u);
  EXPECT_EQ(seen.deadline, absl::InfiniteFuture());

  client.Post(
      "/v2/models/add.echo/versions/1/infer",
      R"({"parameters":{"sequence_id":7,"sequence_start":true,"sequence_end":true,"priority":3,"timeout":2000},"inputs":[{"name":"x",
                 "datatype":"INT64","shape":[2],"data":[1,-9223372036854775808]}],"outputs":[{"name":"b"},{"name":"a"}]})");
  EXPECT_EQ(seen.session, "7");
  EXPECT_TRUE(seen.session_start && seen.session_end);
  EXPECT_EQ(seen.priority, 3);
  EXPECT_EQ(seen.deadline - seen.received, absl::Milliseconds(2));
  EXPECT_EQ(seen.outputs, std::vector<std::string>({"b", "a"}));
  EXPECT_EQ(seen.version, 1u);
  EXPECT_TRUE(seen.batched);
}

TEST_F(HttpApiTest, WritesTheAccessLog) {
  std::string lines;
  LogOptions options;
  options.access = true;
  options.format = LogFormat::kJson;
  options.sink = [&](absl::string_view line) { absl::StrAppend(&lines, line, "\n"); };
  const auto log = EventLog::Create(std::move(options));
  ASSERT_TRUE(log.ok());
  log_ = log->get();
  Start();
  EXPECT_EQ(Connect().Post(kEcho, kBody, "X-Request-Id: my-id\r\n").status, 200);
  server_.reset();
  EXPECT_TRUE(StrContains(lines, "my-id") && StrContains(lines, "127.0.0.1:")) << lines;
}

TEST_F(HttpApiTest, CompressesWhenAsked) {
  Start();
  Client client = Connect();
  std::string numbers = "1.0";
  for (int i = 0; i < 2000; ++i) numbers += ",1.0";
  const std::string body = absl::StrCat("{\"instances\":{\"x\":[", numbers, "]}}");
  const std::string answer = absl::StrCat("{\"instances\":[{\"x\":[", numbers, "]}]}");
  for (absl::string_view coding : {"gzip", "deflate"}) {
    const Reply reply = client.Post(
        kEcho, Deflate(coding, {body}),
        absl::StrCat("Content-Encoding: ", coding, "\r\nAccept-Encoding: ", coding, "\r\n"));
    EXPECT_EQ(reply.Header("Content-Encoding"), coding);
    EXPECT_LT(reply.body.size(), 1000u);
    EXPECT_EQ(*Inflate(coding, reply.body, 1 << 20), answer);
  }
  EXPECT_EQ(client.Post(kEcho, body, "Accept-Encoding: gzip;q=0\r\n").body, answer);
  EXPECT_EQ(client.Post(kEcho, body, "Accept-Encoding: br\r\n").body, answer);
  EXPECT_EQ(client.Post(kEcho, kBody, "Accept-Encoding: gzip\r\n").body, kAnswer);  // too small
}

// --- Open Inference Protocol ---

TEST_F(HttpApiTest, OipDescribesServerAndModels) {
  Start();
  Client client = Connect();
  EXPECT_TRUE(StrContains(client.Get("/v2").body, "\"name\":\"mirin\""));
  EXPECT_EQ(client.Get("/v2/health/live").body, R"({"live":true})");
  EXPECT_EQ(client.Get("/v2/health/ready").status, 200);
  engine_.set_ready(false);
  EXPECT_EQ(client.Get("/v2/health/ready").status, 503);
  EXPECT_EQ(client.Get("/health").status, 503);
  EXPECT_EQ(client.Get("/v2/models/add/ready").status, 200);
  EXPECT_EQ(client.Get("/v2/models/add/versions/9/ready").status, 404);
  EXPECT_EQ(
      client.Get("/v2/models/add%2Eecho/versions/1").body,
      R"({"name":"add.echo","versions":["1","2"],"platform":"mirin","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2,2]}],)"
      R"("outputs":[{"name":"x","datatype":"FP32","shape":[-1,2,2]}]})");
  EXPECT_TRUE(StrContains(client.Get("/v2/models/add/config").body,
                          R"("input":[{"name":"x","data_type":"TYPE_FP32","dims":[2,2]}])"));
  EXPECT_TRUE(StrContains(
      client.Get("/v2/models/add/stats").body,
      R"("inference_count":7,"execution_count":5,"inference_stats":{"success":{"count":5,"ns":1000})"));
  EXPECT_TRUE(
      StrContains(client.Get("/v2/models/stats").body, R"({"name":"add.hold","version":"2")"));
  EXPECT_EQ(client.Get("/v2/models/nope").status, 404);
  EXPECT_TRUE(
      StrContains(client.Get("/v2/models/nope").body, "{\"error\":\"Request for unknown model"));
  for (absl::string_view path : {"/v2/", "/v2/nope", "/v2/models", "/v2/models/add/nope",
                                 "/v2/models/add/infer/x", "/v2/health", "/v3"}) {
    EXPECT_EQ(client.Get(path).status, 404) << path;
  }
  EXPECT_EQ(client.Get("/v2/models/add/infer").status, 405);
  EXPECT_EQ(client.Get("/v2/models/add/infer").Header("Allow"), "POST");
  EXPECT_EQ(client.Post("/v2/models/add/ready", "").status, 405);
}

TEST_F(HttpApiTest, OipInfersEveryDatatype) {
  Start();
  Client client = Connect();
  const struct {
    absl::string_view datatype, shape, data, out;
  } cases[] = {
      {"FP32", "[2,2]", "[[1,2.5],[0.1,-4]]", "[1.0,2.5,0.1,-4.0]"},
      {"FP64", "[3]", "[1,0.1,1e300]", "[1.0,0.1,1e+300]"},
      {"INT8", "[2]", "[-128,127]", "[-128,127]"},
      {"INT16", "[2]", "[-32768,32767]", "[-32768,32767]"},
      {"INT32", "[1]", "[-5]", "[-5]"},
      {"INT64", "[2]", "[-9223372036854775808,9223372036854775807]",
       "[-9223372036854775808,9223372036854775807]"},
      {"UINT8", "[1]", "[255]", "[255]"},
      {"UINT16", "[1]", "[65535]", "[65535]"},
      {"UINT32", "[1]", "[4294967295]", "[4294967295]"},
      {"UINT64", "[2]", "[18446744073709551615,0]", "[18446744073709551615,0]"},
      {"BOOL", "[3]", "[true,false,true]", "[true,false,true]"},
      {"BOOL", "[2]", "[1,0]", "[true,false]"},
      {"BYTES", "[2]", R"(["a","é\n"])", R"(["a","é\n"])"},
      {"BYTES", "[0]", "[]", "[]"},
      {"FP32", "[0,3]", "[]", "[]"},
      {"FP32", "[]", "[7]", "[7.0]"},
  };
  for (const auto& c : cases) {
    const Reply reply = client.Post(
        "/v2/models/add/infer",
        absl::StrCat("{\"id\":\"q\",\"inputs\":[{\"name\":\"x\",\"datatype\":\"", c.datatype,
                     "\",\"shape\":", c.shape, ",\"data\":", c.data, "}]}"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(
        reply.body,
        absl::StrCat(
            R"({"model_name":"add","model_version":"2","id":"q","outputs":[{"name":"x","datatype":")",
            c.datatype, "\",\"shape\":", c.shape, ",\"data\":", c.out, "}]}"));
  }
}

TEST_F(HttpApiTest, OipRefusesWhatDoesNotFit) {
  Start();
  Client client = Connect();
  const struct {
    absl::string_view input, text;
  } cases[] = {
      {R"("name":"x","datatype":"FP32","shape":[2],"data":[1])",
       "shape [2] needs 2 elements, not 1"},
      {R"("name":"x","datatype":"FP32","shape":[9223372036854775807,9],"data":[1])",
       "is too large"},
      {R"("name":"x","datatype":"FP32","shape":[-1],"data":[1])",
       "'shape' must hold unsigned integers"},
      {R"("name":"x","datatype":"FP32","shape":[1,1,1,1,1,1,1,1,1],"data":[1])",
       "the rank 9 is more than 8"},
      {R"("name":"x","datatype":"FP32","data":[1])", "'shape' must be an array"},
      {R"("name":"x","datatype":"FLOAT","shape":[1],"data":[1])", "datatype 'FLOAT' is unknown"},
      {R"("name":"x","datatype":"FP16","shape":[1],"data":[1])", "FP16 needs binary tensor data"},
      {R"("name":"x","datatype":"FP32","shape":[1],"data":["a"])",
       "'data' holds values that are not FP32"},
      {R"("name":"x","datatype":"FP32","shape":[2],"data":[1,"a"])",
       "'data' holds values that are not FP32"},
      {R"("name":"x","datatype":"INT32","shape":[1],"data":[1.5])",
       "'data' holds values that are not INT32"},
      {R"("name":"x","datatype":"BYTES","shape":[1],"data":[1])",
       "'data' holds values that are not BYTES"},
      {R"("name":"x","datatype":"INT8","shape":[1],"data":[128])",
       "a value of 'data' is out of the range of INT8"},
      {R"("name":"x","datatype":"UINT64","shape":[1],"data":[-1])",
       "a value of 'data' is out of the range of UINT64"},
      {R"("name":"x","datatype":"INT64","shape":[1],"data":[18446744073709551615])",
       "a value of 'data' is out of the range of INT64"},
      {R"("name":"x","datatype":"FP32","shape":[1])",
       "it needs one of 'data', 'binary_data_size' and 'shared_memory_region'"},
      {R"("name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4})",
       "there is less binary data"},
      {R"("name":"x","datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r","shared_memory_byte_size":4})",
       "shared memory is not allowed over this address"},
      {R"("name":"x","datatype":"FP32","shape":[1],"data":7)", "'data' must be an array"},
      {R"("datatype":"FP32","shape":[1],"data":[1])", "an input has no 'name'"},
  };
  for (const auto& c : cases) {
    const Reply reply =
        client.Post("/v2/models/add/infer", absl::StrCat("{\"inputs\":[{", c.input, "}]}"));
    EXPECT_TRUE(reply.status == 400 || reply.status == 403) << c.input;
    EXPECT_TRUE(StrContains(reply.body, c.text)) << c.input << " -> " << reply.body;
  }
  for (absl::string_view body : {"", "{", "[]", "{}", R"({"inputs":[]})", R"({"inputs":[1]})",
                                 R"({"inputs":{}})", R"({"inputs":[{}],"id":1})"}) {
    EXPECT_EQ(client.Post("/v2/models/add/infer", body).status, 400) << body;
  }
  const std::string good = R"({"name":"x","datatype":"FP32","shape":[1],"data":[1]})";
  EXPECT_TRUE(StrContains(
      client.Post("/v2/models/add/infer", absl::StrCat("{\"inputs\":[", good, ",", good, "]}"))
          .body,
      "given twice"));
  EXPECT_EQ(
      client
          .Post("/v2/models/add/infer",
                absl::StrCat("{\"inputs\":[", good,
                             R"(],"outputs":[{"name":"x","parameters":{"classification":1}}]})"))
          .status,
      501);
  EXPECT_EQ(client.Post("/v2/models/add/infer", kInfer, "Inference-Header-Content-Length: 9999\r\n")
                .status,
            400);
  EXPECT_EQ(client
                .Post("/v2/models/add/infer", absl::StrCat(kInfer, "abc"),
                      absl::StrCat("Inference-Header-Content-Length: ", sizeof kInfer - 1, "\r\n"))
                .status,
            400);
}

TEST_F(HttpApiTest, OipCarriesBinaryTensors) {
  Start();
  Client client = Connect();
  const std::string json =
      R"({"parameters":{"binary_data_output":true},"inputs":[{"name":"x","datatype":"FP16","shape":[2],"parameters":{"binary_data_size":4}},)"
      R"({"name":"s","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":9}}]})";
  const std::string binary("\x00\x3c\x00\x40\x01\x00\x00\x00\xff\x00\x00\x00\x00", 13);
  const Reply reply =
      client.Post("/v2/models/add/infer", json + binary,
                  absl::StrCat("Inference-Header-Content-Length: ", json.size(), "\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Header("Content-Type"), "application/octet-stream");
  size_t size = 0;
  ASSERT_TRUE(absl::SimpleAtoi(reply.Header("Inference-Header-Content-Length"), &size));
  EXPECT_EQ(reply.body.substr(size), binary);
  EXPECT_TRUE(
      StrContains(reply.body.substr(0, size),
                  R"("datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":9}})"));
  // As numbers, where they can be.
  const std::string both =
      R"({"inputs":[{"name":"x","datatype":"FP16","shape":[2],"parameters":{"binary_data_size":4}}]})";
  EXPECT_TRUE(
      StrContains(client
                      .Post("/v2/models/add/infer", both + binary.substr(0, 4),
                            absl::StrCat("Inference-Header-Content-Length: ", both.size(), "\r\n"))
                      .body,
                  "\"data\":[1.0,2.0]"));
  const std::string texts =
      R"({"inputs":[{"name":"s","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":9}}]})";
  const Reply bad =
      client.Post("/v2/models/add/infer", texts + binary.substr(4),
                  absl::StrCat("Inference-Header-Content-Length: ", texts.size(), "\r\n"));
  EXPECT_EQ(bad.body,
            R"({"error":"output 's': its bytes are not UTF-8: ask for binary tensor data"})");
}

TEST_F(HttpApiTest, OipUsesRegisteredSharedMemoryOnly) {
  TransportOptions options;
  options.allow_shared_memory = true;
  Start(std::move(options));
  Client client = Connect();
  const std::string key = absl::StrCat("/mirin_http_test_", ::getpid());
  const int fd = ::shm_open(key.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::ftruncate(fd, 64), 0);
  auto* memory =
      static_cast<float*>(::mmap(nullptr, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ASSERT_NE(memory, MAP_FAILED);
  memory[1] = 2.5f;
  const std::string path = "/v2/systemsharedmemory/region/r/";
  EXPECT_EQ(client.Post(path + "register", absl::StrCat("{\"key\":\"", key, "\",\"byte_size\":64}"))
                .status,
            200);
  EXPECT_TRUE(StrContains(client.Get(path + "status").body, R"("name":"r")"));
  const Reply shared = client.Post(
      "/v2/models/add/infer",
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r","shared_memory_byte_size":4,"shared_memory_offset":4}}],)"
      R"("outputs":[{"name":"x","parameters":{"shared_memory_region":"r","shared_memory_byte_size":8,"shared_memory_offset":12}}]})");
  EXPECT_TRUE(StrContains(
      shared.body,
      R"("parameters":{"shared_memory_region":"r","shared_memory_byte_size":4,"shared_memory_offset":12}})"))
      << shared.body;
  EXPECT_EQ(memory[3], 2.5f);
  EXPECT_EQ(
      client
          .Post(
              "/v2/models/add/infer",
              R"({"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,2]}],)"
              R"("outputs":[{"name":"x","parameters":{"shared_memory_region":"r","shared_memory_byte_size":4}}]})")
          .body,
      R"({"error":"output 'x' has 8 bytes, more than shared_memory_byte_size 4"})");
  EXPECT_EQ(client.Post(path + "unregister", "{}").status, 200);
  ::shm_unlink(key.c_str());
  ::close(fd);
  ::munmap(memory, 64);
  const std::string infer =
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r","shared_memory_byte_size":4}}]})";
  EXPECT_NE(client.Post("/v2/models/add/infer", infer).status, 200);
  EXPECT_EQ(client.Post("/v2/systemsharedmemory/region/r/register", "{}").status, 400);
  EXPECT_EQ(
      client.Post("/v2/systemsharedmemory/region/r/register", R"({"key":"../x","byte_size":1})")
          .status,
      400);
  EXPECT_EQ(client.Post("/v2/cudasharedmemory/region/r/register", "{}").status, 501);
  EXPECT_EQ(client.Get("/v2/cudasharedmemory/status").body, "[]");
  EXPECT_EQ(client.Get("/v2/systemsharedmemory/status").body, "[]");
}

TEST_F(HttpApiTest, OipControlsTheRepositoryWhenAllowed) {
  {
    Start();
    EXPECT_EQ(Connect().Post("/v2/repository/models/add/load", "{}").status, 403);
    EXPECT_EQ(Connect()
                  .Post("/v2/systemsharedmemory/region/r/register", R"({"key":"x","byte_size":1})")
                  .status,
              403);
  }
  TransportOptions options;
  options.allow_repository_control = true;
  Start(std::move(options));
  Client client = Connect();
  EXPECT_EQ(
      client.Post("/v2/repository/index", "").body,
      R"([{"name":"add","version":"1","state":"READY","reason":""},{"name":"add","version":"2","state":"READY","reason":""},)"
      R"({"name":"gone","version":"1","state":"UNAVAILABLE","reason":"unloaded"}])");
  EXPECT_FALSE(StrContains(client.Post("/v2/repository/index", R"({"ready":true})").body, "gone"));
  EXPECT_EQ(
      client.Post("/v2/repository/models/add/load", R"({"parameters":{"config":"{}"}})").status,
      200);
  EXPECT_EQ(engine_.loads().back().at("config"), "{}");
  EXPECT_EQ(client.Post("/v2/repository/models/nope/load", "").status, 404);
  EXPECT_EQ(client.Post("/v2/repository/models/add/load", "[").status, 400);
  EXPECT_EQ(client.Post("/v2/repository/models/add/unload", "{}").status, 200);
  EXPECT_EQ(client.Get("/v2/repository/models/add/unload").status, 405);
}

TEST_F(HttpApiTest, OipChangesSettings) {
  Start();
  Client client = Connect();
  EXPECT_TRUE(StrContains(client.Get("/v2/trace/setting").body, R"("trace_level":["OFF"])"));
  EXPECT_TRUE(StrContains(client
                              .Post("/v2/models/add/trace/setting",
                                    R"({"trace_rate":"5","trace_level":["TIMESTAMPS"]})")
                              .body,
                          R"("trace_rate":"5")"));
  EXPECT_FALSE(StrContains(client.Get("/v2/trace/setting").body, R"("trace_rate":"5")"));
  EXPECT_TRUE(StrContains(client.Get("/v2/models/add/trace/setting").body,
                          R"("trace_level":["TIMESTAMPS"])"));
  EXPECT_FALSE(
      StrContains(client.Post("/v2/models/add/trace/setting", R"({"trace_rate":null})").body,
                  R"("trace_rate":"5")"));
  EXPECT_EQ(client.Post("/v2/trace/setting", R"({"nope":"1"})").status, 400);
  EXPECT_EQ(client.Post("/v2/trace/setting", R"({"trace_rate":{}})").status, 400);
  EXPECT_EQ(client.Get("/v2/models/nope/trace/setting").status, 404);
  EXPECT_TRUE(
      StrContains(client.Post("/v2/logging", R"({"log_info":true,"log_verbose_level":1})").body,
                  "\"log_info\":true"));
  EXPECT_TRUE(StrContains(client.Get("/v2/logging").body, "\"log_verbose_level\":1"));
  EXPECT_EQ(client.Post("/v2/logging", R"({"nope":true})").status, 400);
}

// --- pages ---

TEST_F(HttpApiTest, ServesPagesThatLoadNothingFromElsewhere) {
  Start();
  Client client = Connect();
  for (absl::string_view path : {"/", "/docs"}) {
    const Reply page = client.Get(path);
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.Header("Content-Type"), "text/html; charset=utf-8");
    EXPECT_TRUE(StrContains(page.Header("Content-Security-Policy"),
                            "default-src 'none'; script-src 'sha256-"));
    EXPECT_EQ(page.Header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(page.Header("Access-Control-Allow-Origin"), "");
    EXPECT_FALSE(StrContains(page.body, "http://") || StrContains(page.body, "https://"));
    const Reply head = client.Request("HEAD", path);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.Header("Content-Length"), absl::StrCat(page.body.size()));
  }
  EXPECT_EQ(client.Post("/docs", "").status, 405);
  const Reply metrics = client.Get("/metrics");
  EXPECT_EQ(metrics.body, "mirin_fake 1\n");
  EXPECT_TRUE(StrContains(metrics.Header("Content-Type"), "version=0.0.4"));
  EXPECT_EQ(client.Get("/health").body, R"({"live":true,"ready":true})");
}

TEST_F(HttpApiTest, JsonOfPagesIsJson) {
  Start();
  Client client = Connect();
  for (absl::string_view path : {"/status", "/openapi.json"}) {
    Reply reply = client.Get(path);
    JsonDocument document;
    const size_t size = reply.body.size();
    reply.body.resize(size + 64);
    EXPECT_TRUE(document.Parse(&reply.body[0], size).ok()) << reply.body;
    EXPECT_EQ(document.root().kind(), JsonKind::kObject);
    if (path == "/status") {
      EXPECT_EQ(document.root().Find("servables").size(), 3u);
      EXPECT_EQ(document.root().Find("model_stats").size(), 6u);
    } else {
      EXPECT_TRUE(
          document.root().Find("paths").Find("/v2/models/{model}/infer").Find("post").present());
    }
  }
}

// Every operation that is listed is there.
TEST_F(HttpApiTest, ListsOperationsThatExist) {
  Start();
  Client client = Connect();
  std::string docs = DocsBody();
  int found = 0;
  for (size_t at = docs.find("<tr><td><code>"); at != docs.npos;
       at = docs.find("<tr><td><code>", at + 1)) {
    const size_t verb = at + 14, path = docs.find("<td><code>", verb) + 10;
    std::string target = docs.substr(path, docs.find('<', path) - path);
    for (const auto& [name, value] : {std::pair<std::string, std::string>("{name}", "add"),
                                      {"{model}", "add"},
                                      {"{version}", "1"},
                                      {"{method}", "echo"},
                                      {"{region}", "r"}}) {
      const size_t place = target.find(name);
      if (place != target.npos) target.replace(place, name.size(), value);
    }
    const Reply reply =
        client.Request(docs.substr(verb, docs.find('<', verb) - verb), target, "{}");
    EXPECT_FALSE(StrContains(reply.body, "there is nothing at this path")) << target;
    EXPECT_NE(reply.status, 405) << target;
    ++found;
  }
  EXPECT_GT(found, 30);
}

}  // namespace
}  // namespace mirin::serving
