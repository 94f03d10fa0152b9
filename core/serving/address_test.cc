#include "core/serving/address.h"

#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

std::string Error(absl::string_view address, bool allow_zero = false) {
  const absl::StatusOr<Address> parsed = ParseAddress("Serving gRPC", address, allow_zero);
  return parsed.ok() ? "ok" : std::string(parsed.status().message());
}

TEST(Address, HostsAndPorts) {
  Address parsed = *ParseAddress("Serving gRPC", "127.0.0.1:5500", false);
  EXPECT_EQ(parsed.host, "127.0.0.1");
  EXPECT_EQ(parsed.port, 5500);
  EXPECT_FALSE(parsed.is_unix);
  parsed = *ParseAddress("Serving gRPC", "[::1]:0", true);
  EXPECT_EQ(parsed.host, "::1");
  EXPECT_EQ(parsed.port, 0);
  EXPECT_EQ(ParseAddress("Serving gRPC", "unix:a/b", false)->path, "a/b");
  EXPECT_EQ(ParseAddress("Serving gRPC", "unix:///a/b", false)->path, "/a/b");
  EXPECT_TRUE(ParseAddress("Serving gRPC", "unix:a", false)->is_unix);
}

TEST(Address, SaysWhatIsWrong) {
  EXPECT_EQ(Error("127.0.0.1"), "The format of the Serving gRPC address '127.0.0.1' is illegal");
  EXPECT_EQ(Error("::1:5"), "The format of the Serving gRPC address '::1:5' is illegal");
  EXPECT_EQ(Error("[]:5"), "The format of the Serving gRPC address '[]:5' is illegal");
  EXPECT_EQ(Error(":5500"), "Missing ip or port of the Serving gRPC address ':5500'");
  EXPECT_EQ(Error("h:"), "Missing ip or port of the Serving gRPC address 'h:'");
  EXPECT_EQ(Error("h:x"), "The type of Serving gRPC address 'h:x' port is not a number");
  EXPECT_EQ(Error("h:-1"), "The type of Serving gRPC address 'h:-1' port is not a number");
  const std::string range = "is out of legal range [1 ~ 65535]";
  EXPECT_EQ(Error("h:0"), "The port of the Serving gRPC address 'h:0' " + range);
  EXPECT_EQ(Error("h:65536", true), "The port of the Serving gRPC address 'h:65536' " + range);
  EXPECT_EQ(Error("h:99999999999999", true),
            "The port of the Serving gRPC address 'h:99999999999999' " + range);
  EXPECT_EQ(Error("h:0", true), "ok");
  EXPECT_EQ(Error("unix:"), "Empty grpc server unix domain socket address");
  EXPECT_NE(Error("unix:" + std::string(108, 'a')), "ok");
  EXPECT_EQ(ParseAddress("RESTful server", "x", false).status().message(),
            "The format of the RESTful server address 'x' is illegal");
}

TEST(Address, RemovesOnlyTheSocketsOfTheDead) {
  std::string directory = testing::TempDir() + "/sXXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  ASSERT_EQ(chdir(directory.c_str()), 0);  // test folders may have long names
  EXPECT_TRUE(RemoveStaleSocket("s").ok());

  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  address.sun_path[0] = 's';
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_EQ(RemoveStaleSocket("s").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(access("s", F_OK), 0);
  close(fd);
  EXPECT_TRUE(RemoveStaleSocket("s").ok());
  EXPECT_NE(access("s", F_OK), 0);

  fclose(fopen("s", "w"));
  EXPECT_EQ(RemoveStaleSocket("s").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(access("s", F_OK), 0);
}

TEST(SocketFile, RemovesOnlyItsOwn) {
  std::string directory = testing::TempDir() + "/fXXXXXX";
  ASSERT_NE(mkdtemp(&directory[0]), nullptr);
  const std::string path = directory + "/s", other = directory + "/other";
  const auto make = [](const std::string& name) { fclose(fopen(name.c_str(), "w")); };
  make(path);
  {
    SocketFile file;
    ASSERT_TRUE(file.Own(path).ok());
  }
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  make(path);
  {
    SocketFile file;
    ASSERT_TRUE(file.Own(path).ok());
    make(other);
    ASSERT_EQ(rename(other.c_str(), path.c_str()), 0);
  }
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  EXPECT_FALSE(SocketFile().Own(directory + "/none").ok());
  unlink(path.c_str());
  rmdir(directory.c_str());
}

}  // namespace
}  // namespace mirin::serving
