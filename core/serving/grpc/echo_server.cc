// The gRPC face alone, before an engine that answers at once: for measuring what the face costs.
//   echo_server ADDRESS, until its standard input ends; then it prints its CPU time.
#include <sys/resource.h>

#include <cstdio>
#include <memory>

#include "core/serving/settings.h"
#include "core/serving/shared_memory.h"
#include "core/serving/testing/fake_engine.h"
#include "core/serving/transport.h"

int main(int argc, char** argv) {
  using namespace mirin::serving;
  if (argc != 2) return 2;
  FakeEngine engine;
  SharedMemoryRegistry shared_memory;
  ServerSettings settings;
  TransportOptions options;
  options.address = argv[1];
  auto transport = StartGrpc({&engine, nullptr, &shared_memory, &settings}, std::move(options));
  if (!transport.ok()) {
    std::fprintf(stderr, "%s\n", transport.status().ToString().c_str());
    return 1;
  }
  std::printf("port %d\n", (*transport)->port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double us = 1e6 * static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                    static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  std::printf("%d requests, %.1f us of CPU each, %ld KiB at most\n", engine.requests(),
              us / engine.requests(), usage.ru_maxrss);
  return 0;
}
