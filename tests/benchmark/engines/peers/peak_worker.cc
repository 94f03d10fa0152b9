// Not an engine: a call is 0.8 GFLOP of multiply-adds in registers a thread, so that the machine's peak stands beside the engines' times.
#include "../worker.h"

namespace {

constexpr int64_t kRounds = 2'500'000;

typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

template <typename Vector>
__attribute__((always_inline)) inline float MultiplyAdds() {
  constexpr int64_t kCount = kRounds * 64 / static_cast<int64_t>(sizeof(Vector));
  const Vector a = Vector{} + 1.0f, b = Vector{} + 1e-9f;
  Vector s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{}, s8{},
      s9{};  // more than latency times ports
  for (int64_t i = 0; i < kCount; ++i) {
    __asm__(
        "vfmadd231ps %10, %11, %0\n vfmadd231ps %10, %11, %1\n vfmadd231ps %10, %11, %2\n"
        "vfmadd231ps %10, %11, %3\n vfmadd231ps %10, %11, %4\n vfmadd231ps %10, %11, %5\n"
        "vfmadd231ps %10, %11, %6\n vfmadd231ps %10, %11, %7\n vfmadd231ps %10, %11, %8\n"
        "vfmadd231ps %10, %11, %9"
        : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7), "+v"(s8),
          "+v"(s9)
        : "v"(a), "v"(b));
  }
  const Vector total = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9;
  float first;
  __builtin_memcpy(&first, &total, sizeof first);
  return first;
}

__attribute__((target("avx512f,fma"), noinline)) float Avx512() { return MultiplyAdds<Vector16>(); }
__attribute__((target("avx2,fma"), noinline)) float Avx2() { return MultiplyAdds<Vector8>(); }

void Work() {
  volatile float sink = __builtin_cpu_supports("avx512f") ? Avx512() : Avx2();
  static_cast<void>(sink);
}

class Peak final : public bench::Engine {
 public:
  void Load(const std::string&, const bench::Arrays&, int threads, const std::vector<int>&,
            int) override {
    threads_ = threads;
  }
  void Call() override {
    std::vector<std::thread> others;
    for (int i = 1; i < threads_; ++i) others.emplace_back(Work);
    Work();
    for (std::thread& t : others) t.join();
  }
  bench::Arrays Outputs() override { return {}; }
  std::function<void()> Caller() override { return Work; }

 private:
  int threads_ = 1;
};

}  // namespace

int main() {
  Peak engine;
  bench::Serve("peak", "1", engine);
}
