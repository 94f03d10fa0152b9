package com.mindspore;

import com.mindspore.internal.Mirin;
import java.util.ArrayList;
import java.util.List;

/** Names, types and shapes of a model's inputs and outputs, copied from the model. */
final class Signature {
  /**
   * A declared tensor. dims: -1 where known only at run time, null when not even the rank is known.
   */
  static final class Value {
    final String name;
    final int dataType;
    final long[] dims;

    Value(String name, int dataType, long[] dims) {
      this.name = name;
      this.dataType = dataType;
      this.dims = dims;
    }

    MSTensor tensor() {
      return new MSTensor(name, dataType, dims);
    }
  }

  final List<Value> inputs = new ArrayList<>();
  final List<Value> outputs = new ArrayList<>();

  Signature(long model) {
    int n = (int) Mirin.mirin_model_input_count(model);
    for (int i = 0; i < n; i++) {
      inputs.add(
          new Value(
              Mirin.mirin_model_input_name(model, i),
              Mirin.mirin_model_input_dtype(model, i),
              Mirin.signatureDims(model, false, i)));
    }
    n = (int) Mirin.mirin_model_output_count(model);
    for (int i = 0; i < n; i++) {
      outputs.add(
          new Value(
              Mirin.mirin_model_output_name(model, i),
              Mirin.mirin_model_output_dtype(model, i),
              Mirin.signatureDims(model, true, i)));
    }
  }

  /** Whether the inputs' declared shapes leave room for these. */
  boolean takes(long[][] shapes) {
    if (shapes.length != inputs.size()) {
      return false;
    }
    for (int i = 0; i < shapes.length; i++) {
      long[] declared = inputs.get(i).dims;
      if (declared == null) {
        continue;
      }
      if (declared.length != shapes[i].length) {
        return false;
      }
      for (int d = 0; d < declared.length; d++) {
        if (declared[d] != -1 && declared[d] != shapes[i][d]) {
          return false;
        }
      }
    }
    return true;
  }

  static List<MSTensor> tensors(List<Value> values) {
    List<MSTensor> tensors = new ArrayList<>(values.size());
    for (Value value : values) {
      tensors.add(value.tensor());
    }
    return tensors;
  }
}
