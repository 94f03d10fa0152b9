// Sequences and optionals. They exist while a model is converted: their lengths and the positions in them have to be known then.
#include "core/converter/onnx/ops/common.h"

namespace mirin::onnx {
namespace {

using Members = std::vector<Operand>;

absl::StatusOr<Members> SequenceOf(OpContext& c, int i) {
  if (!c.has_input(i)) return absl::InvalidArgumentError(absl::StrCat("input ", i, " is missing"));
  if (c.operand(i).sequence == nullptr)
    return absl::InvalidArgumentError(absl::StrCat("input ", i, " is no sequence"));
  return *c.operand(i).sequence;
}

// A position among n members, -n .. n - 1, from the start.
absl::StatusOr<size_t> PositionOf(OpContext& c, int i, size_t n) {
  MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> given,
                         c.ConstantInts(i, "the position in the sequence"));
  if (given.size() != 1)
    return absl::InvalidArgumentError(absl::StrCat("the position has ", given.size(), " elements"));
  const int64_t size = static_cast<int64_t>(n), at = given[0] < 0 ? given[0] + size : given[0];
  if (at < 0 || at >= size)
    return absl::InvalidArgumentError(absl::StrCat("position ", given[0], " in a sequence of ", n));
  return static_cast<size_t>(at);
}

void SetSequence(OpContext& c, int i, Members members, DType element) {
  Operand sequence = Operand::Sequence(std::move(members));
  sequence.element = element;
  c.SetOutput(i, std::move(sequence));
}

bool AllAlike(const Members& members) {
  for (const Operand& m : members) {
    if (m.tensor == nullptr || !m.tensor->type().shape.concrete() ||
        m.tensor->type() != members[0].tensor->type())
      return false;
  }
  return !members.empty();
}

absl::StatusOr<std::vector<ir::Value*>> TensorsOf(const Members& members) {
  std::vector<ir::Value*> tensors;
  for (const Operand& m : members) {
    if (m.tensor == nullptr)
      return absl::InvalidArgumentError("a member of the sequence is no tensor");
    tensors.push_back(m.tensor);
  }
  return tensors;
}

}  // namespace

namespace translate {

absl::Status SequenceConstruct(OpContext& c) {
  MIRIN_RETURN_IF_ERROR(RequireSameDTypes(c));
  Members members;
  for (ir::Value* v : c.inputs()) members.push_back(Operand::Tensor(v));
  if (members.empty()) return absl::InvalidArgumentError("it has no members");
  SetSequence(c, 0, std::move(members), c.dtype(0));
  return absl::OkStatus();
}

absl::Status SequenceEmpty(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const DType element, DTypeAttribute(c, "dtype", DType::kFloat32));
  SetSequence(c, 0, {}, element);
  return absl::OkStatus();
}

// A computed position works where the members are of one type.
absl::Status SequenceAt(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Members members, SequenceOf(c, 0));
  if (GraphBuilder::ValueOf(c.input(1)) == nullptr && AllAlike(members) &&
      members[0].tensor->type().shape.rank() < kMaxRank) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<ir::Value*> tensors, TensorsOf(members));
    c.SetOutput(0, c.Op("Gather",
                        {c.Op("Stack", tensors, {{"axis", 0}}), AsScalar(c.builder(), c.input(1))},
                        {{"axis", 0}}));
    return absl::OkStatus();
  }
  MIRIN_ASSIGN_OR_RETURN(const size_t at, PositionOf(c, 1, members.size()));
  c.SetOutput(0, members[at]);
  return absl::OkStatus();
}

// Without a position at the end.
absl::Status SequenceInsert(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Members members, SequenceOf(c, 0));
  if (!members.empty() && members[0].tensor != nullptr &&
      members[0].tensor->type().dtype != c.dtype(1)) {
    return absl::InvalidArgumentError(absl::StrCat("a ", Name(c.dtype(1)),
                                                   " tensor for a sequence of ",
                                                   Name(members[0].tensor->type().dtype)));
  }
  size_t at = members.size();
  if (c.has_input(2)) {
    MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> given,
                           c.ConstantInts(2, "the position in the sequence"));
    const bool end = given.size() == 1 && given[0] == static_cast<int64_t>(members.size());
    if (!end) {
      MIRIN_ASSIGN_OR_RETURN(at, PositionOf(c, 2, members.size()));
    }
  }
  members.insert(members.begin() + static_cast<std::ptrdiff_t>(at), Operand::Tensor(c.input(1)));
  SetSequence(c, 0, std::move(members), c.dtype(1));
  return absl::OkStatus();
}

// Without a position the last one.
absl::Status SequenceErase(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(Members members, SequenceOf(c, 0));
  if (members.empty()) return absl::InvalidArgumentError("the sequence is empty");
  size_t at = members.size() - 1;
  if (c.has_input(1)) {
    MIRIN_ASSIGN_OR_RETURN(at, PositionOf(c, 1, members.size()));
  }
  members.erase(members.begin() + static_cast<std::ptrdiff_t>(at));
  SetSequence(c, 0, std::move(members), c.operand(0).element);
  return absl::OkStatus();
}

absl::Status SequenceLength(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Members members, SequenceOf(c, 0));
  c.SetOutput(0, c.builder().Int(static_cast<int64_t>(members.size())));
  return absl::OkStatus();
}

// Chunks of one size (1 by default), or sizes one by one.
absl::Status SplitToSequence(OpContext& c) {
  GraphBuilder& b = c.builder();
  MIRIN_ASSIGN_OR_RETURN(const int rank, c.Rank(0));
  MIRIN_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(c.Int("axis", 0), rank));
  const bool keep = c.Bool("keepdims", true) || c.has_input(1);
  std::vector<ir::Value*> parts;
  if (c.has_input(1) && c.shape(1) != Shape(Dims{})) {
    MIRIN_ASSIGN_OR_RETURN(const int64_t count, LengthOf(c, 1, "sizes"));
    if (count > 0)
      parts = c.Ops("SplitSizes", {c.input(0), IntsOperand(c, 1)},
                    {{"axis", axis}, {"output_num", count}});
  } else {
    int64_t size = 1;
    if (c.has_input(1)) {
      MIRIN_ASSIGN_OR_RETURN(const std::vector<int64_t> given,
                             c.ConstantInts(1, "the size of the parts"));
      size = given[0];
    }
    const int64_t n = c.shape(0).dim(axis);
    if (size < 1) return absl::InvalidArgumentError(absl::StrCat("parts of size ", size));
    if (n < 0)
      return Refuse(
          absl::StrCat("axis ", axis,
                       " has an open size, so the number of parts is not known at conversion"),
          "give the model's inputs a shape");
    std::vector<int64_t> sizes(static_cast<size_t>(n / size), size);
    if (n % size != 0) sizes.push_back(n % size);
    if (!sizes.empty())
      parts = c.Ops("SplitV", {c.input(0)}, {{"size_splits", sizes}, {"axis", axis}});
  }
  Members members;
  for (ir::Value* part : parts)
    members.push_back(Operand::Tensor(keep ? part : b.Squeeze(part, {axis})));
  SetSequence(c, 0, std::move(members), c.dtype(0));
  return absl::OkStatus();
}

absl::Status ConcatFromSequence(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Members members, SequenceOf(c, 0));
  MIRIN_ASSIGN_OR_RETURN(const int64_t axis, c.RequiredInt("axis"));
  const bool new_axis = c.Bool("new_axis", false);
  if (members.empty()) return Refuse("the sequence is empty: its result has no known rank");
  MIRIN_ASSIGN_OR_RETURN(const std::vector<ir::Value*> tensors, TensorsOf(members));
  c.SetOutput(0, c.Op(new_axis ? "Stack" : "Concat", tensors, {{"axis", axis}}));
  return absl::OkStatus();
}

// The body member by member; inputs that are tensors are the same for all.
absl::Status SequenceMap(OpContext& c) {
  MIRIN_ASSIGN_OR_RETURN(const Members first, SequenceOf(c, 0));
  std::vector<Members> results(static_cast<size_t>(c.num_outputs()));
  for (size_t i = 0; i < first.size(); ++i) {
    std::vector<Operand> inputs;
    for (int k = 0; k < c.num_inputs(); ++k) {
      const Operand& given = c.operand(k);
      if (given.sequence != nullptr && given.sequence->size() != first.size()) {
        return absl::InvalidArgumentError(absl::StrCat("sequences of ", first.size(), " and ",
                                                       given.sequence->size(), " members"));
      }
      inputs.push_back(given.sequence != nullptr ? (*given.sequence)[i] : given);
    }
    MIRIN_ASSIGN_OR_RETURN(std::vector<Operand> made,
                           c.bodies().Inline("body", inputs, &c.builder()));
    if (made.size() < results.size())
      return absl::InvalidArgumentError(absl::StrCat("its body gives ", made.size(),
                                                     " results for ", results.size(), " outputs"));
    for (size_t k = 0; k < results.size(); ++k) results[k].push_back(std::move(made[k]));
  }
  for (size_t k = 0; k < results.size(); ++k) {
    const DType element = results[k].empty() || results[k][0].tensor == nullptr
                              ? DType::kUnknown
                              : results[k][0].tensor->type().dtype;
    SetSequence(c, static_cast<int>(k), std::move(results[k]), element);
  }
  return absl::OkStatus();
}

// An optional with a value is that value.
absl::Status Optional(OpContext& c) {
  c.Ignore("type");  // of the value; an empty optional needs none here
  c.SetOutput(0, c.has_input(0) ? c.operand(0) : Operand::None());
  return absl::OkStatus();
}

absl::Status OptionalGetElement(OpContext& c) {
  if (!c.has_input(0)) return absl::InvalidArgumentError("input 0 is missing");
  if (c.operand(0).none) return absl::InvalidArgumentError("the optional is empty");
  c.SetOutput(0, c.operand(0));
  return absl::OkStatus();
}

absl::Status OptionalHasElement(OpContext& c) {
  c.SetOutput(0, c.builder().Scalar(c.has_input(0) && !c.operand(0).none ? 1 : 0, DType::kBool));
  return absl::OkStatus();
}

}  // namespace translate
}  // namespace mirin::onnx
