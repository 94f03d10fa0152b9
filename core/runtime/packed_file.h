// Named runs of bytes in one file of a CacheDirectory, each with a checksum; the file is for one purpose, which a text tells.
//
// The bytes of a file are untrusted: every offset is checked, and what does not fit its checksum is not there.
#ifndef CORE_RUNTIME_PACKED_FILE_H_
#define CORE_RUNTIME_PACKED_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/file.h"
#include "core/runtime/cache_directory.h"

namespace mirin::runtime {

// Notices damage, not intent.
uint64_t Checksum(absl::string_view bytes);

struct PackedRun {
  std::shared_ptr<const void> data;
  size_t bytes = 0;
  uint64_t checksum = 0;
};
using PackedRuns = absl::flat_hash_map<std::string, PackedRun>;

// The runs of a file, which they keep mapped, 64-byte aligned; their checksums are not compared yet. DataLoss for a damaged file,
// FailedPrecondition for one with another purpose, and what CacheDirectory::Map returns. `stamp`, unless null: which file it was.
absl::StatusOr<PackedRuns> ReadPackedFile(const CacheDirectory& directory, const std::string& name,
                                          absl::string_view purpose, FileStamp* stamp = nullptr);

absl::Status WritePackedFile(const CacheDirectory& directory, const std::string& name,
                             absl::string_view purpose, const PackedRuns& runs);

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_PACKED_FILE_H_
