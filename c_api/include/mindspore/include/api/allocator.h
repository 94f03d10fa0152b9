// Source compatibility with MindSpore Lite's C++ API: the interface of memory allocators. A tensor
// keeps one for the caller; a device whose context has one is refused.
#ifndef MINDSPORE_INCLUDE_API_ALLOCATOR_H
#define MINDSPORE_INCLUDE_API_ALLOCATOR_H

#include <cstddef>
#include <memory>

#include "include/api/types.h"

namespace mindspore {

class Allocator {
 public:
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

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_ALLOCATOR_H
