#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/grpc/infer_codec.h"

namespace mirin::serving {
namespace {

absl::Status ToStatus(const Failure& failure) {
  const absl::StatusCode code =
      failure.status == absl::StatusCode::kOk ? absl::StatusCode::kInternal : failure.status;
  return absl::Status(code, failure.text);
}

Buffer JoinTexts(const std::vector<std::string>& texts) {
  size_t size = 0;
  for (const std::string& text : texts) size += 4 + text.size();
  uint8_t* at;
  Buffer joined = Buffer::Allocate(size, &at);
  for (const std::string& text : texts) {
    const auto length = static_cast<uint32_t>(text.size());
    std::memcpy(at, &length, 4);
    if (!text.empty()) std::memcpy(at + 4, text.data(), text.size());
    at += 4 + text.size();
  }
  return joined;
}

void WriteParameter(uint32_t field, absl::string_view name, uint32_t kind, absl::string_view text,
                    int64_t number, WireWriter* out) {
  WireWriter value, entry;
  if (kind == 3) {
    value.Bytes(kind, text);
  } else {
    value.Integer(kind, number);
  }
  entry.Bytes(1, name);
  entry.Message(2, value);
  out->Message(field, entry);
}

// Writes InferOutputTensor; *raw holds the bytes that raw_output_contents has of it.
absl::Status WriteOutput(const std::string& name, const Tensor& tensor, const InferEcho& echo,
                         const SharedMemoryRegistry& shared_memory, Buffer* raw, WireWriter* out) {
  const absl::string_view datatype = OipName(tensor.dtype);
  if (datatype.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("output '", name, "' is of a type that the protocol does not have"));
  }
  out->Bytes(1, name);
  out->Bytes(2, datatype);
  out->Packed(3, tensor.dims);
  *raw = tensor.dtype == MIRIN_DTYPE_STRING ? JoinTexts(tensor.texts) : tensor.data;
  for (const OutputRegion& region : echo.regions) {
    if (region.output != name) continue;
    if (raw->size() > region.size) {
      return absl::InvalidArgumentError(
          absl::StrCat("shared memory size specified with the request for output '", name, "' (",
                       region.size, " bytes) should be at least ", raw->size(), " bytes"));
    }
    MIRIN_RETURN_IF_ERROR(shared_memory.Write(region.region, region.offset, raw->view()));
    WriteParameter(4, "shared_memory_region", 3, region.region, 0, out);
    WriteParameter(4, "shared_memory_byte_size", 2, "", static_cast<int64_t>(raw->size()), out);
    if (region.offset != 0)
      WriteParameter(4, "shared_memory_offset", 2, "", static_cast<int64_t>(region.offset), out);
    *raw = Buffer();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteModelInferResponse(const InferEcho& echo, const InferReply& reply,
                                     const SharedMemoryRegistry& shared_memory, bool last,
                                     ReplyWriter* out) {
  if (!reply.failure.ok()) return ToStatus(reply.failure);
  if (reply.instances.size() != 1) return absl::InternalError("the request was not answered");
  const InstanceReply& instance = reply.instances[0];
  if (!instance.failure.ok()) return ToStatus(instance.failure);

  WireWriter head;
  head.Bytes(1, echo.model);
  head.Bytes(2, absl::StrCat(reply.version));
  if (!echo.id.empty()) head.Bytes(3, echo.id);
  if (last) WriteParameter(4, "triton_final_response", 1, "", 1, &head);
  std::vector<Buffer> raws;
  for (size_t i = 0; i < instance.outputs.size() && i < reply.names.size(); ++i) {
    WireWriter output;
    Buffer raw;
    MIRIN_RETURN_IF_ERROR(
        WriteOutput(reply.names[i], instance.outputs[i], echo, shared_memory, &raw, &output));
    head.Message(5, output);
    // an output in shared memory has an empty entry, so that entries and outputs stay in step
    raws.push_back(std::move(raw));
  }
  out->wire().Append(head.bytes());
  for (const Buffer& raw : raws) {
    out->wire().Prefix(6, raw.size());
    out->Data(raw);
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
