/* What a process holds, for programs that must not grow. C11 and C++. */
#ifndef TESTS_STRESS_MEMORY_H_
#define TESTS_STRESS_MEMORY_H_

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPECT(condition)                                             \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

typedef struct Memory {
  long heap; /* bytes in use */
  long rss;  /* resident bytes */
} Memory;

static inline Memory memory_now(void) {
  Memory now;
  struct mallinfo2 info;
  long pages = 0, resident = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  EXPECT(file != NULL && fscanf(file, "%ld %ld", &pages, &resident) == 2);
  fclose(file);
  malloc_trim(0);
  info = mallinfo2();
  now.heap = (long)(info.uordblks + info.hblkhd);
  now.rss = resident * sysconf(_SC_PAGESIZE);
  return now;
}

/* Both are what they were after the first tenth of the rounds, but for the noise of an allocator.
 */
static inline void expect_flat(const char* what, long rounds, Memory before, Memory after) {
  printf("%s: %ld rounds, heap %+ld bytes, resident %+ld kB\n", what, rounds,
         after.heap - before.heap, (after.rss - before.rss) / 1024);
  EXPECT(after.heap - before.heap <= 64 * 1024);
  EXPECT(after.rss - before.rss <= 4 * 1024 * 1024);
}

#endif /* TESTS_STRESS_MEMORY_H_ */
