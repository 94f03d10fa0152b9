/* A model of 16-bit floats through Mirin's C API: the program has float32 values, converts them,
   and converts the results back. custom_dtype [MODEL]   default: double.mindir of this sample,
   which doubles a float16 and a bfloat16 vector */
#include <stdio.h>

#include "mirin/mirin.h"

enum { kCount = 6 };

static mirin_status* double_them(const char* path, uint16_t* half, uint16_t* brain) {
  const int64_t dims[] = {kCount};
  const size_t bytes = kCount * sizeof half[0];
  mirin_model* model = NULL;
  mirin_tensor *x = NULL, *y = NULL;
  mirin_status* status = mirin_model_load_file(path, NULL, &model);
  if (status == NULL)
    status = mirin_tensor_create_borrowed(MIRIN_DTYPE_F16, dims, 1, half, bytes, &x);
  if (status == NULL)
    status = mirin_tensor_create_borrowed(MIRIN_DTYPE_BF16, dims, 1, brain, bytes, &y);
  const mirin_tensor* inputs[] = {x, y};
  mirin_tensor* outputs[2] = {NULL, NULL};
  if (status == NULL) status = mirin_model_run(model, NULL, inputs, 2, outputs, 2);
  if (status == NULL) {
    const uint16_t* halves = (const uint16_t*)mirin_tensor_data(outputs[0]);
    const uint16_t* brains = (const uint16_t*)mirin_tensor_data(outputs[1]);
    for (int i = 0; i < kCount; ++i) {
      half[i] = halves[i];
      brain[i] = brains[i];
    }
  }
  mirin_tensor_destroy(outputs[0]);
  mirin_tensor_destroy(outputs[1]);
  mirin_tensor_destroy(x);
  mirin_tensor_destroy(y);
  mirin_model_destroy(model);
  return status;
}

int main(int argc, char** argv) {
  const char* path = argc > 1 ? argv[1] : "samples/custom_dtype/data/double.mindir";
  const float values[kCount] = {0.1f, 1.0f / 3.0f, -2.71828f, 0.0001f, 1000.1f, 12345.678f};
  uint16_t half[kCount], brain[kCount];
  mirin_f32_to_f16(values, half, kCount);
  mirin_f32_to_bf16(values, brain, kCount);
  mirin_status* status = double_them(path, half, brain);
  if (status != NULL) {
    fprintf(stderr, "custom_dtype: %s\n", mirin_status_message(status));
    mirin_status_destroy(status);
    return 1;
  }
  float from_half[kCount], from_brain[kCount];
  mirin_f16_to_f32(half, from_half, kCount);
  mirin_bf16_to_f32(brain, from_brain, kCount);
  for (int i = 0; i < kCount; ++i)
    printf("2 x %.6f: float16 %.6f, bfloat16 %.6f\n", values[i], from_half[i], from_brain[i]);
  return 0;
}
