/* The limits that bare workers are measured with: none that a usual medium meets. */
#ifndef TESTS_BENCH_BENCH_WORKER_H
#define TESTS_BENCH_BENCH_WORKER_H

#include "hashing/worker_host.h"

static inline struct worker_config bench_worker_config(const char *program)
{
    return (struct worker_config){.program = program,
                                  .section = "bench",
                                  .timeout_ms = 20000,
                                  .max_pixels = 100000000,
                                  .max_work = UINT64_MAX,
                                  .max_duration_ms = INT64_MAX,
                                  .max_frames = 1000,
                                  .max_jpeg_scans = 100,
                                  .memory = 1 << 30};
}

#endif
