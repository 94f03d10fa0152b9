// Source compatibility with MindSpore Lite's C++ API: where and with how many threads a model runs.
#ifndef MINDSPORE_INCLUDE_API_CONTEXT_H
#define MINDSPORE_INCLUDE_API_CONTEXT_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "include/api/allocator.h"
#include "include/api/types.h"

namespace mindspore {

enum DeviceType {
  kCPU = 0,
  kGPU = 1,
  kKirinNPU = 2,
  kAscend = 3,
  kAscend910 = 4,
  kAscend310 = 5,
  kCustomDevice = 6,
  kAllDevice = 7,
  kInvalidDeviceType = 100
};
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
  // Allocator::Create's; a model is not built with another.
  void SetAllocator(const std::shared_ptr<Allocator>& allocator) { allocator_ = allocator; }
  std::shared_ptr<Allocator> GetAllocator() const { return allocator_; }
  bool GetEnableFP16() const { return enable_fp16_; }
  void SetEnableFP16(bool enable) { enable_fp16_ = enable; }

 private:
  std::string provider_, provider_device_;
  std::shared_ptr<Allocator> allocator_;
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

#define MIRIN_MS_TEXT_OPTION(Name, fallback)                            \
  void Set##Name(const std::string& value) { options_[#Name] = value; } \
  std::string Get##Name() const {                                       \
    const auto it = options_.find(#Name);                               \
    return it == options_.end() ? fallback : it->second;                \
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

using Ascend310DeviceInfo = AscendDeviceInfo;
using Ascend910DeviceInfo = AscendDeviceInfo;

// Runs parts of a graph elsewhere. A model is not built with one.
class AbstractDelegate {
 public:
  virtual ~AbstractDelegate() = default;
};

class Context {
 public:
  // 0, the default: every CPU of the process.
  void SetThreadNum(int32_t threads) { threads_ = threads; }
  int32_t GetThreadNum() const { return threads_; }
  // Without effect: one operator runs at a time, on all threads of the context. More than the
  // thread number is refused.
  void SetInterOpParallelNum(int32_t number) { inter_op_ = number; }
  int32_t GetInterOpParallelNum() const { return inter_op_; }
  // 0: no affinity, 1: big cores, 2: middle cores. The cores of a server are alike: all three run
  // where the process may.
  void SetThreadAffinity(int mode) { affinity_mode_ = mode; }
  int GetThreadAffinityMode() const { return affinity_mode_; }
  // Ids of the CPUs that runs keep to; without SetThreadNum as many threads.
  void SetThreadAffinity(const std::vector<int>& cores) { cores_ = cores; }
  std::vector<int32_t> GetThreadAffinityCoreList() const { return cores_; }
  // Kept and given back: operators use all threads as they need them.
  void SetEnableParallel(bool enable) { enable_parallel_ = enable; }
  bool GetEnableParallel() const { return enable_parallel_; }
  // A model is not built with a delegate.
  void SetBuiltInDelegate(DelegateMode mode) { built_in_delegate_ = mode; }
  DelegateMode GetBuiltInDelegate() const { return built_in_delegate_; }
  void set_delegate(const std::shared_ptr<AbstractDelegate>& delegate) { delegate_ = delegate; }
  std::shared_ptr<AbstractDelegate> get_delegate() const { return delegate_; }
  void SetMultiModalHW(bool enable) { multi_modal_ = enable; }
  bool GetMultiModalHW() const { return multi_modal_; }
  std::vector<std::shared_ptr<DeviceInfoContext>>& MutableDeviceInfo() { return devices_; }

 private:
  int32_t threads_ = 0;
  int32_t inter_op_ = 1;
  int affinity_mode_ = 0;
  std::vector<int32_t> cores_;
  bool enable_parallel_ = false;
  DelegateMode built_in_delegate_ = kNoDelegate;
  std::shared_ptr<AbstractDelegate> delegate_;
  bool multi_modal_ = false;
  std::vector<std::shared_ptr<DeviceInfoContext>> devices_;
};

namespace internal {

// A context as session options; the object keeps the arrays alive.
class SessionOptions {
 public:
  SessionOptions() = default;
  SessionOptions(const SessionOptions&) = delete;
  SessionOptions& operator=(const SessionOptions&) = delete;

  // Null is a context with nothing set.
  Status Take(Context* context) {
    names_.clear();
    options = MIRIN_SESSION_OPTIONS_INIT;
    if (context == nullptr) return Status();
    const Status status = Check(*context);
    if (status.IsError()) return status;
    options.threads = context->GetThreadNum();
    cpus_ = context->GetThreadAffinityCoreList();
    options.cpus = cpus_.data();
    options.num_cpus = cpus_.size();
    for (const auto& device : context->MutableDeviceInfo()) {
      if (device == nullptr) return Status(kLiteNullptr, "a device of the context is null");
      if (device->GetAllocator() != nullptr &&
          dynamic_cast<HeapAllocator*>(device->GetAllocator().get()) == nullptr)
        return Status(
            kLiteNotSupport,
            "a device of the context has an allocator of its own, which is not supported");
      names_.push_back(NameOf(device->GetDeviceType()));
      if (device->GetEnableFP16()) options.precision = MIRIN_PRECISION_PREFER_FP16;
    }
    options.devices = names_.empty() ? nullptr : names_.data();
    options.num_devices = names_.size();
    return status;
  }

  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;

 private:
  static const char* NameOf(enum DeviceType type) {
    switch (type) {
      case kCPU:
      case kAllDevice:
        return "cpu";
      case kGPU:
        return "gpu";
      case kKirinNPU:
        return "kirin_npu";
      default:
        return "ascend";
    }
  }

  static Status Check(const Context& context) {
    const int32_t threads = context.GetThreadNum(), inter_op = context.GetInterOpParallelNum();
    if (threads < 0)
      return Status(kLiteParamInvalid, "the thread number is " + std::to_string(threads));
    if (inter_op < 0)
      return Status(kLiteParamInvalid,
                    "the inter-op parallel number is " + std::to_string(inter_op));
    if (threads > 0 && inter_op > threads) {
      return Status(kLiteParamInvalid, "the inter-op parallel number, " + std::to_string(inter_op) +
                                           ", exceeds the thread number, " +
                                           std::to_string(threads));
    }
    if (context.GetThreadAffinityMode() < 0 || context.GetThreadAffinityMode() > 2) {
      return Status(kLiteParamInvalid, "the thread affinity mode is " +
                                           std::to_string(context.GetThreadAffinityMode()) +
                                           ", expected 0, 1 or 2");
    }
    if (context.GetBuiltInDelegate() != kNoDelegate || context.get_delegate() != nullptr)
      return Status(kLiteNotSupport, "delegates are not supported");
    return Status();
  }

  std::vector<const char*> names_;
  std::vector<int32_t> cpus_;
};

// A device that this build does not have: NOT_FOUND in the C API, "not supported" in this one.
inline Status NoDevice(const Status& status) {
  return status.MirinCode() == MIRIN_NOT_FOUND
             ? Status(MIRIN_NOT_FOUND, kLiteNotSupport, status.ToString())
             : status;
}

// Settings by name, made when the first one is set.
class Config {
 public:
  Status Set(const std::string& section, const std::string& key, const std::string& value) {
    const Status status = Make();
    return status.IsError() ? status
                            : FromMirin(mirin_config_set(config_.get(), section.c_str(),
                                                         key.c_str(), value.c_str()));
  }
  Status LoadFile(const std::string& path) {
    const Status status = Make();
    return status.IsError() ? status
                            : FromMirin(mirin_config_load_file(config_.get(), path.c_str()));
  }
  // Null when nothing was set.
  const mirin_config* get() const { return config_.get(); }

 private:
  Status Make() {
    if (config_ != nullptr) return Status();
    mirin_config* made = nullptr;
    const Status status = FromMirin(mirin_config_create(&made));
    if (status.IsOk()) config_ = std::shared_ptr<mirin_config>(made, mirin_config_destroy);
    return status;
  }
  std::shared_ptr<mirin_config> config_;
};

}  // namespace internal
}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_CONTEXT_H
