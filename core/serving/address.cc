#include "core/serving/address.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mirin::serving {
namespace {

absl::StatusOr<Address> ParseUnix(absl::string_view tag, absl::string_view path) {
  if (absl::StartsWith(path, "///")) path.remove_prefix(2);  // unix:///a/b
  if (path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Empty ", tag == "Serving gRPC" ? "grpc server" : tag, " unix domain socket address"));
  }
  if (path.size() >= sizeof(sockaddr_un{}.sun_path) || path.find('\0') != path.npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The path of the ", tag, " unix domain socket '", path, "' is illegal: it may have ",
        sizeof(sockaddr_un{}.sun_path) - 1, " characters"));
  }
  Address parsed;
  parsed.is_unix = true;
  parsed.path = std::string(path);
  return parsed;
}

}  // namespace

absl::StatusOr<Address> ParseAddress(absl::string_view tag, absl::string_view address,
                                     bool allow_port_zero) {
  absl::string_view rest = address;
  if (absl::ConsumePrefix(&rest, "unix:")) return ParseUnix(tag, rest);

  const auto error = [&](absl::string_view before, absl::string_view after) {
    return absl::InvalidArgumentError(
        absl::StrCat(before, tag, " address '", address, "' ", after));
  };
  const size_t colon = address.rfind(':');
  if (colon == address.npos) return error("The format of the ", "is illegal");
  absl::string_view host = address.substr(0, colon);
  const absl::string_view port = address.substr(colon + 1);
  if (host.empty() || port.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Missing ip or port of the ", tag, " address '", address, "'"));
  }
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return error("The format of the ", "is illegal");
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ':')) {  // an IPv6 address needs brackets
    return error("The format of the ", "is illegal");
  }
  if (host.find_first_of(absl::string_view("[]/%\0", 5)) != host.npos)
    return error("The format of the ", "is illegal");

  if (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit))
    return error("The type of ", "port is not a number");
  uint32_t number;
  if (!absl::SimpleAtoi(port, &number) || number > 65535 || (number == 0 && !allow_port_zero)) {
    return error("The port of the ", "is out of legal range [1 ~ 65535]");
  }
  Address parsed;
  parsed.host = std::string(host);
  parsed.port = static_cast<uint16_t>(number);
  return parsed;
}

absl::Status RemoveStaleSocket(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();  // binding says what else is wrong
  if (!S_ISSOCK(info.st_mode))
    return absl::AlreadyExistsError(absl::StrCat("'", path, "' exists and is not a socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError("the path is too long");
  memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "socket");
  const bool refused = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
                       errno == ECONNREFUSED;
  close(fd);
  if (!refused)
    return absl::AlreadyExistsError(absl::StrCat("another server listens at '", path, "'"));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return absl::ErrnoToStatus(errno, path);
  return absl::OkStatus();
}

absl::Status SocketFile::Own(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return absl::ErrnoToStatus(errno, path);
  path_ = path;
  inode_ = info.st_ino;
  return absl::OkStatus();
}

void SocketFile::Remove() {
  struct stat info;
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_)
    ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace mirin::serving
