// Weights in the form that kernels want, shared by all sessions of a model.
#ifndef CORE_BACKEND_WEIGHT_CACHE_H_
#define CORE_BACKEND_WEIGHT_CACHE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/ir/graph.h"

namespace mirin {

// Where packed bytes outlive the process. Thread-safe.
class PackedStore {
 public:
  virtual ~PackedStore() = default;
  // The bytes kept under (constant, key): null when there are none, not of this size, or damaged.
  virtual std::shared_ptr<const void> Find(const ir::Value& constant, const std::string& key,
                                           size_t bytes) = 0;
  // Takes bytes that nothing changes any more.
  virtual void Keep(const ir::Value& constant, const std::string& key,
                    std::shared_ptr<const void> data, size_t bytes) = 0;
};

// Thread-safe.
class WeightCache {
 public:
  // The object stored under (constant, key), made by `make` if there is none yet. `key` says everything that it depends on besides
  // the constant. `make` may run twice when two threads race; one result wins.
  template <typename T>
  absl::StatusOr<std::shared_ptr<const T>> GetOrMake(
      const ir::Value* constant, const std::string& key,
      const std::function<absl::StatusOr<std::shared_ptr<const T>>()>& make) {
    if (auto found = Find(constant, key)) return std::static_pointer_cast<const T>(found);
    absl::StatusOr<std::shared_ptr<const T>> made = make();
    if (!made.ok()) return made.status();
    return std::static_pointer_cast<const T>(Insert(constant, key, *std::move(made)));
  }

  // The same for bytes: `fill` writes all of them, or fails with what is returned then. `whole`: they depend on the constant and the
  // key alone; then they come from the store where it has them, so that `key` must also tell instruction sets apart
  // ("onednn:conv:<format>", "gemm:avx512:768x768").
  absl::StatusOr<std::shared_ptr<const void>> GetOrPack(
      const ir::Value* constant, bool whole, const std::string& key, size_t bytes,
      absl::FunctionRef<absl::Status(void*)> fill);

  // Memory for a packed form: 64-byte aligned, null when it cannot be had. Weights of middle size share large pages, which are
  // given back when the last of them goes.
  std::shared_ptr<void> Allocate(size_t bytes);
  // Memory to work in while packing, as aligned, null when it cannot be had: one piece serves many times, until DropScratch.
  std::shared_ptr<void> Scratch(size_t bytes);
  void DropScratch();

  // Before the first weight is packed. `store` may be null.
  void set_store(std::shared_ptr<PackedStore> store) { store_ = std::move(store); }

  // Weights that were packed here, and those that came from the store.
  struct Counts {
    int packed = 0;
    int reused = 0;
  };
  Counts counts() const;

 private:
  std::shared_ptr<const void> Find(const ir::Value* constant, const std::string& key) const;
  // What is stored in the end: `object`, or that of a faster thread.
  std::shared_ptr<const void> Insert(const ir::Value* constant, const std::string& key,
                                     std::shared_ptr<const void> object);

  std::shared_ptr<PackedStore> store_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<void> slab_ ABSL_GUARDED_BY(mutex_);
  size_t slab_used_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t slab_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t total_ ABSL_GUARDED_BY(mutex_) = 0;  // given out of slabs
  std::shared_ptr<void> scratch_ ABSL_GUARDED_BY(mutex_);
  size_t scratch_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::pair<const ir::Value*, std::string>, std::shared_ptr<const void>> packed_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace mirin

#endif  // CORE_BACKEND_WEIGHT_CACHE_H_
