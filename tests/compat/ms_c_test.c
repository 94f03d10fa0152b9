/* A user's C program against MindSpore Lite's documented C API: compiled as C99, C11 and C++17. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/c_api/context_c.h"
#include "include/c_api/model_c.h"

#define EXPECT(condition)                                             \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

static MSContextHandle new_context(int32_t threads) {
  MSContextHandle context = MSContextCreate();
  MSDeviceInfoHandle cpu = MSDeviceInfoCreate(kMSDeviceTypeCPU);
  EXPECT(context != NULL && cpu != NULL);
  MSContextSetThreadNum(context, threads);
  MSDeviceInfoSetEnableFP16(cpu, false);
  MSContextAddDeviceInfo(context, cpu);
  return context;
}

static void classify(void) {
  MSModelHandle model = MSModelCreate();
  MSTensorHandleArray inputs, outputs;
  float* data;
  const float* scores;
  int64_t i;
  size_t rank = 0;
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/tensor_add.mindir", kMSModelTypeMindIR,
                              new_context(2)) == kMSStatusSuccess);
  inputs = MSModelGetInputs(model);
  EXPECT(inputs.handle_num == 2);
  for (i = 0; i < 2; ++i) {
    int64_t k;
    EXPECT(MSTensorGetDataType(inputs.handle_list[i]) == kMSDataTypeNumberTypeFloat32);
    EXPECT(MSTensorGetShape(inputs.handle_list[i], &rank) != NULL && rank > 0);
    EXPECT(MSTensorGetDataSize(inputs.handle_list[i]) ==
           (size_t)MSTensorGetElementNum(inputs.handle_list[i]) * 4);
    data = (float*)MSTensorGetMutableData(inputs.handle_list[i]);
    EXPECT(data != NULL);
    for (k = 0; k < MSTensorGetElementNum(inputs.handle_list[i]); ++k)
      data[k] = (float)(k + 10 * i);
  }
  EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusSuccess);
  EXPECT(outputs.handle_num == 1 &&
         outputs.handle_list[0] == MSModelGetOutputs(model).handle_list[0]);
  scores = (const float*)MSTensorGetData(outputs.handle_list[0]);
  for (i = 0; i < MSTensorGetElementNum(outputs.handle_list[0]); ++i)
    EXPECT(scores[i] == (float)(2 * i + 10));
  EXPECT(MSModelGetInputByTensorName(model, MSTensorGetName(inputs.handle_list[1])) ==
         inputs.handle_list[1]);
  EXPECT(MSModelGetOutputByTensorName(model, "nothing") == NULL);
  EXPECT(MSModelBuildFromFile(model, "x", kMSModelTypeMindIR, model) == kMSStatusLiteModelRebuild);
  MSModelDestroy(&model);
  EXPECT(model == NULL);
}

static void resize(void) {
  MSModelHandle model = MSModelCreate();
  MSTensorHandleArray inputs, outputs;
  MSShapeInfo shape = {2, {3, 4}};
  size_t rank = 0;
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/dyn_batch_mlp.mindir", kMSModelTypeMindIR,
                              new_context(1)) == kMSStatusSuccess);
  inputs = MSModelGetInputs(model);
  EXPECT(MSTensorGetShape(inputs.handle_list[0], &rank)[0] == -1);
  EXPECT(MSTensorGetMutableData(inputs.handle_list[0]) == NULL);
  EXPECT(MSModelResize(model, inputs, &shape, 1) == kMSStatusSuccess);
  EXPECT(MSTensorGetElementNum(inputs.handle_list[0]) == 12);
  memset(MSTensorGetMutableData(inputs.handle_list[0]), 0, 48);
  EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusSuccess);
  EXPECT(MSTensorGetShape(outputs.handle_list[0], &rank)[0] == 3 && rank == 2);
  shape.shape[0] = -4;
  EXPECT(MSModelResize(model, inputs, &shape, 1) == kMSStatusLiteInputParamInvalid);
  shape.shape[0] = 3;
  shape.shape[1] = 5;
  EXPECT(MSModelResize(model, inputs, &shape, 1) == kMSStatusLiteInputParamInvalid);
  MSModelDestroy(&model);
}

static void fill(MSTensorHandle tensor, float scale) {
  float* data = (float*)MSTensorGetMutableData(tensor);
  int64_t i;
  EXPECT(data != NULL);
  for (i = 0; i < MSTensorGetElementNum(tensor); ++i) data[i] = scale * (float)(i % 7 - 3);
}

static int64_t first_dim(MSTensorHandle tensor) {
  size_t rank = 0;
  const int64_t* shape = MSTensorGetShape(tensor, &rank);
  EXPECT(shape != NULL && rank == 2);
  return shape[0];
}

/* A file of batch 2: batch 6, refused shapes, and the way back. */
static void resize_fixed(void) {
  MSModelHandle model = MSModelCreate();
  MSTensorHandleArray inputs, outputs;
  MSTensorHandle input, output;
  MSShapeInfo two = {4, {2, 1, 32, 32}}, six = {4, {6, 1, 32, 32}}, bad = {4, {2, 2, 32, 32}};
  MSShapeInfo* shapes[2];
  float parts[3][20];
  const float* scores;
  int64_t part, i;
  size_t round;
  shapes[0] = &six;
  shapes[1] = &two;
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/lenet5.mindir", kMSModelTypeMindIR,
                              new_context(2)) == kMSStatusSuccess);
  inputs = MSModelGetInputs(model);
  input = inputs.handle_list[0];
  output = MSModelGetOutputs(model).handle_list[0];
  EXPECT(first_dim(output) == 2);
  for (part = 0; part < 3; ++part) {
    fill(input, (float)(part - 1));
    EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusSuccess);
    EXPECT(MSTensorGetElementNum(output) == 20);
    memcpy(parts[part], MSTensorGetData(output), sizeof parts[part]);
  }
  for (round = 0; round < 4; ++round) {
    MSShapeInfo* shape = shapes[round % 2];
    float* data;
    EXPECT(MSModelResize(model, inputs, shape, 1) == kMSStatusSuccess);
    EXPECT(first_dim(output) == shape->shape[0] && MSTensorGetData(output) == NULL);
    EXPECT(MSTensorGetElementNum(input) == shape->shape[0] * 1024);
    data = (float*)MSTensorGetMutableData(input);
    for (i = 0; i < MSTensorGetElementNum(input); ++i)
      data[i] = (float)(i / 2048 - 1) * (float)(i % 2048 % 7 - 3);
    EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusSuccess);
    EXPECT(outputs.handle_list[0] == output && first_dim(output) == shape->shape[0]);
    scores = (const float*)MSTensorGetData(output);
    for (i = 0; i < MSTensorGetElementNum(output); ++i)
      EXPECT(fabsf(scores[i] - parts[i / 20][i % 20]) < 1e-4f);
    /* These change nothing, nor does one to the present shape. */
    EXPECT(MSModelResize(model, inputs, &bad, 1) == kMSStatusLiteInputParamInvalid);
    bad.shape_num = 3;
    EXPECT(MSModelResize(model, inputs, &bad, 1) == kMSStatusLiteInputParamInvalid);
    bad.shape_num = 4;
    EXPECT(MSModelResize(model, inputs, shape, 1) == kMSStatusSuccess);
    EXPECT(first_dim(output) == shape->shape[0] && MSTensorGetData(output) == scores);
    EXPECT(MSTensorGetElementNum(input) == shape->shape[0] * 1024);
    EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusSuccess);
    scores = (const float*)MSTensorGetData(output);
    for (i = 0; i < MSTensorGetElementNum(output); ++i)
      EXPECT(fabsf(scores[i] - parts[i / 20][i % 20]) < 1e-4f);
  }
  EXPECT(MSModelResize(model, inputs, &six, 1) == kMSStatusSuccess);
  MSModelDestroy(&model);
}

static void own_tensors(void) {
  const int64_t shape[] = {2, 3};
  const float values[] = {1, 2, 3, 4, 5, 6};
  MSTensorHandle tensor =
      MSTensorCreate("x", kMSDataTypeNumberTypeFloat32, shape, 2, values, sizeof values);
  MSTensorHandle copy = MSTensorClone(tensor);
  float* given = (float*)malloc(sizeof values);
  EXPECT(tensor != NULL && copy != NULL && given != NULL);
  EXPECT(strcmp(MSTensorGetName(copy), "x_duplicate") == 0);
  EXPECT(memcmp(MSTensorGetData(copy), values, sizeof values) == 0 &&
         MSTensorGetData(copy) != MSTensorGetData(tensor));
  MSTensorSetData(tensor, given);
  EXPECT(MSTensorGetData(tensor) == given);
  MSTensorSetFormat(tensor, kMSFormatNHWC);
  EXPECT(MSTensorGetFormat(tensor) == kMSFormatNHWC && MSTensorGetFormat(NULL) == kMSFormatNHWC);
  EXPECT(MSTensorCreate(NULL, kMSDataTypeNumberTypeFloat32, shape, 2, NULL, 0) == NULL);
  EXPECT(MSTensorCreate("x", kMSDataTypeNumberTypeFloat32, shape, 2, values, 5) == NULL);
  EXPECT(MSTensorGetElementNum(NULL) == 0 && MSTensorGetDataType(NULL) == kMSDataTypeUnknown);
  MSTensorDestroy(&tensor);
  MSTensorDestroy(&copy);
  EXPECT(tensor == NULL);
}

static void contexts(void) {
  const int32_t cores[] = {0, 1};
  size_t count = 0;
  const int32_t* list;
  const char* provider;
  MSContextHandle context = new_context(4);
  MSDeviceInfoHandle npu = MSDeviceInfoCreate(kMSDeviceTypeKirinNPU),
                     gone = MSDeviceInfoCreate(kMSDeviceTypeGPU);
  EXPECT(MSContextGetThreadNum(context) == 4);
  MSContextSetThreadAffinityCoreList(context, cores, 2);
  list = MSContextGetThreadAffinityCoreList(context, &count);
  EXPECT(count == 2 && list[1] == 1);
  free((void*)(uintptr_t)list);
  MSContextSetThreadAffinityMode(context, 1);
  EXPECT(MSContextGetThreadAffinityMode(context) == 1 &&
         MSContextGetThreadAffinityMode(NULL) == -1);
  MSContextSetEnableParallel(context, true);
  EXPECT(MSContextGetEnableParallel(context));
  EXPECT(MSDeviceInfoGetFrequency(npu) == 3);
  MSDeviceInfoSetProvider(npu, "vendor");
  provider = MSDeviceInfoGetProvider(npu);
  EXPECT(strcmp(provider, "vendor") == 0);
  free((void*)(uintptr_t)provider);
  MSContextAddDeviceInfo(context, npu);
  EXPECT(MSDeviceInfoCreate(kMSDeviceTypeInvalid) == NULL);
  MSDeviceInfoDestroy(&gone);
  MSContextDestroy(&context);
  EXPECT(gone == NULL && context == NULL);
}

/* A core list says where threads run: a CPU that is not there is an error, not a hint. */
static void affinity(void) {
  const int32_t none[] = {100000};
  MSModelHandle model = MSModelCreate();
  MSContextHandle context = new_context(0);
  MSContextSetThreadAffinityCoreList(context, none, 1);
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/tensor_add.mindir", kMSModelTypeMindIR,
                              context) == kMSStatusLiteInputParamInvalid);
  MSContextSetThreadAffinityCoreList(context, none, 0);
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/tensor_add.mindir", kMSModelTypeMindIR,
                              context) == kMSStatusSuccess);
  MSModelDestroy(&model);
}

/* Sizes that cannot be, or need more memory than there is, are errors. */
static void impossible_tensors(void) {
  const int64_t shapes[][2] = {{INT64_C(1) << 40, INT64_C(1) << 40},
                               {INT64_C(1) << 30, INT64_C(1) << 30},
                               {-1, 2},
                               {-3, 4},
                               {2, 0}};
  MSModelHandle model = MSModelCreate();
  MSTensorHandleArray inputs, outputs;
  MSTensorHandle given[2];
  size_t i;
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/tensor_add.mindir", kMSModelTypeMindIR,
                              new_context(1)) == kMSStatusSuccess);
  inputs = MSModelGetInputs(model);
  given[0] = inputs.handle_list[0];
  inputs.handle_list = given;
  for (i = 0; i < sizeof shapes / sizeof shapes[0]; ++i) {
    given[1] = MSTensorCreate("x", kMSDataTypeNumberTypeFloat32, shapes[i], 2, NULL, 0);
    EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) != kMSStatusSuccess);
    MSTensorDestroy(&given[1]);
  }
  /* Another type or shape needs other memory: what was there is let go of, and never read beyond
   * its end. */
  given[1] = MSTensorClone(given[0]);
  EXPECT(MSTensorGetMutableData(given[1]) != NULL);
  MSTensorSetDataType(given[1], kMSDataTypeNumberTypeFloat64);
  EXPECT(MSTensorGetData(given[1]) == NULL);
  EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusLiteInputParamInvalid);
  MSTensorDestroy(&given[1]);
  MSModelDestroy(&model);
}

static bool never(const MSTensorHandleArray inputs, const MSTensorHandleArray outputs,
                  const MSCallBackParamC info) {
  (void)inputs, (void)outputs, (void)info;
  return true;
}

static void errors(void) {
  MSModelHandle model = MSModelCreate();
  MSContextHandle context = new_context(1);
  MSContextHandle gpu = MSContextCreate();
  MSTensorHandleArray inputs, outputs = {0, NULL};
  EXPECT(MSModelBuildFromFile(model, "no/such/model.mindir", kMSModelTypeMindIR, context) ==
         kMSStatusLiteFileError);
  EXPECT(MSModelBuildFromFile(NULL, "x", kMSModelTypeMindIR, context) == kMSStatusLiteNullptr);
  EXPECT(MSModelBuildFromFile(model, NULL, kMSModelTypeMindIR, context) == kMSStatusLiteNullptr);
  EXPECT(MSModelBuildFromFile(model, "x", kMSModelTypeInvalid, context) ==
         kMSStatusLiteParamInvalid);
  EXPECT(MSModelBuild(model, "junk", 4, kMSModelTypeMindIR, context) ==
         kMSStatusLiteGraphFileError);
  EXPECT(MSModelPredict(model, MSModelGetInputs(model), &outputs, NULL, NULL) ==
         kMSStatusLiteUninitializedObj);
  MSContextAddDeviceInfo(gpu, MSDeviceInfoCreate(kMSDeviceTypeGPU));
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/tensor_add.mindir", kMSModelTypeMindIR,
                              gpu) == kMSStatusLiteNotSupport);
  MSContextDestroy(&gpu); /* a failed build leaves the context to its owner */
  EXPECT(MSModelBuildFromFile(model, "tests/models/mindir/tensor_add.mindir", kMSModelTypeMindIR,
                              context) == kMSStatusSuccess);
  inputs = MSModelGetInputs(model);
  EXPECT(MSModelPredict(model, inputs, &outputs, never, NULL) == kMSStatusLiteNotSupport);
  inputs.handle_num = 1;
  EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusLiteError);
  EXPECT(MSRunStep(model, NULL, NULL) == kMSStatusLiteNotSupport);
  EXPECT(!MSModelGetTrainMode(model) &&
         MSModelSetTrainMode(model, true) == kMSStatusLiteNotSupport);
  EXPECT(MSModelGetInputs(NULL).handle_num == 0);
  EXPECT((uint32_t)kMSStatusLiteNullptr == (uint32_t)-2 &&
         (uint32_t)kMSStatusLiteInputParamInvalid == (uint32_t)-600);
  MSModelDestroy(&model);
}

int main(void) {
  classify();
  resize();
  resize_fixed();
  own_tensors();
  contexts();
  affinity();
  impossible_tensors();
  errors();
  puts("ok");
  return 0;
}
