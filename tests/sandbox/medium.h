/* Media for workers, and what a test must find unchanged when it ends. */
#ifndef TESTS_SANDBOX_MEDIUM_H
#define TESTS_SANDBOX_MEDIUM_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hashing/worker_host.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static inline int medium_unsealed(const void *p, size_t n)
{
    int fd = memfd_create("medium", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    return fd;
}

static inline int medium_sealed(const void *p, size_t n)
{
    int fd = medium_unsealed(p, n);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
    return fd;
}

enum {
    MEDIUM_FRAMES_MAX = 256,
    EVERY = SANITIZED ? 5 : 1 /* of the collected files: sanitized decoders are slow */
};

/* All that a worker found, for media of few frames. */
struct medium_hashes {
    char type[32];
    uint32_t width, height, frames;
    uint32_t n; /* entries of frame[] */
    struct medium_found found;
    struct {
        int64_t ms;
        uint32_t track;
        bool key, preview;
        struct frame_hashes hashes;
    } frame[MEDIUM_FRAMES_MAX];
};

static inline enum rc medium_begin(void *ctx, struct err *err)
{
    struct medium_hashes *medium = ctx;
    (void)err;
    medium->n = 0;
    return RC_OK;
}

static inline enum rc medium_frame(void *ctx, const struct worker_frame *frame, bool *ret_enough,
                                   struct err *err)
{
    struct medium_hashes *medium = ctx;
    (void)err, (void)ret_enough;
    assert_true(medium->n < MEDIUM_FRAMES_MAX);
    medium->frame[medium->n].ms = frame->ms;
    medium->frame[medium->n].track = frame->track;
    medium->frame[medium->n].key = frame->key;
    medium->frame[medium->n].preview = frame->preview;
    medium->frame[medium->n++].hashes = *frame->hashes;
    return RC_OK;
}

static inline enum rc medium_wait(struct worker_host *host, struct medium_hashes *ret,
                                  struct err *err)
{
    const struct worker_sink sink = {.ctx = ret, .begin = medium_begin, .frame = medium_frame};
    struct medium_found found;
    enum rc rc = worker_host_wait(host, &sink, &found, err);
    if (rc != RC_OK)
        return rc;
    ret->found = found;
    memcpy(ret->type, found.type, sizeof ret->type);
    ret->width = found.width;
    ret->height = found.height;
    ret->frames = found.frames;
    return RC_OK;
}

/* Starts a job for the bytes and takes its answer. */
static inline enum rc medium_run(struct worker_host *host, const void *p, size_t n, bool all,
                                 struct medium_hashes *ret, struct err *err)
{
    int fd = medium_sealed(p, n);
    enum rc rc = worker_host_start(host, fd, 0, n, all, err);
    close(fd);
    return rc != RC_OK ? rc : medium_wait(host, ret, err);
}

static inline int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

/* For setup and teardown of each test. */
static inline int note_descriptors(void **state)
{
    *state = (void *)(intptr_t)open_descriptors();
    return 0;
}

static inline int expect_nothing_left(void **state)
{
    if (open_descriptors() != (int)(intptr_t)*state) {
        print_error("descriptors are left open\n");
        return -1;
    }
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        print_error("a child is left\n");
        return -1;
    }
    return 0;
}

#define CLEAN_TEST(f) cmocka_unit_test_setup_teardown(f, note_descriptors, expect_nothing_left)

#endif
