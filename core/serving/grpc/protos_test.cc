// Field numbers are the protocol: ours against those of the protocol's own definition, kept as a list.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/serving/grpc/open_inference.pb.h"

namespace {

namespace pb = google::protobuf;

void AddEnum(const pb::EnumDescriptor& e, std::set<std::string>* out) {
  for (int i = 0; i < e.value_count(); ++i) {
    out->insert(
        absl::StrCat(e.full_name(), ".", e.value(i)->name(), " ", e.value(i)->number(), " enum"));
  }
}

void AddMessage(const pb::Descriptor& m, std::set<std::string>* out) {
  for (int i = 0; i < m.field_count(); ++i) {
    const pb::FieldDescriptor& f = *m.field(i);
    const std::string type = f.message_type() != nullptr ? f.message_type()->full_name()
                             : f.enum_type() != nullptr  ? f.enum_type()->full_name()
                                                         : f.type_name();
    out->insert(absl::StrCat(f.full_name(), " ", f.number(), " ",
                             f.is_repeated() ? "repeated " : "", type));
  }
  for (int i = 0; i < m.enum_type_count(); ++i) AddEnum(*m.enum_type(i), out);
  for (int i = 0; i < m.nested_type_count(); ++i) AddMessage(*m.nested_type(i), out);
}

std::set<std::string> Lines(const pb::FileDescriptor& file) {
  std::set<std::string> lines;
  for (int i = 0; i < file.enum_type_count(); ++i) AddEnum(*file.enum_type(i), &lines);
  for (int i = 0; i < file.message_type_count(); ++i) AddMessage(*file.message_type(i), &lines);
  for (int s = 0; s < file.service_count(); ++s) {
    for (int i = 0; i < file.service(s)->method_count(); ++i) {
      const pb::MethodDescriptor& m = *file.service(s)->method(i);
      lines.insert(absl::StrCat(
          m.full_name(), " ", m.client_streaming() ? "stream " : "", m.input_type()->full_name(),
          " -> ", m.server_streaming() ? "stream " : "", m.output_type()->full_name()));
    }
  }
  return lines;
}

TEST(Protos, AreThoseOfTheProtocol) {
  std::set<std::string> golden;
  std::ifstream file("core/serving/grpc/open_inference_fields.txt");
  for (std::string line; std::getline(file, line);) golden.insert(line);
  ASSERT_GT(golden.size(), 400u);

  const pb::FileDescriptor& service = *inference::ModelInferRequest::descriptor()->file();
  std::set<std::string> ours = Lines(service);
  ours.merge(Lines(*service.dependency(0)));
  for (const std::string& line : ours)
    EXPECT_EQ(golden.count(line), 1u) << "not of the protocol: " << line;
  // The service's own messages are whole; the configuration is a part.
  for (const std::string& line : golden) {
    const size_t dot = line.find('.', sizeof "inference");
    const std::string message = line.substr(0, std::min(dot, line.find(' ')));
    if (pb::DescriptorPool::generated_pool()->FindFileContainingSymbol(message) == &service) {
      EXPECT_EQ(ours.count(line), 1u) << "missing: " << line;
    }
  }
}

}  // namespace
