/* Archives through a real unpacker, noted line by line. */
#ifndef TESTS_SANDBOX_UNPACKING_H
#define TESTS_SANDBOX_UNPACKING_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/sandbox/medium.h"
#include "tests/support/made_archive.h"
#include "tools/scan/unpack.h"

static const struct unpack_config unpacking = {.program = UNPACK_PROGRAM,
                                               .limits = {.depth = 4,
                                                          .members = 200000,
                                                          .total_bytes = UINT64_C(1) << 32,
                                                          .member_bytes = UINT64_C(64) << 20,
                                                          .ratio = 250,
                                                          .memory = UINT64_C(512) << 20,
                                                          .cpu_ms = 60000,
                                                          .wall_ms = 120000}};

/* What came out: "name KIND size: first bytes\n" or "name: why\n" for each member. */
struct unpacked {
    char *text; /* owned */
    size_t n, room, members, failed;
    uint64_t bytes;
    enum rc rc; /* of the archive */
    struct err err;
};

static inline void unpacked_add(struct unpacked *u, const char *p, size_t n)
{
    if (u->n + n + 1 > u->room) {
        u->room = (u->n + n + 1) * 2;
        u->text = realloc(u->text, u->room);
        assert_non_null(u->text);
    }
    memcpy(u->text + u->n, p, n);
    u->n += n;
    u->text[u->n] = '\0';
}

static inline void unpacked_note(struct unpacked *u, const struct unpack_member *m)
{
    char line[128], head[33] = "";
    unpacked_add(u, (const char *)m->name.p, m->name.n);
    if (m->rc != RC_OK) {
        assert_int_equal(m->memfd, -1);
        unpacked_add(u, ": ", 2);
        unpacked_add(u, m->why.msg, strlen(m->why.msg));
        unpacked_add(u, "\n", 1);
        u->failed++;
        return;
    }
    if (m->kind == UNPACK_FILE) {
        struct stat st;
        assert_int_equal(fstat(m->memfd, &st), 0);
        assert_int_equal(st.st_size, m->size);
        assert_int_equal(fcntl(m->memfd, F_GET_SEALS) & 14, 14); /* write, grow, shrink */
        ssize_t got = pread(m->memfd, head, 32, 0);
        assert_true(got >= 0);
        for (ssize_t i = 0; i < got; i++)
            head[i] = head[i] >= 0x20 && head[i] < 0x7f ? head[i] : '.';
    } else {
        assert_int_equal(m->memfd, -1);
    }
    u->bytes += m->size;
    int n = snprintf(line, sizeof line, " %d %llu: %s\n", (int)m->kind, (unsigned long long)m->size,
                     head);
    unpacked_add(u, line, (size_t)n);
}

/* Reads fd to its end and closes it. */
static inline struct unpacked unpack_all(const struct unpack_config *config, int fd)
{
    struct unpacked u = {0};
    struct unpack *unpack = NULL;
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    unpacked_add(&u, "", 0);
    u.rc = unpack_open(config, fd, (uint64_t)st.st_size, &unpack, &u.err);
    while (u.rc == RC_OK) {
        struct unpack_member *m;
        u.rc = unpack_next(unpack, &m, &u.err);
        if (u.rc != RC_OK || m == NULL)
            break;
        unpacked_note(&u, m);
        u.members++;
    }
    unpack_close(unpack);
    close(fd);
    return u;
}

static inline void expect_unpacked(struct unpacked u, const char *text)
{
    if (u.rc != RC_OK)
        fail_msg("%s: %s", rc_name(u.rc), u.err.msg);
    assert_string_equal(u.text, text);
    free(u.text);
}

/* What was given before stands; then this. */
static inline void expect_stopped(struct unpacked u, const char *text, enum rc rc, const char *why)
{
    assert_string_equal(u.text, text);
    if (u.rc != rc || strstr(u.err.msg, why) == NULL)
        fail_msg("%s: '%s', not '%s'", rc_name(u.rc), u.rc == RC_OK ? "" : u.err.msg, why);
    free(u.text);
}

#endif
