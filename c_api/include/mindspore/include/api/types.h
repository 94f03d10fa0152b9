// Source compatibility with MindSpore Lite's C++ API: tensors and small types. Copies of an
// MSTensor share one tensor; one thread at a time changes it.
#ifndef MINDSPORE_INCLUDE_API_TYPES_H
#define MINDSPORE_INCLUDE_API_TYPES_H

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "include/api/data_type.h"
#include "include/api/format.h"
#include "include/api/status.h"

namespace mindspore {

// kMindIR_Opt is the earlier name of kMindIR_Lite.
enum ModelType : uint32_t {
  kMindIR = 0,
  kAIR = 1,
  kOM = 2,
  kONNX = 3,
  kMindIR_Lite = 4,
  kMindIR_Opt = 4,
  kUnknownType = 0xFFFFFFFF
};
enum QuantizationType : uint32_t {
  kNoQuant = 0,
  kWeightQuant = 1,
  kFullQuant = 2,
  kUnknownQuantType = 0xFFFFFFFF
};
enum OptimizationLevel : uint32_t {
  kO0 = 0,
  kO2 = 2,
  kO3 = 3,
  kAuto = 4,
  kOptimizationType = 0xFFFFFFFF
};

struct QuantParam {
  int bit_num = 8;
  double scale = 1;
  int32_t zero_point = 0;
  double min = 0;
  double max = 0;
};

constexpr char kDecModeAesGcm[] = "AES-GCM";

// A decryption key of up to 32 bytes.
struct Key {
  static constexpr size_t max_key_len = 32;
  size_t len = 0;
  unsigned char key[32] = {};
  Key() = default;
  explicit Key(const char* bytes, size_t size) : len(size < max_key_len ? size : max_key_len) {
    if (bytes != nullptr) std::memcpy(key, bytes, len);
  }
};

inline std::string Version() {
  return std::string("MindSpore Lite compatible, mirin ") + mirin_version_string();
}

class Allocator;  // include/api/allocator.h

class MSTensor {
 public:
  class Impl {
   public:
    std::string name;
    DataType type = DataType::kNumberTypeFloat32;
    std::vector<int64_t> shape;
    Format format = NCHW;
    std::shared_ptr<void> data;  // null: made when it is first written
    bool is_result = false;      // the data came of a run, not of the user
    std::vector<std::string> strings;
    std::vector<QuantParam> quant_params;
    void* device_data = nullptr;
    std::shared_ptr<Allocator> allocator;
    bool is_const = false;

    // 0 while an axis is unknown or when the number does not fit.
    int64_t Elements() const {
      int64_t n = 1;
      for (const int64_t size : shape) {
        if (size <= 0 || n > INT64_MAX / 16 / size) return 0;
        n *= size;
      }
      return n;
    }
    size_t Bytes() const {
      return static_cast<size_t>(Elements()) * mirin_dtype_size(static_cast<mirin_dtype>(type));
    }
    void* Mutable() {
      if (data == nullptr && Bytes() > 0) {
        data = std::shared_ptr<void>(std::calloc(1, Bytes()), std::free);
        is_result = false;
      }
      return data.get();
    }
    void Copy(const void* from) {
      if (Bytes() > 0 && Mutable() != nullptr) std::memcpy(data.get(), from, Bytes());
    }
  };

  MSTensor() : impl_(std::make_shared<Impl>()) {}
  explicit MSTensor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  MSTensor(std::nullptr_t) {}  // NOLINT: implicit as documented
  // Copies the data, which may be null: zeros. Equal to nullptr when data_len does not fit.
  MSTensor(const std::string& name, DataType type, const std::vector<int64_t>& shape,
           const void* data, size_t data_len)
      : MSTensor() {
    Fill(name, type, shape);
    if (data == nullptr) return;
    if (data_len == impl_->Bytes()) {
      impl_->Copy(data);
    } else {
      impl_ = nullptr;
    }
  }

  // Copies; null when data_len does not fit. Give results of Create* and Clone to DestroyTensorPtr.
  static MSTensor* CreateTensor(const std::string& name, DataType type,
                                const std::vector<int64_t>& shape, const void* data,
                                size_t data_len) noexcept {
    auto* tensor = new MSTensor(name, type, shape, nullptr, 0);
    if (data != nullptr && data_len != tensor->impl_->Bytes()) {
      delete tensor;
      return nullptr;
    }
    if (data != nullptr) tensor->impl_->Copy(data);
    return tensor;
  }
  // Refers to the caller's memory; with own_data it is freed with free().
  static MSTensor* CreateRefTensor(const std::string& name, DataType type,
                                   const std::vector<int64_t>& shape, const void* data,
                                   size_t data_len, bool own_data = true) noexcept {
    auto* tensor = new MSTensor(name, type, shape, nullptr, 0);
    if (data == nullptr || data_len != tensor->impl_->Bytes()) {
      delete tensor;
      return nullptr;
    }
    tensor->SetData(const_cast<void*>(data), own_data);
    return tensor;
  }
  // Memory of a device, by value. This build has none: a run refuses it.
  static MSTensor CreateDeviceTensor(const std::string& name, enum DataType type,
                                     const std::vector<int64_t>& shape, void* data,
                                     size_t /*data_len*/) noexcept {
    MSTensor tensor(name, type, shape, nullptr, 0);
    tensor.SetDeviceData(data);
    return tensor;
  }
  static MSTensor* CreateTensorFromFile(const std::string& file,
                                        DataType type = DataType::kNumberTypeUInt8,
                                        const std::vector<int64_t>& shape = {}) noexcept {
    std::ifstream in(file, std::ios::binary);
    if (!in) return nullptr;
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const size_t element = mirin_dtype_size(static_cast<mirin_dtype>(type));
    if (element == 0) return nullptr;
    const std::vector<int64_t> dims =
        shape.empty() ? std::vector<int64_t>{static_cast<int64_t>(bytes.size() / element)} : shape;
    return CreateTensor(file, type, dims, bytes.data(), bytes.size());
  }
  static MSTensor* StringsToTensor(const std::string& name,
                                   const std::vector<std::string>& strings) {
    auto* tensor = new MSTensor();
    tensor->Fill(name, DataType::kObjectTypeString, {static_cast<int64_t>(strings.size())});
    tensor->impl_->strings = strings;
    return tensor;
  }
  static std::vector<std::string> TensorToStrings(const MSTensor& tensor) {
    return tensor.impl_ == nullptr ? std::vector<std::string>() : tensor.impl_->strings;
  }
  static void DestroyTensorPtr(MSTensor* tensor) noexcept { delete tensor; }

  std::string Name() const { return impl_ == nullptr ? "" : impl_->name; }
  enum DataType DataType() const {
    return impl_ == nullptr ? mindspore::DataType::kTypeUnknown : impl_->type;
  }
  const std::vector<int64_t>& Shape() const {
    static const std::vector<int64_t> kNone;
    return impl_ == nullptr ? kNone : impl_->shape;
  }
  int64_t ElementNum() const { return impl_ == nullptr ? 0 : impl_->Elements(); }
  std::shared_ptr<const void> Data() const {
    return impl_ == nullptr ? nullptr : (impl_->Mutable(), impl_->data);
  }
  void* MutableData() { return impl_ == nullptr ? nullptr : impl_->Mutable(); }
  size_t DataSize() const { return impl_ == nullptr ? 0 : impl_->Bytes(); }
  bool IsConst() const { return impl_ != nullptr && impl_->is_const; }
  bool IsDevice() const { return impl_ != nullptr && impl_->device_data != nullptr; }
  MSTensor* Clone() const {
    if (impl_ == nullptr) return nullptr;
    auto copy = std::make_shared<Impl>(*impl_);
    copy->name += "_duplicate";
    copy->data = nullptr;
    copy->is_result = false;
    if (impl_->data != nullptr) copy->Copy(impl_->data.get());
    return new MSTensor(std::move(copy));
  }
  bool operator==(std::nullptr_t) const { return impl_ == nullptr; }
  bool operator!=(std::nullptr_t) const { return impl_ != nullptr; }
  bool operator==(const MSTensor& other) const { return impl_ == other.impl_; }
  bool operator!=(const MSTensor& other) const { return impl_ != other.impl_; }

  void SetShape(const std::vector<int64_t>& shape) {
    const size_t before = impl_->Bytes();
    impl_->shape = shape;
    if (impl_->Bytes() != before) impl_->data = nullptr;
  }
  void SetDataType(enum DataType type) {
    const size_t before = impl_->Bytes();
    impl_->type = type;
    if (impl_->Bytes() != before) impl_->data = nullptr;
  }
  void SetTensorName(const std::string& name) { impl_->name = name; }
  void SetFormat(enum Format format) { impl_->format = format; }
  enum Format format() const { return impl_ == nullptr ? DEFAULT_FORMAT : impl_->format; }
  // Kept for the caller: memory comes from the C library, or from SetData.
  void SetAllocator(std::shared_ptr<Allocator> allocator) {
    impl_->allocator = std::move(allocator);
  }
  std::shared_ptr<Allocator> allocator() const {
    return impl_ == nullptr ? nullptr : impl_->allocator;
  }
  // The caller's memory, of DataSize() bytes; with own_data it is freed with free().
  void SetData(void* data, bool own_data = true) {
    impl_->data = own_data ? std::shared_ptr<void>(data, std::free)
                           : std::shared_ptr<void>(data, [](void*) {});
    impl_->is_result = false;
  }
  void SetDeviceData(void* data) { impl_->device_data = data; }
  void* GetDeviceData() { return impl_->device_data; }
  std::vector<QuantParam> QuantParams() const { return impl_->quant_params; }
  void SetQuantParams(std::vector<QuantParam> params) { impl_->quant_params = std::move(params); }
  const std::shared_ptr<Impl>& impl() const { return impl_; }

 private:
  void Fill(const std::string& name, enum DataType type, const std::vector<int64_t>& shape) {
    impl_->name = name;
    impl_->type = type;
    impl_->shape = shape;
  }
  std::shared_ptr<Impl> impl_;
};

class Buffer {
 public:
  Buffer() = default;
  Buffer(const void* data, size_t size)
      : bytes_(static_cast<const uint8_t*>(data), static_cast<const uint8_t*>(data) + size) {}
  const void* Data() const { return bytes_.data(); }
  void* MutableData() { return bytes_.data(); }
  size_t DataSize() const { return bytes_.size(); }
  bool ResizeData(size_t size) {
    bytes_.resize(size);
    return true;
  }
  bool SetData(const void* data, size_t size) {
    bytes_.assign(static_cast<const uint8_t*>(data), static_cast<const uint8_t*>(data) + size);
    return true;
  }
  Buffer Clone() const { return *this; }

 private:
  std::vector<uint8_t> bytes_;
};

struct MSCallBackParam {
  std::string node_name;
  std::string node_type;
  double execute_time = 0;
};
using MSKernelCallBack =
    std::function<bool(const std::vector<MSTensor>& inputs, const std::vector<MSTensor>& outputs,
                       const MSCallBackParam& info)>;

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_TYPES_H
