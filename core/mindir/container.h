// The encryption container that MindSpore wraps around MindIR files (AES-GCM, AES-CBC, SM4-CBC by blocks).
#ifndef CORE_MINDIR_CONTAINER_H_
#define CORE_MINDIR_CONTAINER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/mindir/reader.h"

namespace mirin::mindir {

// True when the bytes begin like a container.
bool IsContainer(absl::string_view bytes);

// The plain bytes; wiped from memory when the last owner lets go. Codes as in reader.h. CBC has no authentication: a wrong
// key is noticed by its padding or by the parser.
absl::StatusOr<std::shared_ptr<const std::string>> Decrypt(absl::string_view bytes,
                                                           const std::string& key, CipherMode mode);

// A container of 64 MiB blocks with random IVs. InvalidArgument for a key length that the mode does not take.
absl::StatusOr<std::string> Encrypt(absl::string_view plain, const std::string& key,
                                    CipherMode mode);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_CONTAINER_H_
