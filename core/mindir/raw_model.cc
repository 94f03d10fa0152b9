#include "core/mindir/raw_model.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/base/wire.h"

namespace mirin::mindir {
namespace {

absl::Status Damaged(absl::string_view what, const WireReader& reader) {
  return absl::DataLossError(absl::StrCat(what, ": malformed or truncated at byte ",
                                          reader.position(), " of the message"));
}

absl::StatusOr<RawTensor> ParseTensor(absl::string_view bytes) {
  RawTensor t;
  WireReader r(bytes);
  bool good = true;
  while (r.Next()) {
    switch (r.field()) {
      case 1:
        good &= r.Integers([&](int64_t d) {
          if (t.dims.size() <= kMaxRank) t.dims.push_back(d);
        });
        break;
      case 2:
        t.data_type = static_cast<int>(r.integer());
        break;
      case 7:
        t.name = r.bytes();
        break;
      case 9:
        t.raw = r.bytes();
        t.has_raw = true;
        break;
      case 12: {
        t.external = true;
        WireReader e(r.bytes());
        while (e.Next()) {
          if (e.field() == 1) t.location = e.bytes();
          if (e.field() == 2) t.offset = e.integer();
          if (e.field() == 3) t.length = e.integer();
        }
        good &= e.ok();
        break;
      }
      case 13:
        t.ref_key = r.bytes();
        break;
      case 16:
        t.compression = static_cast<int>(r.integer());
        break;
      case 17:
        t.quant_params.push_back(r.bytes());
        break;
      default:
        break;
    }
  }
  if (!r.ok() || !good) return Damaged(absl::StrCat("tensor '", t.name, "'"), r);
  if (t.dims.size() > kMaxRank) {
    return absl::ResourceExhaustedError(
        absl::StrCat("tensor '", t.name, "' has more than ", kMaxRank, " dims"));
  }
  return t;
}

absl::StatusOr<RawValueInfo> ParseValueInfo(absl::string_view bytes) {
  RawValueInfo v;
  WireReader r(bytes);
  while (r.Next()) {
    if (r.field() == 1) v.name = r.bytes();
    if (r.field() == 2 && !v.has_tensor) {
      MIRIN_ASSIGN_OR_RETURN(v.tensor, ParseTensor(r.bytes()));
      v.has_tensor = true;
    }
    if (r.field() == 4) v.denotation = r.bytes();
    if (r.field() == 5) v.attr_info = r.bytes();
  }
  if (!r.ok()) return Damaged(absl::StrCat("input or output '", v.name, "'"), r);
  return v;
}

absl::StatusOr<RawNode> ParseNode(absl::string_view bytes, const Limits& limits) {
  RawNode n;
  WireReader r(bytes);
  while (r.Next()) {
    switch (r.field()) {
      case 1:
        n.inputs.push_back(r.bytes());
        break;
      case 3:
        n.name = r.bytes();
        break;
      case 4:
        n.op_type = r.bytes();
        break;
      case 5:
        n.attributes.push_back(r.bytes());
        break;
      case 6:
        n.result_name = r.bytes();
        break;
      case 7:
        n.domain = r.bytes();
        break;
      default:
        break;
    }
  }
  if (!r.ok()) return Damaged(absl::StrCat("node '", n.name, "'"), r);
  if (static_cast<int64_t>(n.attributes.size()) > limits.max_attributes_per_node) {
    return absl::ResourceExhaustedError(
        absl::StrCat("node '", n.name, "' has ", n.attributes.size(), " attributes"));
  }
  return n;
}

absl::StatusOr<RawGraph> ParseGraph(absl::string_view bytes, const Limits& limits,
                                    int64_t* nodes_left) {
  RawGraph g;
  WireReader r(bytes);
  while (r.Next()) {
    switch (r.field()) {
      case 1: {
        if (--*nodes_left < 0) {
          return absl::ResourceExhaustedError(
              absl::StrCat("the file has more than ", limits.max_nodes, " nodes"));
        }
        MIRIN_ASSIGN_OR_RETURN(RawNode node, ParseNode(r.bytes(), limits));
        g.nodes.push_back(std::move(node));
        break;
      }
      case 2:
        g.name = r.bytes();
        break;
      case 3: {
        if (--*nodes_left < 0) {
          return absl::ResourceExhaustedError(
              absl::StrCat("the file has more than ", limits.max_nodes, " parameters"));
        }
        MIRIN_ASSIGN_OR_RETURN(RawTensor t, ParseTensor(r.bytes()));
        g.parameters.push_back(std::move(t));
        break;
      }
      case 5: {
        MIRIN_ASSIGN_OR_RETURN(RawValueInfo v, ParseValueInfo(r.bytes()));
        g.inputs.push_back(std::move(v));
        break;
      }
      case 6: {
        MIRIN_ASSIGN_OR_RETURN(RawValueInfo v, ParseValueInfo(r.bytes()));
        g.outputs.push_back(std::move(v));
        break;
      }
      case 8:
        g.attributes.push_back(r.bytes());
        break;
      case 10:
        return absl::UnimplementedError(
            absl::StrCat("graph '", g.name, "' has hash-table (map) parameters"));
      default:
        break;
    }
    if (g.inputs.size() + g.outputs.size() > 65536) {
      return absl::ResourceExhaustedError(
          absl::StrCat("graph '", g.name, "' has more than 65536 inputs and outputs"));
    }
  }
  if (!r.ok()) return Damaged(absl::StrCat("graph '", g.name, "'"), r);
  return g;
}

// The preprocessor field as JSON: [{"op_type": .., "input_columns": .., "operations": ..}, ..].
std::string PreprocessorJson(absl::string_view bytes) {
  std::string out;
  WireReader r(bytes);
  while (r.Next()) {
    if (r.field() != 1 || !r.is_bytes()) continue;
    std::string fields[6];
    WireReader op(r.bytes());
    while (op.Next()) {
      if (op.field() >= 1 && op.field() <= 5) fields[op.field()] = std::string(op.bytes());
    }
    const auto json = [](const std::string& s) { return s.empty() ? std::string("null") : s; };
    std::string type = fields[4];
    if (type.empty() || type.front() != '"') type = absl::StrCat("\"", absl::CEscape(type), "\"");
    absl::StrAppend(&out, out.empty() ? "[" : ",", "{\"op_type\":", type,
                    ",\"input_columns\":", json(fields[1]), ",\"output_columns\":", json(fields[2]),
                    ",\"project_columns\":", json(fields[3]), ",\"operations\":", json(fields[5]),
                    "}");
  }
  return out.empty() ? out : out + "]";
}

}  // namespace

absl::StatusOr<RawAttribute> ParseAttribute(absl::string_view bytes, const Limits& limits,
                                            int depth) {
  if (depth > limits.max_nesting) {
    return absl::ResourceExhaustedError(
        absl::StrCat("values nest deeper than ", limits.max_nesting));
  }
  RawAttribute a;
  WireReader r(bytes);
  bool good = true;
  while (r.Next()) {
    switch (r.field()) {
      case 1:
        a.name = r.bytes();
        break;
      case 2:
        a.f = r.float32();
        a.has_f = true;
        break;
      case 3:
        a.i = r.integer();
        a.has_i = true;
        break;
      case 4:
        a.d = r.float64();
        a.has_d = true;
        break;
      case 5:
        a.s = r.bytes();
        a.has_s = true;
        break;
      case 8:
        good &= r.Floats<float>([&](float v) { a.floats.push_back(v); });
        break;
      case 9:
        good &= r.Floats<double>([&](double v) { a.doubles.push_back(v); });
        break;
      case 10:
        good &= r.Integers([&](int64_t v) { a.ints.push_back(v); });
        break;
      case 11:
        a.strings.push_back(r.bytes());
        break;
      case 12: {
        MIRIN_ASSIGN_OR_RETURN(RawTensor t, ParseTensor(r.bytes()));
        a.tensors.push_back(std::move(t));
        break;
      }
      case 15:
        a.ref_attr_name = r.bytes();
        break;
      case 16:
        a.type = static_cast<int>(r.integer());
        break;
      case 17: {
        MIRIN_ASSIGN_OR_RETURN(RawAttribute v, ParseAttribute(r.bytes(), limits, depth + 1));
        a.values.push_back(std::move(v));
        break;
      }
      default:
        break;
    }
    if (static_cast<int64_t>(a.values.size() + a.tensors.size()) > limits.max_tuple_elements) {
      return absl::ResourceExhaustedError(
          absl::StrCat("value '", a.name, "' has too many members"));
    }
  }
  if (!r.ok() || !good) return Damaged(absl::StrCat("attribute '", a.name, "'"), r);
  return a;
}

absl::StatusOr<RawModel> ParseModel(absl::string_view bytes, const Limits& limits) {
  RawModel m;
  absl::string_view entry;
  std::vector<absl::string_view> functions;
  WireReader r(bytes);
  while (r.Next()) {
    switch (r.field()) {
      case 1:
        m.ir_version = std::string(r.bytes());
        break;
      case 2:
        m.producer_name = std::string(r.bytes());
        break;
      case 5:
        m.model_version = std::string(r.bytes());
        break;
      case 7:
        entry = r.bytes();
        break;
      case 8:
        functions.push_back(r.bytes());
        break;
      case 9:
        m.preprocessor = PreprocessorJson(r.bytes());
        break;
      case 10:
        m.little_endian = r.integer() != 0;
        break;
      case 12: {
        RawPrimitive p;
        WireReader e(r.bytes());
        while (e.Next()) {
          if (e.field() == 1) p.name = e.bytes();
          if (e.field() == 2) p.op_type = e.bytes();
          if (e.field() == 3) p.attributes.push_back(e.bytes());
          if (e.field() == 5) p.prim_type = static_cast<int>(e.integer());
        }
        if (!e.ok()) return Damaged(absl::StrCat("primitive '", p.name, "'"), e);
        m.primitives.push_back(std::move(p));
        break;
      }
      case 13:
        m.mind_ir_version = r.integer();
        break;
      case 14: {
        std::pair<std::string, std::string> entry_pair;
        WireReader e(r.bytes());
        while (e.Next()) {
          if (e.field() == 1) entry_pair.first = std::string(e.bytes());
          if (e.field() == 2) entry_pair.second = std::string(e.bytes());
        }
        m.user_info.push_back(std::move(entry_pair));
        break;
      }
      default:
        break;
    }
    if (static_cast<int64_t>(functions.size()) > limits.max_graphs ||
        static_cast<int64_t>(m.primitives.size()) > limits.max_nodes) {
      return absl::ResourceExhaustedError("the file has too many graphs or primitives");
    }
  }
  if (!r.ok()) {
    return absl::DataLossError(
        absl::StrCat("not a MindIR file, or damaged: malformed at byte ", r.position()));
  }
  if (m.producer_name.empty() || m.model_version.empty()) {
    return absl::DataLossError(
        "not a MindIR file, or damaged: producer_name or model_version is missing");
  }
  if (m.mind_ir_version > 3 || m.mind_ir_version < 0) {
    return absl::UnimplementedError(
        absl::StrCat("MindIR version ", m.mind_ir_version, " is newer than 3, the last one known"));
  }
  if (!m.little_endian)
    return absl::UnimplementedError("the file was written on a big-endian machine");
  if (entry.data() == nullptr) return absl::DataLossError("the file has no graph");
  int64_t nodes_left = limits.max_nodes;
  m.graphs.reserve(functions.size() + 1);
  MIRIN_ASSIGN_OR_RETURN(RawGraph first, ParseGraph(entry, limits, &nodes_left));
  m.graphs.push_back(std::move(first));
  for (absl::string_view f : functions) {
    MIRIN_ASSIGN_OR_RETURN(RawGraph g, ParseGraph(f, limits, &nodes_left));
    m.graphs.push_back(std::move(g));
  }
  for (absl::string_view attribute : m.graphs[0].attributes) {
    MIRIN_ASSIGN_OR_RETURN(RawAttribute a, ParseAttribute(attribute, limits));
    if (a.name == "fmk" || a.name == "isOptimized" || a.name == "original_fmk_type")
      m.is_lite = true;
  }
  return m;
}

}  // namespace mirin::mindir
