// Source compatibility with MindSpore Lite's C++ API: memory allocators. A tensor keeps one for the
// caller; a model is not built on a device whose allocator is another than Allocator::Create gives.
#ifndef MINDSPORE_INCLUDE_API_ALLOCATOR_H
#define MINDSPORE_INCLUDE_API_ALLOCATOR_H

#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

#include "include/api/types.h"

namespace mindspore {

class Allocator {
 public:
  // The C library's memory. Thread-safe.
  static std::shared_ptr<Allocator> Create();
  virtual ~Allocator() = default;
  virtual void* Malloc(size_t size) = 0;
  virtual void* Malloc(size_t weight, size_t height, DataType type) = 0;
  virtual void Free(void* pointer) = 0;
  virtual int RefCount(void* pointer) = 0;
  virtual int SetRefCount(void* pointer, int count) = 0;
  virtual int DecRefCount(void* pointer, int count) = 0;
  virtual int IncRefCount(void* pointer, int count) = 0;
  virtual void* Prepare(void* pointer) { return pointer; }
};

namespace internal {

class HeapAllocator : public Allocator {
 public:
  void* Malloc(size_t size) override { return std::malloc(size); }
  void* Malloc(size_t, size_t, DataType) override { return nullptr; }  // images of a GPU
  void Free(void* pointer) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    counts_.erase(pointer);
    std::free(pointer);
  }
  int RefCount(void* pointer) override { return Change(pointer, 0); }
  int SetRefCount(void* pointer, int count) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return counts_[pointer] = count;
  }
  int DecRefCount(void* pointer, int count) override { return Change(pointer, -count); }
  int IncRefCount(void* pointer, int count) override { return Change(pointer, count); }

 private:
  int Change(void* pointer, int by) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return counts_[pointer] += by;
  }
  std::mutex mutex_;
  std::map<void*, int> counts_;
};

}  // namespace internal

inline std::shared_ptr<Allocator> Allocator::Create() {
  return std::make_shared<internal::HeapAllocator>();
}

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_ALLOCATOR_H
