/* Hosts of the misbehaving worker: see misbehaving_worker.c for the commands. */
#ifndef TESTS_SANDBOX_MISBEHAVING_H
#define TESTS_SANDBOX_MISBEHAVING_H

#include <string.h>

#include "tests/sandbox/medium.h"

#define MIB (UINT64_C(1) << 20)

static const struct worker_config misbehaving = {.program = MISBEHAVING_WORKER,
                                                 .section = "test",
                                                 .timeout_ms = 20000,
                                                 .max_pixels = 1000,
                                                 .max_work = 1000000,
                                                 .max_duration_ms = 60000,
                                                 .max_frames = 16,
                                                 .max_jpeg_scans = 100,
                                                 .memory = 256 * MIB,
                                                 .recycle_after = 1000};

static inline struct worker_host *new_host(const struct worker_config *config)
{
    struct worker_host *host = NULL;
    struct err err;
    enum rc rc = worker_host_new(config, &host, &err);
    if (rc != RC_OK)
        fail_msg("%s", err.msg);
    return host;
}

static inline enum rc command(struct worker_host *host, const char *text, struct medium_hashes *ret,
                              struct err *err)
{
    return medium_run(host, text, strlen(text), false, ret, err);
}

/* Whatever happened before, this must work. */
static inline void expect_good(struct worker_host *host)
{
    struct medium_hashes medium;
    struct err err;
    if (command(host, "good", &medium, &err) != RC_OK)
        fail_msg("the job after it: %s", err.msg);
    assert_int_equal(medium.n, 1);
    assert_int_equal(medium.frames, 1);
    assert_int_equal(medium.width, 4);
    assert_int_equal(medium.height, 3);
    assert_string_equal(medium.type, "image/test");
    assert_int_equal(medium.frame[0].ms, 0);
    assert_int_equal(medium.frame[0].hashes.look[0].quality, 100);
    assert_int_not_equal(medium.frame[0].hashes.look[0].hash[0].w[0], 0);
}

static inline void start_command(struct worker_host *host, const char *text)
{
    struct err err;
    int fd = medium_sealed(text, strlen(text));
    if (worker_host_start(host, fd, 0, strlen(text), false, &err) != RC_OK)
        fail_msg("%s", err.msg);
    close(fd);
}

#endif
