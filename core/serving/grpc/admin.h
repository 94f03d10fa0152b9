// The parts of the Open Inference service that are not inference.
#ifndef CORE_SERVING_GRPC_ADMIN_H_
#define CORE_SERVING_GRPC_ADMIN_H_

#include <string>

#include "absl/status/status.h"
#include "core/serving/grpc/open_inference.pb.h"
#include "core/serving/grpc/service.h"

namespace mirin::serving {

class Admin {
 public:
  explicit Admin(const ServiceContext& context) : context_(context) {}

  absl::Status ServerLive(const inference::ServerLiveRequest&,
                          inference::ServerLiveResponse* out) const;
  absl::Status ServerReady(const inference::ServerReadyRequest&,
                           inference::ServerReadyResponse* out) const;
  absl::Status ModelReady(const inference::ModelReadyRequest& in,
                          inference::ModelReadyResponse* out) const;
  absl::Status ServerMetadata(const inference::ServerMetadataRequest&,
                              inference::ServerMetadataResponse* out) const;
  absl::Status ModelMetadata(const inference::ModelMetadataRequest& in,
                             inference::ModelMetadataResponse* out) const;
  absl::Status ModelConfig(const inference::ModelConfigRequest& in,
                           inference::ModelConfigResponse* out) const;
  absl::Status ModelStatistics(const inference::ModelStatisticsRequest& in,
                               inference::ModelStatisticsResponse* out) const;
  absl::Status RepositoryIndex(const inference::RepositoryIndexRequest& in,
                               inference::RepositoryIndexResponse* out) const;
  // Block for as long as loading takes.
  absl::Status RepositoryModelLoad(const inference::RepositoryModelLoadRequest& in) const;
  absl::Status RepositoryModelUnload(const inference::RepositoryModelUnloadRequest& in) const;
  absl::Status SystemSharedMemoryStatus(const inference::SystemSharedMemoryStatusRequest& in,
                                        inference::SystemSharedMemoryStatusResponse* out) const;
  absl::Status SystemSharedMemoryRegister(const inference::SystemSharedMemoryRegisterRequest& in,
                                          inference::SystemSharedMemoryRegisterResponse*) const;
  absl::Status SystemSharedMemoryUnregister(
      const inference::SystemSharedMemoryUnregisterRequest& in,
      inference::SystemSharedMemoryUnregisterResponse*) const;
  absl::Status CudaSharedMemoryStatus(const inference::CudaSharedMemoryStatusRequest& in,
                                      inference::CudaSharedMemoryStatusResponse*) const;
  absl::Status CudaSharedMemoryRegister(const inference::CudaSharedMemoryRegisterRequest&,
                                        inference::CudaSharedMemoryRegisterResponse*) const;
  absl::Status CudaSharedMemoryUnregister(const inference::CudaSharedMemoryUnregisterRequest& in,
                                          inference::CudaSharedMemoryUnregisterResponse*) const;
  absl::Status TraceSetting(const inference::TraceSettingRequest& in,
                            inference::TraceSettingResponse* out) const;
  absl::Status LogSettings(const inference::LogSettingsRequest& in,
                           inference::LogSettingsResponse* out) const;

 private:
  // A method's name as a model: the servable's, when that means it.
  std::string ModelName(const MethodInfo& method) const;

  const ServiceContext context_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_GRPC_ADMIN_H_
