// Source compatibility with MindSpore Lite's C++ API: where and with how many threads a model runs.
#ifndef MINDSPORE_INCLUDE_API_CONTEXT_H
#define MINDSPORE_INCLUDE_API_CONTEXT_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "include/api/types.h"

namespace mindspore {

enum DeviceType { kCPU = 0, kGPU = 1, kKirinNPU = 2, kAscend = 3, kAscend910 = 4, kAscend310 = 5, kCustomDevice = 6, kAllDevice = 7, kInvalidDeviceType = 100 };
enum DelegateMode { kNoDelegate = 0, kCoreML = 1, kNNAPI = 2 };

class DeviceInfoContext : public std::enable_shared_from_this<DeviceInfoContext> {
 public:
  virtual ~DeviceInfoContext() = default;
  virtual enum DeviceType GetDeviceType() const = 0;
  // Null when it is another kind of device.
  template <typename T>
  std::shared_ptr<T> Cast() {
    return std::dynamic_pointer_cast<T>(shared_from_this());
  }
  std::string GetProvider() const { return provider_; }
  void SetProvider(const std::string& provider) { provider_ = provider; }
  std::string GetProviderDevice() const { return provider_device_; }
  void SetProviderDevice(const std::string& device) { provider_device_ = device; }
  void SetAllocator(const std::shared_ptr<Allocator>& /*allocator*/) {}
  std::shared_ptr<Allocator> GetAllocator() const { return nullptr; }
  bool GetEnableFP16() const { return enable_fp16_; }
  void SetEnableFP16(bool enable) { enable_fp16_ = enable; }

 private:
  std::string provider_, provider_device_;
  bool enable_fp16_ = false;
};

class AutoDeviceInfo : public DeviceInfoContext {
 public:
  enum DeviceType GetDeviceType() const override { return kAllDevice; }
};

class CPUDeviceInfo : public DeviceInfoContext {
 public:
  enum DeviceType GetDeviceType() const override { return kCPU; }
};

class KirinNPUDeviceInfo : public DeviceInfoContext {
 public:
  enum DeviceType GetDeviceType() const override { return kKirinNPU; }
  void SetFrequency(int frequency) { frequency_ = frequency; }
  int GetFrequency() const { return frequency_; }

 private:
  int frequency_ = 3;
};

class GPUDeviceInfo : public DeviceInfoContext {
 public:
  enum DeviceType GetDeviceType() const override { return kGPU; }
  void SetDeviceID(uint32_t id) { device_id_ = id; }
  uint32_t GetDeviceID() const { return device_id_; }
  int GetRankID() const { return 0; }
  int GetGroupSize() const { return 1; }
  void SetPrecisionMode(const std::string& mode) { precision_mode_ = mode; }
  std::string GetPrecisionMode() const { return precision_mode_; }

 private:
  uint32_t device_id_ = 0;
  std::string precision_mode_;
};

class AscendDeviceInfo : public DeviceInfoContext {
 public:
  enum DeviceType GetDeviceType() const override { return kAscend; }
  void SetDeviceID(uint32_t id) { device_id_ = id; }
  uint32_t GetDeviceID() const { return device_id_; }
  void SetRankID(uint32_t id) { rank_id_ = id; }
  uint32_t GetRankID() const { return rank_id_; }

#define MIRIN_MS_TEXT_OPTION(Name, fallback)                             \
  void Set##Name(const std::string& value) { options_[#Name] = value; }  \
  std::string Get##Name() const {                                        \
    const auto it = options_.find(#Name);                                \
    return it == options_.end() ? fallback : it->second;                 \
  }
  MIRIN_MS_TEXT_OPTION(InsertOpConfigPath, "")
  MIRIN_MS_TEXT_OPTION(InputFormat, "")
  MIRIN_MS_TEXT_OPTION(InputShape, "")
  MIRIN_MS_TEXT_OPTION(DynamicImageSize, "")
  MIRIN_MS_TEXT_OPTION(PrecisionMode, "enforce_fp16")
  MIRIN_MS_TEXT_OPTION(OpSelectImplMode, "")
  MIRIN_MS_TEXT_OPTION(FusionSwitchConfigPath, "")
  MIRIN_MS_TEXT_OPTION(BufferOptimizeMode, "l2_optimize")
#undef MIRIN_MS_TEXT_OPTION
  void SetInputShapeMap(const std::map<int, std::vector<int>>& shapes) { input_shapes_ = shapes; }
  std::map<int, std::vector<int>> GetInputShapeMap() const { return input_shapes_; }
  void SetDynamicBatchSize(const std::vector<size_t>& sizes) { batch_sizes_ = sizes; }
  std::string GetDynamicBatchSize() const {
    std::string text;
    for (const size_t size : batch_sizes_) text += (text.empty() ? "" : ",") + std::to_string(size);
    return text;
  }
  void SetOutputType(enum DataType type) { output_type_ = type; }
  enum DataType GetOutputType() const { return output_type_; }

 private:
  uint32_t device_id_ = 0, rank_id_ = 0;
  std::map<std::string, std::string> options_;
  std::map<int, std::vector<int>> input_shapes_;
  std::vector<size_t> batch_sizes_;
  enum DataType output_type_ = DataType::kTypeUnknown;
};

class Context {
 public:
  // 0, the default: every CPU of the process.
  void SetThreadNum(int32_t threads) { threads_ = threads; }
  int32_t GetThreadNum() const { return threads_; }
  // Kept and given back: one operator runs at a time, on all threads of the context.
  void SetInterOpParallelNum(int32_t number) { inter_op_ = number; }
  int32_t GetInterOpParallelNum() const { return inter_op_; }
  // Threads run where the process may run; a core list bounds their number.
  void SetThreadAffinity(int mode) { affinity_mode_ = mode; }
  void SetThreadAffinity(const std::vector<int>& cores) { cores_ = cores; }
  int GetThreadAffinityMode() const { return affinity_mode_; }
  std::vector<int32_t> GetThreadAffinityCoreList() const { return cores_; }
  void SetEnableParallel(bool enable) { enable_parallel_ = enable; }
  bool GetEnableParallel() const { return enable_parallel_; }
  void SetBuiltInDelegate(DelegateMode mode) { delegate_ = mode; }
  DelegateMode GetBuiltInDelegate() const { return delegate_; }
  void SetMultiModalHW(bool enable) { multi_modal_ = enable; }
  bool GetMultiModalHW() const { return multi_modal_; }
  std::vector<std::shared_ptr<DeviceInfoContext>>& MutableDeviceInfo() { return devices_; }

 private:
  int32_t threads_ = 0;
  int32_t inter_op_ = 1;
  int affinity_mode_ = 0;
  std::vector<int32_t> cores_;
  bool enable_parallel_ = false;
  DelegateMode delegate_ = kNoDelegate;
  bool multi_modal_ = false;
  std::vector<std::shared_ptr<DeviceInfoContext>> devices_;
};

namespace internal {

// A context as session options; the object keeps the names alive.
struct SessionOptions {
  explicit SessionOptions(Context* context) {
    if (context == nullptr) return;
    const auto cores = context->GetThreadAffinityCoreList();
    options.threads = cores.empty() ? context->GetThreadNum() : static_cast<int32_t>(cores.size());
    for (const auto& device : context->MutableDeviceInfo()) {
      if (device == nullptr) continue;
      switch (device->GetDeviceType()) {
        case kCPU:
        case kAllDevice: names.push_back("cpu"); break;
        case kGPU: names.push_back("gpu"); break;
        case kKirinNPU: names.push_back("kirin_npu"); break;
        default: names.push_back("ascend"); break;
      }
      if (device->GetEnableFP16()) options.precision = MIRIN_PRECISION_PREFER_FP16;
    }
    if (names.empty()) return;
    options.devices = names.data();
    options.num_devices = names.size();
  }
  SessionOptions(const SessionOptions&) = delete;
  SessionOptions& operator=(const SessionOptions&) = delete;

  std::vector<const char*> names;
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
};

}  // namespace internal
}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_CONTEXT_H
