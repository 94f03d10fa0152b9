// Source compatibility with MindSpore Lite's C++ API, header only over mirin/mirin.h: results of
// calls.
#ifndef MINDSPORE_INCLUDE_API_STATUS_H
#define MINDSPORE_INCLUDE_API_STATUS_H

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "mirin/mirin.h"

namespace mindspore {

enum CompCode : uint32_t {
  kCore = 0x00000000u,
  kMD = 0x10000000u,
  kME = 0x20000000u,
  kMC = 0x30000000u,
  kLite = 0xF0000000u,
};

constexpr uint32_t LiteCode(int32_t negative) {
  return kLite | (0x0FFFFFFFu & static_cast<uint32_t>(negative));
}

enum StatusCode : uint32_t {
  kSuccess = 0,
  kCoreFailed = kCore | 0x1,
  kMDOutOfMemory = kMD | 1,
  kMDShapeMisMatch = kMD | 2,
  kMDInterrupted = kMD | 3,
  kMDNoSpace = kMD | 4,
  kMDPyFuncException = kMD | 5,
  kMDDuplicateKey = kMD | 6,
  kMDPythonInterpreterFailure = kMD | 7,
  kMDTDTPushFailure = kMD | 8,
  kMDFileNotExist = kMD | 9,
  kMDProfilingError = kMD | 10,
  kMDBoundingBoxOutOfBounds = kMD | 11,
  kMDBoundingBoxInvalidShape = kMD | 12,
  kMDSyntaxError = kMD | 13,
  kMDTimeOut = kMD | 14,
  kMDBuddySpaceFull = kMD | 15,
  kMDNetWorkError = kMD | 16,
  kMDNotImplementedYet = kMD | 17,
  kMDUnexpectedError = kMD | 127,
  kMEFailed = kME | 0x1,
  kMEInvalidInput = kME | 0x2,
  kMCFailed = kMC | 0x1,
  kMCDeviceError = kMC | 0x2,
  kMCInvalidInput = kMC | 0x3,
  kMCInvalidArgs = kMC | 0x4,
  kLiteError = LiteCode(-1),
  kLiteNullptr = LiteCode(-2),
  kLiteParamInvalid = LiteCode(-3),
  kLiteNoChange = LiteCode(-4),
  kLiteSuccessExit = LiteCode(-5),
  kLiteMemoryFailed = LiteCode(-6),
  kLiteNotSupport = LiteCode(-7),
  kLiteThreadPoolError = LiteCode(-8),
  kLiteUninitializedObj = LiteCode(-9),
  kLiteFileError = LiteCode(-10),
  kLiteServiceDeny = LiteCode(-11),
  kLiteModelRebuild = LiteCode(-12),
  kLiteOutOfTensorRange = LiteCode(-100),
  kLiteInputTensorError = LiteCode(-101),
  kLiteReentrantError = LiteCode(-102),
  kLiteGraphFileError = LiteCode(-200),
  kLiteNotFindOp = LiteCode(-300),
  kLiteInvalidOpName = LiteCode(-301),
  kLiteInvalidOpAttr = LiteCode(-302),
  kLiteOpExecuteFailure = LiteCode(-303),
  kLiteFormatError = LiteCode(-400),
  kLiteInferError = LiteCode(-500),
  kLiteInferInvalid = LiteCode(-501),
  kLiteInputParamInvalid = LiteCode(-600),
};

namespace internal {

inline enum StatusCode FromMirinCode(mirin_code code) {
  switch (code) {
    case MIRIN_OK:
      return kSuccess;
    case MIRIN_INVALID_ARGUMENT:
      return kLiteInputParamInvalid;
    case MIRIN_NOT_FOUND:
    case MIRIN_PERMISSION_DENIED:
      return kLiteFileError;
    case MIRIN_DATA_LOSS:
      return kLiteGraphFileError;
    case MIRIN_UNIMPLEMENTED:
    case MIRIN_UNAVAILABLE:
      return kLiteNotSupport;
    case MIRIN_RESOURCE_EXHAUSTED:
      return kLiteMemoryFailed;
    case MIRIN_FAILED_PRECONDITION:
      return kLiteUninitializedObj;
    default:
      return kLiteError;
  }
}

// For statuses that begin here: what this layer refuses before it calls the C API.
inline mirin_code ToMirinCode(enum StatusCode code) {
  switch (code) {
    case kSuccess:
      return MIRIN_OK;
    case kLiteNullptr:
    case kLiteParamInvalid:
    case kLiteInputTensorError:
    case kLiteInputParamInvalid:
      return MIRIN_INVALID_ARGUMENT;
    case kLiteFileError:
      return MIRIN_NOT_FOUND;
    case kLiteGraphFileError:
      return MIRIN_DATA_LOSS;
    case kLiteNotSupport:
      return MIRIN_UNIMPLEMENTED;
    case kLiteMemoryFailed:
    case kLiteServiceDeny:
      return MIRIN_RESOURCE_EXHAUSTED;
    case kLiteUninitializedObj:
    case kLiteModelRebuild:
      return MIRIN_FAILED_PRECONDITION;
    default:
      return MIRIN_UNKNOWN;
  }
}

}  // namespace internal

// A code, and the reason in words: ToString says which node, input or file it was.
class Status {
 public:
  Status() = default;
  Status(enum StatusCode code, std::string message = "")  // NOLINT: implicit as documented
      : code_(code), mirin_code_(internal::ToMirinCode(code)), message_(std::move(message)) {}
  Status(enum StatusCode code, int line, const char* file, std::string extra = "")
      : Status(code, std::move(extra)) {
    line_ = line;
    file_ = file == nullptr ? "" : file;
  }
  Status(mirin_code mirin, enum StatusCode code, std::string message)
      : code_(code), mirin_code_(mirin), message_(std::move(message)) {}

  enum StatusCode StatusCode() const { return code_; }
  // Not in the original: the code as the C API has it, which is finer where several share one
  // StatusCode.
  mirin_code MirinCode() const { return mirin_code_; }
  std::string ToString() const { return message_.empty() ? CodeAsString(code_) : message_; }
  int GetLineOfCode() const { return line_; }
  std::string GetFileName() const { return file_; }
  std::string GetErrDescription() const { return ToString(); }
  std::string SetErrDescription(const std::string& text) { return message_ = text; }
  void SetStatusMsg(const std::string& text) { message_ = text; }

  bool operator==(const Status& other) const { return code_ == other.code_; }
  bool operator!=(const Status& other) const { return code_ != other.code_; }
  bool operator==(enum StatusCode code) const { return code_ == code; }
  bool operator!=(enum StatusCode code) const { return code_ != code; }
  explicit operator bool() const { return IsOk(); }
  explicit operator int() const { return static_cast<int>(code_); }
  bool IsOk() const { return code_ == kSuccess; }
  bool IsError() const { return !IsOk(); }
  static Status OK() { return Status(); }

  static std::string CodeAsString(enum StatusCode code) {
    switch (code) {
      case kSuccess:
        return "No error occurs.";
      case kLiteError:
        return "Common error code.";
      case kLiteNullptr:
        return "NULL pointer returned.";
      case kLiteParamInvalid:
        return "Invalid parameter.";
      case kLiteNoChange:
        return "No change.";
      case kLiteSuccessExit:
        return "No error but exit.";
      case kLiteMemoryFailed:
        return "Fail to create memory.";
      case kLiteNotSupport:
        return "Fail to support.";
      case kLiteThreadPoolError:
        return "Error occur in thread pool.";
      case kLiteUninitializedObj:
        return "Object is not initialized.";
      case kLiteFileError:
        return "Invalid file.";
      case kLiteModelRebuild:
        return "Model has been built.";
      case kLiteGraphFileError:
        return "Invalid graph file.";
      case kLiteInputTensorError:
        return "Invalid input tensor.";
      case kLiteInputParamInvalid:
        return "Invalid input param by user.";
      default:
        return "Error " + std::to_string(static_cast<uint32_t>(code)) + ".";
    }
  }

  friend std::ostream& operator<<(std::ostream& out, const Status& status) {
    return out << status.ToString();
  }

 private:
  enum StatusCode code_ = kSuccess;
  mirin_code mirin_code_ = MIRIN_OK;
  std::string message_;
  int line_ = -1;
  std::string file_;
};

inline bool operator==(enum StatusCode code, const Status& status) { return status == code; }
inline bool operator!=(enum StatusCode code, const Status& status) { return status != code; }

namespace internal {

// Consumes a mirin status.
inline Status FromMirin(mirin_status* status) {
  if (status == nullptr) return Status();
  const mirin_code code = mirin_status_code(status);
  const Status made(code, FromMirinCode(code), mirin_status_message(status));
  mirin_status_destroy(status);
  return made;
}

}  // namespace internal
}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_STATUS_H
