// Writes an ir::Module as MindIR: what is read back computes the same bits.
//
// Operators are MindSpore's primitives. A node whose attributes all come after its tensor operands is written in the 2.0
// form (attributes in the primitive), any other in the 2.10 form (attributes as operands, file version 3). Operators whose
// summary says "(internal)" have no counterpart in MindSpore: only Mirin runs such a file.
#ifndef CORE_MINDIR_WRITER_H_
#define CORE_MINDIR_WRITER_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/ir/graph.h"
#include "core/mindir/reader.h"

namespace mirin::mindir {

struct WriteOptions {
  // Not empty: the file is encrypted; key lengths as in ReadOptions.
  std::string key;
  CipherMode mode = CipherMode::kAesGcm;
  // WriteFile puts weights into files of their own when together they are larger than this.
  size_t max_inline_weights = size_t{1} << 30;
};

// Unimplemented, naming the node or value, for what the format cannot say (string tensors of rank 1 or more).
absl::StatusOr<std::string> Write(const ir::Module& module, const WriteOptions& options);

// Writes PATH, or, with large weights, PATH's stem as STEM_graph.mindir and STEM_variables/data_0. Returns the path of the
// file to load. Files appear whole or not at all.
absl::StatusOr<std::string> WriteFile(const ir::Module& module, const std::string& path,
                                      const WriteOptions& options);

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_WRITER_H_
