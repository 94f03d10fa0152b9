#include "core/tools/secret_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::tools {

absl::StatusOr<Secret> ReadSecretFile(const std::string& path, size_t most) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open '", path, "'"));
  struct stat info = {};
  std::string text(most + 1, '\0');
  absl::Status status;
  ssize_t got = 0;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    status = absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
  } else if ((info.st_mode & 077) != 0) {
    status = absl::PermissionDeniedError(
        absl::StrCat("'", path, "' may be used by others than its owner: chmod 600 it"));
  } else if (info.st_uid != geteuid() && info.st_uid != 0) {
    status = absl::PermissionDeniedError(absl::StrCat("'", path, "' belongs to somebody else"));
  } else {
    size_t size = 0;
    while (size < text.size() && (got = read(fd, text.data() + size, text.size() - size)) > 0) {
      size += static_cast<size_t>(got);
    }
    if (got < 0) status = absl::ErrnoToStatus(errno, absl::StrCat("cannot read '", path, "'"));
    if (size > most) {
      status =
          absl::InvalidArgumentError(absl::StrCat("'", path, "' has more than ", most, " bytes"));
    }
    text.resize(size);
  }
  close(fd);
  Secret secret(std::move(text));
  if (!status.ok()) return status;
  return secret;
}

absl::StatusOr<Secret> ReadKeyFile(const std::string& path) {
  MIRIN_ASSIGN_OR_RETURN(Secret secret, ReadSecretFile(path, 33));
  size_t size = secret.text().size();
  const auto is_key = [](size_t n) { return n == 16 || n == 24 || n == 32; };
  if (!is_key(size) && is_key(size - 1) && secret.text().back() == '\n') --size;
  if (!is_key(size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the key in '", path, "' has ", size, " bytes, not 16, 24 or 32"));
  }
  return Secret(secret.text().substr(0, size));
}

}  // namespace mirin::tools
