/* stress ROUNDS: objects of the C API made and dropped in any order that the rules allow, a model
   loaded, run and closed ROUNDS times in flat memory, and 16 threads. */
#include <pthread.h>
#include <string.h>

#include "include/c_api/model_c.h"
#include "mirin/mirin.h"
#include "tests/stress/memory.h"

enum { kThreads = 16 };

static const char kAdd[] = "tests/models/mindir/tensor_add.mindir";
static const int64_t kDims[] = {2, 2};

static void ok(mirin_status* status) {
  if (status == NULL) return;
  fprintf(stderr, "%s\n", mirin_status_message(status));
  exit(1);
}

static mirin_model* load(void) {
  mirin_model* model = NULL;
  ok(mirin_model_load_file(kAdd, NULL, &model));
  return model;
}

static mirin_tensor* filled(float value) {
  mirin_tensor* tensor = NULL;
  ok(mirin_tensor_create(MIRIN_DTYPE_F32, kDims, 2, &tensor));
  for (int i = 0; i < 4; ++i) ((float*)mirin_tensor_mutable_data(tensor))[i] = value;
  return tensor;
}

static bool is(const mirin_tensor* tensor, float value) {
  const float* data = (const float*)mirin_tensor_data(tensor);
  for (int i = 0; i < 4; ++i) {
    if (data[i] != value) return false;
  }
  return mirin_tensor_elements(tensor) == 4;
}

/* Models before their sessions and pools, inputs before outputs, configs and cancellations before
   what they were given to. */
static void wrong_order(void) {
  mirin_config* config = NULL;
  ok(mirin_config_create(&config));
  ok(mirin_config_set(config, "shared_thread_pool", "enable_shared_thread_pool", "false"));
  mirin_model_options options = MIRIN_MODEL_OPTIONS_INIT;
  options.config = config;
  mirin_model* model = NULL;
  ok(mirin_model_load_file(kAdd, &options, &model));
  mirin_config_destroy(config);

  mirin_session* session = NULL;
  mirin_pool* pool = NULL;
  ok(mirin_session_create(model, NULL, &session));
  ok(mirin_pool_create(model, NULL, &pool));
  mirin_tensor *a = filled(1), *b = filled(2);
  const mirin_tensor* inputs[] = {a, b};
  mirin_tensor *from_model = NULL, *from_pool = NULL;
  ok(mirin_model_run(model, NULL, inputs, 2, &from_model, 1));
  mirin_model_destroy(model);

  mirin_cancellation* cancellation = NULL;
  ok(mirin_cancellation_create(&cancellation));
  mirin_run_options limits = MIRIN_RUN_OPTIONS_INIT;
  limits.cancellation = cancellation;
  ok(mirin_pool_run(pool, inputs, 2, &limits, &from_pool, 1));
  mirin_cancellation_destroy(cancellation);
  const mirin_tensor* lent = NULL;
  ok(mirin_session_run(session, inputs, 2, &lent, 1));
  mirin_tensor_destroy(a);
  mirin_tensor_destroy(b);
  mirin_tensor* kept = NULL;
  EXPECT(is(lent, 3));
  ok(mirin_tensor_copy(lent, &kept));
  mirin_session_destroy(session);
  mirin_pool_destroy(pool);
  EXPECT(is(from_model, 3) && is(from_pool, 3) && is(kept, 3));
  mirin_tensor_destroy(kept);
  mirin_tensor_destroy(from_pool);
  mirin_tensor_destroy(from_model);
}

static void count_free(void* data, void* context) {
  free(data);
  ++*(int*)context;
}

/* Adopted memory goes with its last user, and stays the caller's when adopting fails. */
static void adopted_memory(void) {
  int freed = 0;
  FILE* file = fopen("tests/models/mindir/lenet5.mindir", "rb");
  EXPECT(file != NULL);
  char* bytes = (char*)malloc(1 << 20);
  const size_t size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  mirin_model* model = NULL;
  mirin_status* status =
      mirin_model_load_memory_adopt(bytes, size / 2, count_free, &freed, NULL, &model);
  EXPECT(mirin_status_code(status) == MIRIN_DATA_LOSS && freed == 0);
  mirin_status_destroy(status);
  ok(mirin_model_load_memory_adopt(bytes, size, count_free, &freed, NULL, &model));
  mirin_session* session = NULL;
  ok(mirin_session_create(model, NULL, &session));
  mirin_model_destroy(model);
  EXPECT(freed == 0);
  mirin_session_destroy(session);
  EXPECT(freed == 1);

  float* values = (float*)calloc(4, sizeof *values);
  mirin_tensor* tensor = NULL;
  status = mirin_tensor_create_adopted(MIRIN_DTYPE_F32, kDims, 2, values, 15, count_free, &freed,
                                       &tensor);
  EXPECT(status != NULL && tensor == NULL && freed == 1);
  mirin_status_destroy(status);
  ok(mirin_tensor_create_adopted(MIRIN_DTYPE_F32, kDims, 2, values, 16, count_free, &freed,
                                 &tensor));
  mirin_tensor_destroy(tensor);
  EXPECT(freed == 2);
}

/* Load, run in every way, fail once, close. */
static void one_round(int turn) {
  mirin_model* model = load();
  mirin_session* session = NULL;
  mirin_tensor *x = filled((float)turn), *y = NULL;
  const mirin_tensor* inputs[] = {x, x};
  const mirin_tensor* lent = NULL;
  ok(mirin_session_create(model, NULL, &session));
  ok(mirin_session_run(session, inputs, 2, &lent, 1));
  EXPECT(is(lent, 2 * (float)turn));
  ok(mirin_model_run(model, NULL, inputs, 2, &y, 1));
  EXPECT(is(y, 2 * (float)turn));
  mirin_status* status = mirin_model_run(model, NULL, inputs, 1, &y, 1);
  EXPECT(mirin_status_code(status) == MIRIN_INVALID_ARGUMENT);
  mirin_status_destroy(status);
  mirin_tensor_destroy(y);
  mirin_tensor_destroy(x);
  mirin_session_destroy(session);
  mirin_model_destroy(model);
}

/* The same through MindSpore Lite's C API. */
static void one_ms_round(int turn) {
  const int64_t shape[] = {2, 2};
  const float value = (float)turn;
  const float values[] = {value, value, value, value};
  MSContextHandle context = MSContextCreate();
  MSModelHandle model = MSModelCreate();
  MSTensorHandle x = MSTensorCreate("x", kMSDataTypeNumberTypeFloat32, shape, 2, values, 16);
  MSTensorHandle list[] = {x, x};
  const MSTensorHandleArray inputs = {2, list};
  MSTensorHandleArray outputs = {0, NULL};
  MSContextAddDeviceInfo(context, MSDeviceInfoCreate(kMSDeviceTypeCPU));
  EXPECT(MSModelBuildFromFile(model, kAdd, kMSModelTypeMindIR, context) == kMSStatusSuccess);
  EXPECT(MSModelPredict(model, inputs, &outputs, NULL, NULL) == kMSStatusSuccess);
  MSTensorDestroy(&x);
  MSTensorHandle kept = MSTensorClone(outputs.handle_list[0]);
  MSModelDestroy(&model); /* with its outputs and its context */
  EXPECT(((const float*)MSTensorGetData(kept))[3] == 2 * value);
  MSTensorDestroy(&kept);
}

static void rounds(const char* what, void (*round)(int), long count) {
  Memory before = memory_now();
  for (long i = 0; i < count; ++i) {
    if (i == count / 10) before = memory_now();
    round((int)(i % 1000));
  }
  expect_flat(what, count, before, memory_now());
}

typedef struct Shared {
  mirin_model* model;
  mirin_pool* pool;
  long rounds;
} Shared;

/* Each thread uses the shared model and pool, and models and sessions of its own. */
static void* work(void* argument) {
  const Shared* shared = (const Shared*)argument;
  mirin_session* session = NULL;
  ok(mirin_session_create(shared->model, NULL, &session));
  for (long i = 0; i < shared->rounds; ++i) {
    mirin_tensor* x = filled((float)i);
    const mirin_tensor* inputs[] = {x, x};
    const mirin_tensor* lent = NULL;
    mirin_tensor *y = NULL, *z = NULL;
    ok(mirin_session_run(session, inputs, 2, &lent, 1));
    ok(mirin_model_run(shared->model, NULL, inputs, 2, &y, 1));
    ok(mirin_pool_run(shared->pool, inputs, 2, NULL, &z, 1));
    EXPECT(is(lent, 2 * (float)i) && is(y, 2 * (float)i) && is(z, 2 * (float)i));
    mirin_tensor_destroy(z);
    mirin_tensor_destroy(y);
    mirin_tensor_destroy(x);
    if (i % 10 == 0) one_round((int)i);
  }
  mirin_session_destroy(session);
  return NULL;
}

static void threads(long count) {
  Shared shared = {load(), NULL, count};
  pthread_t workers[kThreads];
  ok(mirin_pool_create(shared.model, NULL, &shared.pool));
  for (int t = 0; t < kThreads; ++t) {
    EXPECT(pthread_create(&workers[t], NULL, work, &shared) == 0);
  }
  for (int t = 0; t < kThreads; ++t) pthread_join(workers[t], NULL);
  mirin_model_destroy(shared.model);
  mirin_pool_destroy(shared.pool);
  printf("C: %d threads of %ld rounds\n", kThreads, count);
}

int main(int argc, char** argv) {
  const long count = argc == 2 ? atol(argv[1]) : 0;
  EXPECT(count >= 10);
  for (int i = 0; i < 10; ++i) wrong_order();
  adopted_memory();
  rounds("C", one_round, count);
  rounds("MindSpore Lite's C", one_ms_round, count);
  threads(count / 10);
  return 0;
}
