#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "hashing/base/clock.h"
#include "hashing/sandbox/message.h"
#include "tools/scan/unpack_internal.h"

#define NS_PER_MS  INT64_C(1000000)
#define RATIO_FREE (UINT64_C(64) << 20) /* a flat picture's gzip is no bomb */

/* What the unpacker has used of the processor time that all levels share. */
static int64_t cpu_used_ns(const struct level *level)
{
    clockid_t clock;
    return level->child.pid > 0 && clock_getcpuclockid(level->child.pid, &clock) == 0
               ? clock_read_ns(clock)
               : 0;
}

static int stop_child(struct unpack *u, struct level *level)
{
    u->cpu_left_ns -= cpu_used_ns(level);
    return child_stop(&level->child);
}

static enum rc over_cpu(const struct unpack *u, struct err *err)
{
    FAIL(err, RC_LIMIT,
         "took more processor time than the limit of %lld s, and %lld ms a MiB (cpu)",
         (long long)(u->config->limits.cpu_ms / 1000), (long long)u->config->limits.ms_per_mib);
}

static enum rc over_wall(const struct unpack *u, struct err *err)
{
    FAIL(err, RC_LIMIT, "took longer than the limit of %lld s, and %lld ms a MiB (wall)",
         (long long)(u->config->limits.wall_ms / 1000), (long long)u->config->limits.ms_per_mib);
}

static enum rc died(struct unpack *u, struct err *err)
{
    char death[64];
    struct level *top = unpack_top(u);
    bool greeted = top->reader.greeted;
    int status = stop_child(u, top);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
        u->cpu_left_ns = 0;
        return over_cpu(u, err);
    }
    child_death_text(status, death, sizeof death);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        FAIL(err, RC_BUSY, "the unpacker was killed from outside");
    if (!greeted)
        FAIL(err, RC_SYS, "%s ended at its start: %s", u->config->program, death);
    FAIL(err, RC_UNDECODABLE, "the unpacker crashed on it: %s", death);
}

enum rc level_listen(struct unpack *u, struct unpack_head *ret, struct bytes *ret_rest,
                     struct err *err)
{
    struct level *top = unpack_top(u);
    struct err why;
    size_t n;

    switch (child_listen(&top->child, u->deadline, u->message, sizeof u->message, &n)) {
    case CHILD_SAID:
        break;
    case CHILD_GONE:
        return died(u, err);
    case CHILD_SILENT:
        u->wall_left_ns = 0;
        return over_wall(u, err);
    default:
        FAIL_SYS(err, "cannot listen to the unpacker");
    }
    /* One that talks all the time must not outlive the deadline either. */
    if (clock_mono_ns() >= u->deadline) {
        u->wall_left_ns = 0;
        return over_wall(u, err);
    }
    if (unpack_reader_take(&top->reader, u->message, n, ret, ret_rest, &why) != RC_OK)
        FAIL(err, RC_UNDECODABLE, "the unpacker answered nonsense: %s", why.msg);
    return RC_OK;
}

static enum rc greet(struct unpack *u, struct err *err)
{
    struct unpack_head head;
    struct bytes rest;
    TRY(level_listen(u, &head, &rest, err));
    if (head.rc != RC_OK)
        FAIL(err, RC_SYS, "%s: the sandbox: %s", u->config->program, (const char *)rest.p);
    return RC_OK;
}

static enum rc send_job(struct unpack *u, int fd, struct err *err)
{
    const struct level *top = unpack_top(u);
    const struct unpack_job job = {.magic = UNPACK_MAGIC,
                                   .version = UNPACK_VERSION,
                                   .size = top->size,
                                   .member_bytes = top->reader.member_bytes,
                                   .cpu_seconds = (uint64_t)(u->cpu_left_ns / 1000000000 + 1)};
    const struct iovec part = {.iov_base = (void *)&job, .iov_len = sizeof job};
    return message_send(top->child.channel, &part, 1, fd, MSG_DONTWAIT) ? RC_OK : died(u, err);
}

enum rc level_enter(struct unpack *u, int fd, uint64_t size, struct err *err)
{
    const struct unpack_limits *limits = &u->config->limits;
    if (u->cpu_left_ns <= 0)
        return over_cpu(u, err);
    struct level *level = &u->level[u->depth];
    *level = (struct level){.child = {.pid = -1, .channel = -1},
                            .reader = {.member_bytes = limits->member_bytes},
                            .size = size,
                            .memfd = -1,
                            .prefix = u->name_length};
    TRY(child_start(u->config->program, "hashgate-unpack", limits->memory, &level->child, err));
    u->depth++;
    enum rc rc = greet(u, err);
    if (rc == RC_OK)
        rc = send_job(u, fd, err);
    if (rc != RC_OK)
        level_leave(u);
    return rc;
}

void level_leave(struct unpack *u)
{
    struct level *top = unpack_top(u);
    (void)stop_child(u, top);
    if (top->memfd >= 0)
        close(fd_take(&top->memfd));
    u->depth--;
}

enum rc level_count(struct unpack *u, uint64_t bytes, struct err *err)
{
    const struct unpack_limits *limits = &u->config->limits;
    struct level *top = unpack_top(u);
    uint64_t most;

    top->bytes += bytes;
    u->total += bytes;
    if (u->total > limits->total_bytes)
        FAIL(err, RC_LIMIT, "holds more than %llu bytes (total_bytes)",
             (unsigned long long)limits->total_bytes);
    if (!__builtin_mul_overflow(top->size, limits->ratio, &most) && top->bytes > RATIO_FREE &&
        top->bytes - RATIO_FREE > most)
        FAIL(err, RC_LIMIT, "unpacks to more than %llu times its size (ratio)",
             (unsigned long long)limits->ratio);
    return RC_OK;
}

bool level_all_over(const struct unpack *u, enum rc rc)
{
    const struct unpack_limits *limits = &u->config->limits;
    return (rc != RC_UNDECODABLE && rc != RC_LIMIT && rc != RC_NOT_MEDIA) ||
           u->total > limits->total_bytes || u->members > limits->members || u->cpu_left_ns <= 0 ||
           u->wall_left_ns <= 0;
}

/* FNV-1a: who makes two names that collide makes one of them longer, and no more. */
static uint64_t name_hash(struct bytes name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ name.p[i]) * UINT64_C(0x100000001b3);
    return h == 0 ? 1 : h;
}

static bool put(struct name_set *set, uint64_t h)
{
    size_t at = (size_t)(h ^ h >> 32) & (set->room - 1);
    while (set->slot[at] != 0 && set->slot[at] != h)
        at = (at + 1) & (set->room - 1);
    bool is_new = set->slot[at] == 0;
    set->slot[at] = h;
    set->n += is_new;
    return is_new;
}

enum rc name_set_add(struct name_set *set, struct bytes name, bool *ret_new, struct err *err)
{
    if (set->n >= set->room / 2) {
        struct name_set larger = {.room = set->room == 0 ? 256 : set->room * 2};
        larger.slot = calloc(larger.room, sizeof *larger.slot);
        if (larger.slot == NULL)
            FAIL(err, RC_NOMEM, "no memory for the names of members");
        for (size_t i = 0; i < set->room; i++)
            if (set->slot[i] != 0)
                put(&larger, set->slot[i]);
        free(set->slot);
        *set = larger;
    }
    *ret_new = put(set, name_hash(name));
    return RC_OK;
}
