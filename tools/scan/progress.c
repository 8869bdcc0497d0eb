#include "tools/scan/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "hashing/base/clock.h"

enum {
    TURN_MS = 20,
    SHOW_TURNS = 12,
    SETTLE_TURNS = 50,
    SAMPLES = 30, /* seconds that rates are of: what a scan skips, for it knows it, is soon past */
    LINE_MAX_BYTES = 512
};

/* How far it was at some moment. */
struct sample {
    int64_t ns;
    uint64_t seen, walked, bytes, asked;
};
struct window {
    struct sample sample[SAMPLES]; /* a ring */
    unsigned n;                    /* taken so far */
};

static struct sample sample_now(const struct progress *p)
{
    return (struct sample){.ns = clock_mono_ns(),
                           .seen = atomic_load(&p->seen),
                           .walked = atomic_load(&p->walked),
                           .bytes = p->files != NULL ? atomic_load(&p->files->bytes) : 0,
                           .asked = atomic_load(&p->matches->asked)};
}

static void remember(struct window *window, const struct progress *p)
{
    window->sample[window->n++ % SAMPLES] = sample_now(p);
}

/* --- the line --- */

struct line {
    char text[LINE_MAX_BYTES];
    size_t n;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line->text + line->n, sizeof line->text - line->n, format, list);
    va_end(list);
    if (n > 0 && (size_t)n < sizeof line->text - line->n)
        line->n += (size_t)n;
}

static void put_bytes(struct line *line, double bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    unsigned unit = 0;
    for (bytes /= 1000; bytes >= 1000 && unit < 3; unit++)
        bytes /= 1000;
    put(line, "%.1f %s", bytes, units[unit]);
}

/* done of all, at so many a second. */
static void put_left(struct line *line, uint64_t done, uint64_t all, double rate)
{
    if (all <= done || rate <= 0)
        return;
    double seconds = (double)(all - done) / rate;
    uint64_t left = seconds < 1e9 ? (uint64_t)seconds : 1000000000;
    put(line, " · about %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", left / 3600, left / 60 % 60,
        left % 60);
}

/* What matters most comes first, for a narrow terminal cuts the rest off. */
static void make_line(const struct progress *p, const struct window *window, struct line *line)
{
    const struct sample *old = &window->sample[window->n < SAMPLES ? 0 : window->n % SAMPLES];
    const struct sample now = sample_now(p);
    double seconds = (double)(now.ns - old->ns) / 1e9 + 1e-3;
    uint64_t total = atomic_load(&p->total), hits = atomic_load(&p->matches->matched);
    uint64_t done = p->files == NULL ? now.asked : now.walked;
    double rate = (double)(done - (p->files == NULL ? old->asked : old->walked)) / seconds;

    put(line, "%" PRIu64 " %s", p->files == NULL ? done : now.seen,
        p->files == NULL ? "asked again" : "files");
    if (total > 0)
        put(line, " (%" PRIu64 " %%)", done < total ? done * 100 / total : 100);
    put(line, " · %" PRIu64 " hits", hits);
    if (p->files != NULL)
        put(line, " · %" PRIu64 " unreadable", atomic_load(&p->files->failed));
    if (atomic_load(&p->matches->waiting))
        put(line, " · waiting for the service");
    if (clock_mono_ns() - p->began_ns > 2000000000ll)
        put_left(line, done, total, rate);
    if (p->files == NULL) {
        put(line, " · %.0f/s", rate);
        return;
    }
    put(line, " · %.0f files/s · ", (double)(now.seen - old->seen) / seconds);
    put_bytes(line, (double)now.bytes);
    put(line, " · ");
    put_bytes(line, (double)(now.bytes - old->bytes) / seconds);
    put(line, "/s · %" PRIu64 " hashed", atomic_load(&p->files->hashed));
}

/* Without the last column, in which some terminals begin a new line. */
static size_t columns(void)
{
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? size.ws_col - 1u : 79;
}

/* One line, written over the last. */
static void show(const struct progress *p, const struct window *window)
{
    struct line line = {.n = 0};
    size_t shown = 0, n = 0, room = columns();

    make_line(p, window, &line);
    for (; n < line.n; n++) {
        shown += ((unsigned char)line.text[n] & 0xc0) != 0x80;
        if (shown > room)
            break;
    }
    fprintf(stderr, "\r%.*s\033[K", (int)n, line.text);
    fflush(stderr);
}

static void *run(void *ctx)
{
    struct progress *p = ctx;
    struct window window = {.n = 0};
    struct err err;

    remember(&window, p);
    for (unsigned turn = 1; !atomic_load(&p->end); turn++) {
        nanosleep(&(struct timespec){.tv_nsec = TURN_MS * 1000000l}, NULL);
        if (p->show && turn % SHOW_TURNS == 0)
            show(p, &window);
        if (turn % SETTLE_TURNS != 0)
            continue;
        remember(&window, p);
        /* A failure comes back with the next thing that is put. */
        if (state_settle(p->state, false, &err) != RC_OK)
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

/* One call, so that the line which shows the progress does not come between. */
void progress_say(const struct progress *p, const char *what, const struct err *why)
{
    fprintf(stderr, "%shashgate: scan: %s: %s\n", p->show ? "\r\033[K" : "", what, why->msg);
}

void progress_end(struct progress *p)
{
    atomic_store(&p->end, true);
    pthread_join(p->thread, NULL);
    if (p->show)
        fputs("\r\033[K", stderr);
}
