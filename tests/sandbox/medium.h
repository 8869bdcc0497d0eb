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

/* Starts a job for the bytes and takes its answer. */
static inline enum rc medium_run(struct worker_host *host, const void *p, size_t n, bool all,
                                 struct medium_hashes *ret, struct err *err)
{
    int fd = medium_sealed(p, n);
    enum rc rc = worker_host_start(host, fd, 0, n, all, err);
    close(fd);
    return rc != RC_OK ? rc : worker_host_wait(host, ret, err);
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
