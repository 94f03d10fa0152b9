// Writes MindIR messages by field number, well formed or not, for tests of the reader.
#ifndef TESTS_SUPPORT_MINDIR_BUILDER_H_
#define TESTS_SUPPORT_MINDIR_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace mirin::testing {

class Message {
 public:
  Message& Int(uint32_t field, int64_t value) {
    Varint(field << 3);
    Varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& Text(uint32_t field, const std::string& value) {
    Varint(field << 3 | 2);
    Varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& Sub(uint32_t field, const Message& value) { return Text(field, value.bytes_); }
  // A field whose length says `claimed`, whatever follows.
  Message& Claim(uint32_t field, uint64_t claimed) {
    Varint(field << 3 | 2);
    Varint(claimed);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) bytes_ += static_cast<char>(v | 0x80);
    bytes_ += static_cast<char>(v);
  }
  std::string bytes_;
};

constexpr int kFloat = 1, kInt64 = 7;  // TensorProto.DataType

inline Message TensorMessage(int data_type, const std::vector<int64_t>& dims) {
  Message t;
  for (const int64_t d : dims) t.Int(1, d);
  return t.Int(2, data_type);
}

// A graph input or output.
inline Message ValueInfo(const std::string& name, int data_type, const std::vector<int64_t>& dims) {
  return Message().Text(1, name).Sub(2, TensorMessage(data_type, dims));
}

inline Message NodeMessage(const std::string& name, const std::string& op_type,
                           const std::vector<std::string>& inputs) {
  Message n;
  for (const std::string& i : inputs) n.Text(1, i);
  return n.Text(2, name).Text(3, name).Text(4, op_type);
}

inline Message ConstantNode(const std::string& name, const Message& value_attribute) {
  return NodeMessage(name, "Constant", {}).Sub(5, value_attribute);
}
inline Message IntConstant(const std::string& name, int64_t value) {
  return ConstantNode(name, Message().Text(1, "value").Int(3, value).Int(16, 7));
}
inline Message IntsConstant(const std::string& name, const std::vector<int64_t>& values) {
  Message tuple;
  tuple.Text(1, "value").Int(16, 20);
  for (const int64_t v : values) tuple.Sub(17, Message().Int(10, v).Int(16, 7));
  return ConstantNode(name, tuple);
}

// A file with this entry graph.
inline std::string File(const Message& graph, const std::vector<Message>& functions = {},
                        const std::vector<Message>& primitives = {}) {
  Message m;
  m.Text(1, "0.1.1").Text(2, "MindSpore").Text(5, "2.0.0").Sub(7, graph);
  for (const Message& f : functions) m.Sub(8, f);
  for (const Message& p : primitives) m.Sub(12, p);
  return m.Int(10, 1).Int(13, 1).bytes();
}

inline Message Primitive(const std::string& name, const std::string& op,
                         const std::vector<Message>& attributes = {}) {
  Message p;
  p.Text(1, name).Text(2, op);
  for (const Message& a : attributes) p.Sub(3, a);
  return p;
}
inline Message IntAttribute(const std::string& name, int64_t value) {
  return Message().Text(1, name).Int(3, value).Int(16, 7);
}
inline Message IntsAttribute(const std::string& name, const std::vector<int64_t>& values) {
  Message tuple;
  tuple.Text(1, name).Int(16, 20);
  for (const int64_t v : values) tuple.Sub(17, Message().Int(10, v).Int(16, 7));
  return tuple;
}

}  // namespace mirin::testing

#endif  // TESTS_SUPPORT_MINDIR_BUILDER_H_
