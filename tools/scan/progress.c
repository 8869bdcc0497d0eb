#include "tools/scan/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "hashing/base/clock.h"

enum { TURN_MS = 50, SHOW_TURNS = 5, SETTLE_TURNS = 20 };

static void tell_left(FILE *out, const struct progress *p, uint64_t seen, double seconds)
{
    uint64_t total = atomic_load(&p->total);
    if (total <= seen || seen == 0 || seconds < 2)
        return;
    uint64_t left = (uint64_t)(seconds * (double)(total - seen) / (double)seen);
    fprintf(out, " · about %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", left / 3600,
            left / 60 % 60, left % 60);
}

/* One line, written over the last. */
static void show(const struct progress *p)
{
    uint64_t asked = atomic_load(&p->matches->asked), hits = atomic_load(&p->matches->matched);
    uint64_t seen = atomic_load(&p->seen);
    double seconds = (double)(clock_mono_ns() - p->began_ns) / 1e9 + 0.001;

    if (p->files == NULL) {
        fprintf(stderr, "\r%" PRIu64 " asked again · %.0f/s · %" PRIu64 " matched", asked,
                (double)asked / seconds, hits);
        tell_left(stderr, p, asked, seconds);
    } else {
        fprintf(stderr,
                "\r%" PRIu64 " files · %" PRIu64 " hashed · %.0f files/s · %.1f MB/s · %" PRIu64
                " matched · %" PRIu64 " unreadable",
                seen, atomic_load(&p->files->hashed), (double)seen / seconds,
                (double)atomic_load(&p->files->bytes) / 1e6 / seconds, hits,
                atomic_load(&p->files->failed));
        tell_left(stderr, p, atomic_load(&p->walked), seconds);
    }
    if (atomic_load(&p->matches->waiting))
        fputs(" · waiting for the service", stderr);
    fputs("\033[K", stderr);
    fflush(stderr);
}

static void *run(void *ctx)
{
    struct progress *p = ctx;
    struct err err;

    for (unsigned turn = 1; !atomic_load(&p->end); turn++) {
        nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000l}, NULL);
        if (p->show && turn % SHOW_TURNS == 0)
            show(p);
        /* A failure comes back with the next thing that is put. */
        if (turn % SETTLE_TURNS == 0 && state_settle(p->state, false, &err) != RC_OK)
            return NULL;
    }
    return NULL;
}

enum rc progress_start(struct progress *p, struct err *err)
{
    p->began_ns = clock_mono_ns();
    atomic_store(&p->end, false);
    errno = pthread_create(&p->thread, NULL, run, p);
    if (errno != 0)
        FAIL_SYS(err, "cannot start a thread");
    return RC_OK;
}

void progress_end(struct progress *p)
{
    atomic_store(&p->end, true);
    pthread_join(p->thread, NULL);
    if (p->show)
        fputs("\r\033[K", stderr);
}
