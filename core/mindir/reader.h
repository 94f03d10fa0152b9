// Reads MindIR files into ir::Module.
//
// Accepts what MindSpore 1.5 to 2.10 and the MindSpore Lite converter write: plain or encrypted, with weights inside or in
// external files. The result holds tensor values only: tuples, closures, monads, Load/Depend and the three operand dialects
// are resolved by core/mindir/lower.h; every node is normalised by its op's schema. Weights are spans into the mapped file,
// which the tensors keep alive.
//
// Bytes are untrusted: sizes, counts and depths are checked against Limits before memory is taken, and each failure names
// the file and the node, parameter or offset.
#ifndef CORE_MINDIR_READER_H_
#define CORE_MINDIR_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/file.h"
#include "core/ir/graph.h"
#include "core/mindir/limits.h"

namespace mirin::mindir {

enum class CipherMode {
  kNone,  // with a key: taken from the container's magic number
  kAesGcm,
  kAesCbc,
  kSm4Cbc,
};

// A node that cannot run. The reason does not name it.
struct NodeProblem {
  std::string node;  // its scope name, or its name in the file
  std::string op;
  absl::Status status;
};

// What a file has, for telling everything that is wrong with it.
struct Inspection {
  int64_t nodes = 0;  // without constants
  std::vector<NodeProblem> problems;
};

// The bytes that a module was read from, the model first, then its weight files; weights that are spans of them have their owner.
struct Sources {
  std::vector<FileBytes> files;
  bool encrypted = false;  // one of them was: the bytes are secret
};

struct ReadOptions {
  // Key bytes: 16, 24 or 32 for AES, 16 for SM4. Empty for plain files.
  std::string key;
  // Refused when the container says another mode.
  CipherMode mode = CipherMode::kNone;
  Limits limits;
  // Where ReadBuffer looks for weight files; empty: such models cannot be read from memory.
  std::string weights_directory;
  // Not null: reading goes on behind nodes that cannot run, which are listed here; nodes that need
  // their results are not judged. The result is then the first of them as an error. Each reading
  // starts the lists anew.
  Inspection* inspection = nullptr;
  // Not null: gets what was read.
  Sources* sources = nullptr;
};

// NotFound when the file or one of its weight files does not exist, FailedPrecondition for an encrypted file without key,
// PermissionDenied for a wrong key, DataLoss for damaged bytes, Unimplemented for features or operators not supported,
// ResourceExhausted for a limit.
absl::StatusOr<std::unique_ptr<ir::Module>> ReadFile(const std::string& path,
                                                     const ReadOptions& options);

// The same from memory that `owner` keeps alive (null: the bytes are copied first). Models with
// external weight files need ReadOptions::weights_directory, as nothing else says where they are.
absl::StatusOr<std::unique_ptr<ir::Module>> ReadBuffer(absl::string_view bytes,
                                                       std::shared_ptr<const void> owner,
                                                       const ReadOptions& options);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_READER_H_
