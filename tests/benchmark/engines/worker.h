// The C++ side of PROTOCOL.md: derive from Engine and call Serve. Engines report errors by throwing std::exception, as the peers' libraries
// do; Serve answers with @err.
#ifndef TESTS_BENCHMARK_ENGINES_WORKER_H_
#define TESTS_BENCHMARK_ENGINES_WORKER_H_

#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bench {

struct Array {
  std::string name;
  std::string dtype;  // NumPy's, without byte order: "f4", "i8"
  std::vector<int64_t> shape;
  std::vector<char> data;
};
using Arrays = std::vector<Array>;

inline double Seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline double Now() { return Seconds(CLOCK_MONOTONIC); }

inline void Pin(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu : cpus) CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

inline long MemoryKb(const char* key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; getline(file, line);) {
    if (line.compare(0, strlen(key), key) == 0) return atol(line.c_str() + strlen(key) + 1);
  }
  return 0;
}

inline Array ReadNpy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("no " + path);
  const std::string s((std::istreambuf_iterator<char>(file)), {});
  const auto header_size = [&]() -> size_t {
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(s.at(i))); };
    if (byte(6) == 1) return 10 + byte(8) + (byte(9) << 8);
    return 12 + byte(8) + (byte(9) << 8) + (byte(10) << 16) + (byte(11) << 24);
  }();
  const std::string header = s.substr(0, header_size);
  Array a;
  const size_t type = header.find("'descr': '") + 11;
  a.dtype = header.substr(type, header.find('\'', type) - type);
  const size_t open = header.find("'shape': (") + 10;
  std::istringstream dims(header.substr(open, header.find(')', open) - open));
  for (std::string dim; getline(dims, dim, ',');) {
    if (dim.find_first_of("0123456789") != std::string::npos) a.shape.push_back(std::stoll(dim));
  }
  a.data.assign(s.begin() + static_cast<long>(header_size), s.end());
  return a;
}

inline void WriteNpy(const std::string& path, const Array& a) {
  std::string header = "{'descr': '<" + a.dtype + "', 'fortran_order': False, 'shape': (";
  for (int64_t d : a.shape) header += std::to_string(d) + ",";
  header += "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  const uint16_t size = static_cast<uint16_t>(header.size());
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\1\0", 8);
  file.write(reinterpret_cast<const char*>(&size), 2);
  file << header;
  file.write(a.data.data(), static_cast<long>(a.data.size()));
}

inline Arrays ReadArrays(const std::string& directory) {
  std::ifstream file(directory + "/inputs.txt");
  Arrays arrays;
  for (std::string line; getline(file, line);) {
    const size_t tab = line.find('\t');
    arrays.push_back(ReadNpy(directory + "/" + line.substr(tab + 1)));
    arrays.back().name = line.substr(0, tab);
  }
  return arrays;
}

class Engine {
 public:
  virtual ~Engine() = default;
  // Reads and compiles the model; the process is pinned to `cpus` already. callers > 0: only Caller follows.
  virtual void Load(const std::string& model, const Arrays& inputs, int threads,
                    const std::vector<int>& cpus, int callers) = 0;
  virtual void Call() = 0;  // one inference, inputs in place
  virtual Arrays Outputs() = 0;
  // Other inputs, of other shapes. Prepares for them where the engine can; false: the next Call does.
  virtual bool SetInputs(const Arrays&) { throw std::runtime_error("inputs are fixed"); }
  // One inference on the caller's own state, for concurrent callers.
  virtual std::function<void()> Caller() = 0;
};

inline std::string Throughput(Engine& engine, int callers, double seconds) {
  std::atomic<bool> stop{false};
  std::atomic<int> ready{0};
  std::vector<std::vector<double>> latency(static_cast<size_t>(callers));
  std::vector<std::thread> threads;
  for (auto& mine : latency) {
    threads.emplace_back([&] {
      const std::function<void()> call = engine.Caller();
      call();
      ++ready;
      while (ready <= callers) std::this_thread::yield();
      while (!stop) {
        const double begin = Now();
        call();
        mine.push_back(Now() - begin);
      }
    });
  }
  while (ready < callers) std::this_thread::yield();
  const double begin = Now();
  ++ready;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& t : threads) t.join();
  const double took = Now() - begin;
  std::vector<double> all;
  for (const auto& mine : latency) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  const auto at = [&](double part) {
    return 1e6 * all[static_cast<size_t>(part * static_cast<double>(all.size() - 1))];
  };
  std::ostringstream out;
  out << "count=" << all.size() << " secs=" << took << " p50_us=" << at(0.5)
      << " p99_us=" << at(0.99);
  return out.str();
}

inline std::string Answer(Engine& engine, const std::string& request, int* callers) {
  std::istringstream words(request);
  std::string command, word;
  std::map<std::string, std::string> value;
  words >> command;
  while (words >> word) {
    const size_t equals = word.find('=');
    value[word.substr(0, equals)] = word.substr(equals + 1);
  }
  std::ostringstream out;
  if (command == "load") {
    std::vector<int> cpus;
    std::istringstream list(value["cpus"]);
    while (getline(list, word, ',')) cpus.push_back(std::stoi(word));
    Pin(cpus);
    const Arrays inputs = ReadArrays(value["inputs"]);
    *callers = std::stoi(value["callers"]);
    const double begin = Now();
    engine.Load(value["model"], inputs, std::stoi(value["threads"]), cpus, *callers);
    out << "load_ms=" << (Now() - begin) * 1e3;
  } else if (command == "run") {
    std::vector<double> seconds(std::stoul(value["iters"]));
    const int batch = std::stoi(value["batch"]);
    const clockid_t clock = value["clock"] == "cpu" ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    for (double& s : seconds) {
      const double begin = Seconds(clock);
      for (int i = 0; i < batch; ++i) engine.Call();
      s = (Seconds(clock) - begin) / batch;
    }
    out << "us=";
    for (size_t i = 0; i < seconds.size(); ++i) out << (i == 0 ? "" : ",") << seconds[i] * 1e6;
  } else if (command == "inputs") {
    const Arrays inputs = ReadArrays(value["dir"]);
    const double begin = Seconds(CLOCK_THREAD_CPUTIME_ID);
    const bool prepared = engine.SetInputs(inputs);
    out << "plan_ms=" << (prepared ? (Seconds(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3 : 0);
  } else if (command == "outputs") {
    const std::string& directory = value["dir"];
    mkdir(directory.c_str(), 0777);
    std::ofstream list(directory + "/outputs.txt");
    int count = 0;
    for (const Array& a : engine.Outputs()) {
      const std::string file = "out" + std::to_string(count++) + ".npy";
      WriteNpy(directory + "/" + file, a);
      list << a.name << "\t" << file << "\n";
    }
  } else if (command == "throughput") {
    out << Throughput(engine, *callers, std::stod(value["secs"]));
  } else if (command == "stat") {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    out << "rss_kb=" << MemoryKb("VmRSS:") << " hwm_kb=" << MemoryKb("VmHWM:")
        << " cpu_s=" << seconds(usage.ru_utime) + seconds(usage.ru_stime);
  } else {
    throw std::runtime_error("unknown request " + command);
  }
  return out.str();
}

// Answers requests until the end of stdin or quit. Ends the process without unloading the engine.
inline void Serve(const char* name, const std::string& version, Engine& engine) {
  printf("@hello name=%s version=%s base_rss_kb=%ld\n", name, version.c_str(), MemoryKb("VmRSS:"));
  fflush(stdout);
  int callers = 0;
  for (std::string line; getline(std::cin, line) && line != "quit";) {
    std::string reply;
    try {
      reply = "@ok " + Answer(engine, line, &callers);
    } catch (const std::exception& e) {
      reply = std::string("@err ") + e.what();
      std::replace(reply.begin(), reply.end(), '\n', ' ');
    }
    printf("%s\n", reply.c_str());
    fflush(stdout);
  }
  _exit(0);
}

}  // namespace bench

#endif  // TESTS_BENCHMARK_ENGINES_WORKER_H_
