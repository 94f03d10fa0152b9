// grpc.reflection.v1, and its older name: tools ask it which services and messages there are.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/serving/grpc/reflection.pb.h"
#include "core/serving/grpc/service.h"

namespace mirin::serving {
namespace {

namespace pb = google::protobuf;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

void SetError(const absl::Status& status, ServerReflectionResponse* response) {
  response->mutable_error_response()->set_error_code(static_cast<int>(status.code()));
  response->mutable_error_response()->set_error_message(std::string(status.message()));
}

// A file, and behind it what it imports.
void AddFile(const pb::FileDescriptor* file, std::set<const pb::FileDescriptor*>* seen,
             ServerReflectionResponse* response) {
  if (!seen->insert(file).second) return;
  pb::FileDescriptorProto description;
  file->CopyTo(&description);
  response->mutable_file_descriptor_response()->add_file_descriptor_proto(
      description.SerializeAsString());
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), seen, response);
}

ServerReflectionResponse Describe(const std::vector<std::string>& services,
                                  const ServerReflectionRequest& request) {
  const pb::DescriptorPool& pool = *pb::DescriptorPool::generated_pool();
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  const pb::FileDescriptor* file = nullptr;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kListServices:
      for (const std::string& service : services)
        response.mutable_list_services_response()->add_service()->set_name(service);
      return response;
    case ServerReflectionRequest::kFileByFilename:
      file = pool.FindFileByName(request.file_by_filename());
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      file = pool.FindFileContainingSymbol(request.file_containing_symbol());
      break;
    case ServerReflectionRequest::kFileContainingExtension:
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      SetError(absl::NotFoundError("there are no extensions"), &response);
      return response;
    default:
      SetError(absl::UnimplementedError("the request asks nothing that is known"), &response);
      return response;
  }
  if (file == nullptr) {
    SetError(absl::NotFoundError("there is no such file or symbol"), &response);
    return response;
  }
  std::set<const pb::FileDescriptor*> seen;
  AddFile(file, &seen, &response);
  return response;
}

class Reflection final : public StreamHandler {
 public:
  Reflection(std::shared_ptr<const std::vector<std::string>> services, std::shared_ptr<Call> call)
      : services_(std::move(services)), call_(std::move(call)) {}

  void OnMessage(const Buffer& message) override {
    ServerReflectionRequest request;
    if (!request.ParseFromArray(message.data(), static_cast<int>(message.size())))
      return call_->Finish(Malformed());
    call_->Send(Serialize(Describe(*services_, request)));
    // answers are longer than questions: one at a time
    call_->SetReading(call_->unsent() == 0);
  }
  void OnSent() override { call_->SetReading(call_->unsent() == 0); }
  void OnEnd() override { call_->Finish(absl::OkStatus()); }
  void OnDrain() override { call_->Finish(absl::UnavailableError("the server stops")); }
  void OnClose() override { call_ = nullptr; }

 private:
  const std::shared_ptr<const std::vector<std::string>> services_;
  std::shared_ptr<Call> call_;
};

}  // namespace

void AddReflectionService(Methods* methods) {
  auto services = std::make_shared<std::vector<std::string>>();
  services->push_back("grpc.reflection.v1.ServerReflection");
  for (const auto& [path, method] : *methods) {
    const std::string service = path.substr(1, path.rfind('/') - 1);
    if (std::find(services->begin(), services->end(), service) == services->end())
      services->push_back(service);
  }
  std::sort(services->begin(), services->end());
  for (const char* path : {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
    (*methods)[path].stream = [services](const std::shared_ptr<Call>& call) {
      return std::make_shared<Reflection>(services, call);
    };
  }
}

}  // namespace mirin::serving
