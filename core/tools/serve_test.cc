#include "core/tools/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "core/tools/secret_file.h"
#include "core/tools/servables.h"
#include "mirin/server.h"

// A server that only remembers what it was told.
struct mirin_server {
  absl::Notification stopped;
};

namespace {

struct Calls {
  std::map<std::string, std::string> options;
  std::vector<std::string> servables;  // "directory name version workers devices key"
  std::vector<std::string> grpc, http;
  std::string tls;
  int64_t drain_us = -1;
  int signals = 1;  // that come while it serves
};
Calls* g_calls = nullptr;

mirin_status* Listen(std::vector<std::string>* to, const mirin_listen_options* options,
                     int32_t* port) {
  to->push_back(options->address);
  if (options->certificate != nullptr) {
    g_calls->tls = absl::StrCat(options->certificate, options->private_key,
                                options->client_ca == nullptr ? "" : options->client_ca);
  }
  *port = 4711;
  return nullptr;
}

}  // namespace

mirin_status* mirin_server_create(mirin_server** out) {
  *out = new mirin_server();
  return nullptr;
}
mirin_status* mirin_server_set(mirin_server*, const char* name, const char* value) {
  g_calls->options[name] = value;
  return nullptr;
}
mirin_status* mirin_server_add(mirin_server*, const mirin_servable_options* servables, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const mirin_servable_options& s = servables[i];
    g_calls->servables.push_back(absl::StrCat(
        s.directory, " ", s.name, " ", s.version, " ", s.workers, " ", s.num_device_ids, " ",
        std::string(static_cast<const char*>(s.key), s.key_size)));
  }
  return nullptr;
}
mirin_status* mirin_server_remove(mirin_server*, const char*, uint64_t) { return nullptr; }
mirin_status* mirin_server_listen_grpc(mirin_server*, const mirin_listen_options* options,
                                       int32_t* port) {
  return Listen(&g_calls->grpc, options, port);
}
mirin_status* mirin_server_listen_http(mirin_server*, const mirin_listen_options* options,
                                       int32_t* port) {
  return Listen(&g_calls->http, options, port);
}
void mirin_server_wait(mirin_server* server) {
  for (int i = 0; i < g_calls->signals; ++i) raise(SIGTERM);
  server->stopped.WaitForNotification();
}
void mirin_server_stop(mirin_server* server, int64_t drain_us) {
  g_calls->drain_us = drain_us;
  server->stopped.Notify();
}
void mirin_server_destroy(mirin_server* server) { delete server; }

namespace mirin::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
namespace fs = std::filesystem;

void Write(const fs::path& path, const std::string& text, mode_t mode = 0600) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

class ServeTest : public ::testing::Test {
 protected:
  ServeTest() {
    g_calls = &calls_;
    std::string name = ::testing::TempDir() + "/serveXXXXXX";
    dir_ = fs::canonical(mkdtemp(name.data()));
    Write(dir_ / "add" / "servable_config.py", "");
    Write(dir_ / "net" / "1" / "net.mindir", "x");
    Write(dir_ / "notes" / "readme.txt", "");
    Write(dir_ / "empty" / "01" / "net.mindir", "");  // no number of a version
  }
  ~ServeTest() override {
    fs::remove_all(dir_);
    g_calls = nullptr;
  }

  int Run(std::vector<std::string> args) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = Serve(args);
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return status;
  }

  Calls calls_;
  fs::path dir_;
  std::string out_, err_;
};

TEST_F(ServeTest, ServesAServableUntilASignalAndDrains) {
  EXPECT_EQ(Run({(dir_ / "add").string() + "/", "--grpc=127.0.0.1:0", "--http",
                 "127.0.0.1:0,unix:/x", "--drain-seconds=2.5", "--workers=3", "--device-ids=0,1",
                 "--max-queue=9", "--log-format=json", "--set=threads=2,io_threads=1"}),
            0)
      << err_;
  EXPECT_THAT(calls_.servables, ElementsAre(dir_.string() + " add 0 3 2 "));
  EXPECT_THAT(calls_.options,
              UnorderedElementsAre(Pair("repository", dir_.string()), Pair("max_queue", "9"),
                                   Pair("log_format", "json"), Pair("threads", "2"),
                                   Pair("io_threads", "1")));
  EXPECT_EQ(out_, "grpc 127.0.0.1:4711\nhttp 127.0.0.1:4711\nhttp unix:/x\nserving add\n");
  EXPECT_EQ(calls_.drain_us, 2500000);
}

TEST_F(ServeTest, ServesAllOrTheNamed) {
  EXPECT_EQ(Run({dir_.string(), "--all"}), 0) << err_;
  EXPECT_THAT(calls_.servables,
              ElementsAre(dir_.string() + " add 0 0 0 ", dir_.string() + " net 0 0 0 "));
  EXPECT_THAT(calls_.grpc, ElementsAre("127.0.0.1:8001"));
  EXPECT_THAT(calls_.http, ElementsAre("127.0.0.1:8000"));
  calls_ = Calls();
  EXPECT_EQ(Run({dir_.string(), "--name=net", "--version=1", "--http=[::1]:0"}), 0) << err_;
  EXPECT_THAT(calls_.servables, ElementsAre(dir_.string() + " net 1 0 0 "));
  EXPECT_THAT(calls_.grpc, ElementsAre());
  EXPECT_THAT(out_, HasSubstr("http [::1]:4711\n"));
}

TEST_F(ServeTest, StartsEmptyWhenServablesMayCome) {
  EXPECT_EQ(Run({dir_.string(), "--model-control=explicit"}), 0) << err_;
  EXPECT_THAT(calls_.servables, ElementsAre());
  EXPECT_EQ(calls_.options["model_control"], "explicit");
}

TEST_F(ServeTest, TakesKeysFromFilesOfTheirOwner) {
  const std::string key(16, 'k');
  Write(dir_ / "key", key + "\n");
  EXPECT_EQ(Run({dir_.string(), "--name=net", "--key-file", (dir_ / "key").string()}), 0) << err_;
  EXPECT_THAT(calls_.servables, ElementsAre(dir_.string() + " net 0 0 0 " + key));
  Write(dir_ / "key", key, 0640);
  EXPECT_EQ(Run({dir_.string(), "--name=net", "--key-file", (dir_ / "key").string()}), 1);
  EXPECT_THAT(err_, HasSubstr("chmod 600"));
  EXPECT_EQ(ReadKeyFile((dir_ / "key").string()).status().code(),
            absl::StatusCode::kPermissionDenied);
  Write(dir_ / "key", "short");
  EXPECT_EQ(ReadKeyFile((dir_ / "key").string()).status().code(),
            absl::StatusCode::kInvalidArgument);
  Write(dir_ / "key", std::string(40, 'k'));
  EXPECT_EQ(ReadKeyFile((dir_ / "key").string()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadKeyFile(dir_.string()).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadKeyFile((dir_ / "none").string()).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ServeTest, ReadsCertificates) {
  Write(dir_ / "cert", "C", 0644);
  Write(dir_ / "key", "K");
  Write(dir_ / "ca", "A", 0644);
  EXPECT_EQ(Run({dir_.string(), "--all", "--tls-cert", (dir_ / "cert").string(), "--tls-key",
                 (dir_ / "key").string(), "--tls-client-ca", (dir_ / "ca").string()}),
            0)
      << err_;
  EXPECT_EQ(calls_.tls, "CKA");
  EXPECT_EQ(Run({dir_.string(), "--all", "--tls-cert", (dir_ / "none").string(), "--tls-key",
                 (dir_ / "key").string()}),
            1);
}

TEST_F(ServeTest, SaysWhatIsWrong) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("--drain-seconds"));
  const std::string dir = dir_.string();
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {dir},  // no servable, none chosen
           {dir + "/none", "--all"},
           {dir + "/notes", "--all"},
           {dir, "--all", "--name=add"},
           {dir, "--name=add,add"},
           {dir, "--all", "--version=1"},
           {dir, "--all", "--workers=-1"},
           {dir, "--all", "--device-ids=a"},
           {dir, "--all", "--grpc="},
           {dir, "--all", "--drain-seconds=-1"},
           {dir, "--all", "--tls-cert=x"},
           {dir, "--all", "--tls-client-ca=x"},
           {dir, "--all", "--set=threads"},
           {dir, "--all", "--model-control=often"},
       }) {
    EXPECT_EQ(Run(args), 2) << args.back();
    EXPECT_THAT(err_, HasSubstr("mirin serve: ")) << args.back();
  }
  EXPECT_THAT(calls_.servables, ElementsAre());
}

using ServeDeathTest = ServeTest;

TEST_F(ServeDeathTest, TheSecondSignalEndsItAtOnce) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  calls_.signals = 2;
  EXPECT_EXIT(Serve({dir_.string(), "--all"}), ::testing::ExitedWithCode(128 + SIGTERM), "");
}

}  // namespace
}  // namespace mirin::tools
