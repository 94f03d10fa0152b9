// The server through its C interface: options, servables, faces, and an answer over each of them by a socket of the test's own.
#include "mirin/server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/c_api.h"

namespace mirin::testing {
namespace {

struct DestroyServer {
  void operator()(mirin_server* s) const { mirin_server_destroy(s); }
};
using ServerPtr = std::unique_ptr<mirin_server, DestroyServer>;

ServerPtr NewServer() {
  mirin_server* server = nullptr;
  EXPECT_EQ(Text(mirin_server_create(&server)), "OK");
  return ServerPtr(server);
}

// DIRECTORY/NAME/1/NAME.mindir for a model of tests/models.
std::string Place(const std::string& model) {
  const std::string directory = std::string(std::getenv("TEST_TMPDIR")) + "/" +
                                ::testing::UnitTest::GetInstance()->current_test_info()->name();
  mkdir(directory.c_str(), 0755);
  mkdir((directory + "/" + model).c_str(), 0755);
  mkdir((directory + "/" + model + "/1").c_str(), 0755);
  char cwd[4096];
  EXPECT_NE(getcwd(cwd, sizeof cwd), nullptr);
  const std::string file = std::string(cwd) + "/tests/models/mindir/" + model + ".mindir";
  EXPECT_EQ(symlink(file.c_str(), (directory + "/" + model + "/1/" + model + ".mindir").c_str()),
            0);
  return directory;
}

std::string Add(mirin_server* server, const std::string& directory, const char* name,
                const std::string& key = "", mirin_cipher cipher = MIRIN_CIPHER_AUTO) {
  mirin_servable_options options = MIRIN_SERVABLE_OPTIONS_INIT;
  options.directory = directory.c_str();
  options.name = name;
  options.key = key.empty() ? nullptr : key.data();
  options.key_size = key.size();
  options.cipher = cipher;
  return Text(mirin_server_add(server, &options, 1));
}

int32_t ListenHttp(mirin_server* server) {
  mirin_listen_options options = MIRIN_LISTEN_OPTIONS_INIT;
  options.address = "127.0.0.1:0";
  int32_t port = 0;
  EXPECT_EQ(Text(mirin_server_listen_http(server, &options, &port)), "OK");
  return port;
}

// The whole answer to one request.
std::string Ask(int32_t port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return "not connected";
  }
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  close(fd);
  return answer;
}

std::string Post(int32_t port, const std::string& path, const std::string& body) {
  return Ask(port, "POST " + path +
                       " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n\r\n" + body);
}

std::string Get(int32_t port, const std::string& path) {
  return Ask(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

constexpr char kAdd[] =
    R"({"instances":{"x":[[1.0,2.0],[3.0,4.0]],"y":[[10.0,20.0],[30.0,40.0]]}})";

TEST(Server, AnswersOverHttp) {
  const std::string directory = Place("tensor_add");
  const ServerPtr server = NewServer();
  ASSERT_EQ(Add(server.get(), directory, "tensor_add"), "OK");
  EXPECT_NE(std::string(mirin_server_status(server.get()))
                .find(R"("name":"tensor_add","version":1,"state":"READY")"),
            std::string::npos)
      << mirin_server_status(server.get());
  const int32_t port = ListenHttp(server.get());
  const std::string metadata = Get(port, "/v2/models/tensor_add");
  EXPECT_NE(metadata.find("\"datatype\":\"FP32\""), std::string::npos) << metadata;
  std::string body = kAdd;
  // the names of the model's inputs
  const size_t x = metadata.find("\"inputs\"");
  ASSERT_NE(x, std::string::npos);
  std::vector<std::string> names;
  for (size_t at = metadata.find("\"name\":\"", x); names.size() < 2 && at != std::string::npos;
       at = metadata.find("\"name\":\"", at + 1)) {
    const size_t begin = at + 8;
    names.push_back(metadata.substr(begin, metadata.find('"', begin) - begin));
  }
  ASSERT_EQ(names.size(), 2u);
  body.replace(body.find("\"x\""), 3, "\"" + names[0] + "\"");
  body.replace(body.find("\"y\""), 3, "\"" + names[1] + "\"");
  const std::string answer = Post(port, "/model/tensor_add:predict", body);
  EXPECT_NE(answer.find("200 OK"), std::string::npos) << answer;
  EXPECT_NE(answer.find("[[11.0,22.0],[33.0,44.0]]"), std::string::npos) << answer;
  EXPECT_NE(Post(port, "/model/nothing:predict", body).find("404 "), std::string::npos);
  EXPECT_NE(std::string(mirin_server_metrics(server.get())).find("mirin_requests_total"),
            std::string::npos);

  ASSERT_EQ(Text(mirin_server_remove(server.get(), "tensor_add", 0)), "OK");
  EXPECT_NE(Post(port, "/model/tensor_add:predict", body).find("404 "), std::string::npos);
  EXPECT_EQ(Text(mirin_server_remove(server.get(), "tensor_add", 0)),
            "NOT_FOUND: servable 'tensor_add' is not served");
}

TEST(Server, WaitsUntilItIsStopped) {
  const ServerPtr server = NewServer();
  const int32_t port = ListenHttp(server.get());
  std::thread waiter([&] { mirin_server_wait(server.get()); });
  EXPECT_NE(Get(port, "/v2/health/live").find("200 OK"), std::string::npos);
  mirin_server_stop(server.get(), 1000000);
  waiter.join();
  EXPECT_EQ(Get(port, "/v2/health/live"), "not connected");
  mirin_server_stop(server.get(), 0);
  const std::string directory = Place("tensor_add");
  EXPECT_EQ(Add(server.get(), directory, "tensor_add"), "CANCELLED: the server was stopped");
  EXPECT_STREQ(mirin_server_status(server.get()), "[]");
}

TEST(Server, OptionsAreChecked) {
  const ServerPtr server = NewServer();
  EXPECT_EQ(Text(mirin_server_set(server.get(), "max_queue", "5")), "OK");
  EXPECT_EQ(Text(mirin_server_set(server.get(), "nothing", "5")),
            "INVALID_ARGUMENT: there is no option 'nothing'");
  for (const auto& [name, value] :
       std::vector<std::pair<const char*, const char*>>{{"max_queue", "0"},
                                                        {"max_queue", "x"},
                                                        {"model_control", "maybe"},
                                                        {"python", ""},
                                                        {"header_timeout_seconds", "-1"},
                                                        {"header_timeout_seconds", "nan"},
                                                        {"always_ok", "2"},
                                                        {"trace_rate", "2"},
                                                        {"log_level", "loud"}}) {
    EXPECT_EQ(Text(mirin_server_set(server.get(), name, value)).rfind("INVALID_ARGUMENT", 0), 0u)
        << name << " " << value;
  }
  ListenHttp(server.get());
  EXPECT_EQ(Text(mirin_server_set(server.get(), "max_queue", "7")), "OK");
  EXPECT_EQ(
      Text(mirin_server_set(server.get(), "threads", "1")),
      "FAILED_PRECONDITION: option 'threads' must be set before the first servable and address");
}

TEST(Server, ServablesAreChecked) {
  const std::string directory = Place("tensor_add");
  const ServerPtr server = NewServer();
  EXPECT_EQ(Add(server.get(), directory, "nothing")
                .rfind("NOT_FOUND: Check servable config failed, directory '", 0),
            0u);
  EXPECT_EQ(Add(server.get(), directory, "../x").rfind("INVALID_ARGUMENT", 0), 0u);
  EXPECT_EQ(Add(server.get(), directory, "tensor_add", "short")
                .rfind("INVALID_ARGUMENT: key_size is 5", 0),
            0u);
  mirin_servable_options options = MIRIN_SERVABLE_OPTIONS_INIT;
  options.directory = directory.c_str();
  options.name = "tensor_add";
  options.device_type = "GPU";
  EXPECT_EQ(Text(mirin_server_add(server.get(), &options, 1)),
            "INVALID_ARGUMENT: The device type 'gpu' of servable name tensor_add is inconsistent "
            "with current running environment, supported device "
            "type: None or 'Cpu'");
  options.struct_size = 1;
  EXPECT_EQ(Text(mirin_server_add(server.get(), &options, 1)).rfind("INVALID_ARGUMENT", 0), 0u);
  mirin_servable_options twice[2] = {MIRIN_SERVABLE_OPTIONS_INIT, MIRIN_SERVABLE_OPTIONS_INIT};
  for (mirin_servable_options& one : twice) {
    one.directory = directory.c_str();
    one.name = "tensor_add";
  }
  EXPECT_EQ(Text(mirin_server_add(server.get(), twice, 2))
                .rfind("INVALID_ARGUMENT: servable tensor_add", 0),
            0u);
  EXPECT_EQ(Text(mirin_server_add(server.get(), nullptr, 1)),
            "INVALID_ARGUMENT: servables is NULL");
}

TEST(Server, EncryptedModels) {
  const std::string directory = Place("tensor_add_gcm");
  const ServerPtr server = NewServer();
  EXPECT_EQ(Add(server.get(), directory, "tensor_add_gcm").rfind("FAILED_PRECONDITION", 0), 0u);
  EXPECT_EQ(Add(server.get(), directory, "tensor_add_gcm", "0000000000000000", MIRIN_CIPHER_AES_GCM)
                .rfind("PERMISSION_DENIED", 0),
            0u);
}

TEST(Server, NothingForNull) {
  mirin_server_wait(nullptr);
  mirin_server_stop(nullptr, 0);
  mirin_server_destroy(nullptr);
  EXPECT_EQ(mirin_server_status(nullptr), nullptr);
  EXPECT_EQ(mirin_server_metrics(nullptr), nullptr);
  const ServerPtr server = NewServer();
  mirin_listen_options options = MIRIN_LISTEN_OPTIONS_INIT;
  EXPECT_EQ(Text(mirin_server_listen_http(server.get(), &options, nullptr)),
            "INVALID_ARGUMENT: address is NULL");
  options.address = "nowhere";
  EXPECT_EQ(
      Text(mirin_server_listen_http(server.get(), &options, nullptr)).rfind("INVALID_ARGUMENT", 0),
      0u);
  EXPECT_EQ(
      Text(mirin_server_listen_grpc(server.get(), &options, nullptr)).rfind("INVALID_ARGUMENT", 0),
      0u);
  EXPECT_EQ(Text(mirin_server_listen_grpc(nullptr, &options, nullptr)),
            "INVALID_ARGUMENT: server is NULL");
}

}  // namespace
}  // namespace mirin::testing
