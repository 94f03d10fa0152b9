// Packed weights of a model on disk, so that the next process need not pack them again.
//
// An entry is found by what the model's files contain, by what backends say that packing depends on, and by the build of this library.
// The digest of a large file is kept beside the entries, under the file's identity and times, so that it is computed once; so is which
// runs of an entry fitted their checksums since the system started. Nothing that goes wrong with an entry is an error of the model:
// weights are packed then, as without a cache.
#ifndef CORE_RUNTIME_MODEL_CACHE_H_
#define CORE_RUNTIME_MODEL_CACHE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/backend/weight_cache.h"
#include "core/mindir/reader.h"
#include "core/runtime/cache_directory.h"
#include "core/runtime/packed_file.h"

namespace mirin::runtime {

// An entry: what it had, and what was packed since. Thread-safe.
class PackedWeights final : public PackedStore {
 public:
  // `now`: as the times of a stamp.
  PackedWeights(std::shared_ptr<const CacheDirectory> directory,
                std::shared_ptr<const mindir::Sources> sources, std::string name,
                std::string purpose, int64_t now);

  std::shared_ptr<const void> Find(const ir::Value& constant, const std::string& key,
                                   size_t bytes) override;
  void Keep(const ir::Value& constant, const std::string& key, std::shared_ptr<const void> data,
            size_t bytes) override;
  // Writes the entry if something was packed since the last time, or else which of its runs were found good.
  void Flush();

 private:
  struct Run {
    PackedRun run;
    bool checked = false;  // the bytes fit the checksum
    bool used = false;     // here
    bool fresh = false;    // packed here
  };

  std::string NameOf(const ir::Value& constant, const std::string& key) const;
  // All that the entry shall have.
  PackedRuns Wanted() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::string> Checked() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::shared_ptr<const CacheDirectory> directory_;
  const std::shared_ptr<const mindir::Sources> sources_;
  const std::string name_, purpose_;
  const int64_t opened_;
  FileStamp stamp_;  // of the entry when it was opened
  absl::Mutex flush_mutex_;
  absl::Mutex mutex_;
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
  bool replaced_ ABSL_GUARDED_BY(mutex_) = false;    // by another entry than was opened
  bool noteworthy_ ABSL_GUARDED_BY(mutex_) = false;  // a run was checked since the last note
  absl::flat_hash_map<std::string, Run> runs_ ABSL_GUARDED_BY(mutex_);
};

// The SHA-256 of a file, 32 bytes: the one kept for its stamp, or a new one, which is kept if the file has not changed lately. `now`: as
// the times of a stamp.
std::string DigestOf(const CacheDirectory& directory, const FileBytes& file, int64_t now);

// The runs of an entry that were noted for its stamp since the system started: what was found good then is still in its page cache, or
// was written out of it. Files are not forced to the disk, so that a crash may leave others under the same stamp.
std::vector<std::string> NotedRuns(const CacheDirectory& directory, const std::string& entry,
                                   const FileStamp& stamp, int64_t now);
// Does nothing if the entry has changed lately.
void NoteRuns(const CacheDirectory& directory, const std::string& entry, const FileStamp& stamp,
              int64_t now, const std::vector<std::string>& names);

class ModelCache {
 public:
  // `variant`: what makes other weights of the same files.
  ModelCache(std::shared_ptr<const CacheDirectory> directory,
             std::shared_ptr<const mindir::Sources> sources, std::string variant);

  // The entry for backends that pack as `packing` says; null where it cannot be told from others.
  std::shared_ptr<PackedWeights> Open(absl::string_view packing) const;

 private:
  const std::shared_ptr<const CacheDirectory> directory_;
  const std::shared_ptr<const mindir::Sources> sources_;
  const std::string variant_;
};

}  // namespace mirin::runtime

#endif  // CORE_RUNTIME_MODEL_CACHE_H_
