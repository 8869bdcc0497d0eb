/*
 * Measures: the lookup of a video of a minute, 1,800 frames in eight orientations, in a list of
 * 100,000 clips of 60 signals; one that shows half of a listed clip, and one that shows none.
 * Against: reading as many bytes as the listed hashes have, once for every eight hashes asked
 * (nobody who looks at every hash for eight at a time is faster), and the video's duration.
 * And: bytes of memory for each listed signal, over the 32 of its hash.
 *
 * Signals of one clip are near each other, as frames are: a walk of a few bits from one to the
 * next, with a cut now and then.
 *
 *     bench_clips [ROUNDS [CLIPS]]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/policy.h"
#include "hashing/base/clock.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/bench/bench.h"
#include "tests/support/rnd.h"

enum {
    CLIPS = 100000,
    CLIP_SIGNALS = 60, /* one a second */
    WALK_BITS = 4,     /* between two of them */
    SHOT = 8,          /* seconds, about */
    SECONDS = 60,
    FPS = 30,
    FRAMES = SECONDS * FPS,
    QUERIES = FRAMES * ORIENTATIONS,
    SHOWN_FROM = 15, /* seconds of the video that show a listed clip */
    SHOWN_TO = 45,
    LINE = 64
};

/* --- a list that is made as it is read: what db/blocklist.c asks of a store --- */

struct store {
    uint64_t clips;
};

static struct pdq_hash random_hash(struct rnd *r)
{
    return (struct pdq_hash){{rnd_next(r), rnd_next(r), rnd_next(r), rnd_next(r)}};
}

static struct pdq_hash walk(struct rnd *r, struct pdq_hash h, unsigned bits)
{
    for (; bits > 0; bits--) {
        uint64_t bit = rnd_below(r, PDQ_BITS);
        h.w[bit / 64] ^= 1ull << (bit % 64);
    }
    return h;
}

static void clip_hashes(uint64_t clip, struct pdq_hash *ret)
{
    /* Far from the next clip's: neighbouring states give streams that are one, shifted. */
    struct rnd r = {.state = clip};
    r.state = rnd_next(&r);
    struct pdq_hash h = random_hash(&r);
    for (int i = 0; i < CLIP_SIGNALS; i++) {
        ret[i] = h;
        h = rnd_below(&r, SHOT) == 0 ? random_hash(&r) : walk(&r, h, WALK_BITS);
    }
}

enum rc store_generation(struct store *store, uint64_t *ret, struct err *err)
{
    (void)err;
    *ret = store->clips + 1;
    return RC_OK;
}

static void tell_clip(uint64_t clip, store_change_visit *visit, void *ctx)
{
    struct pdq_hash hash[CLIP_SIGNALS];
    struct signal signals[CLIP_SIGNALS];
    struct ulid id = {{0}};
    memcpy(id.b, &clip, sizeof clip);
    clip_hashes(clip, hash);
    for (int i = 0; i < CLIP_SIGNALS; i++) {
        signals[i] = (struct signal){.type = SIGNAL_PDQ, .quality = 100, .ms = 1000 * i};
        pdq_bytes(&hash[i], signals[i].value);
    }
    const struct change change = {.generation = clip + 2,
                                  .kind = CHANGE_ENTRY,
                                  .entry_id = &id,
                                  .entry_number = clip,
                                  .entry_active = true,
                                  .signals = signals,
                                  .n_signals = CLIP_SIGNALS};
    if (!visit(ctx, &change))
        bench_die("clips", "the list does not take them");
}

enum rc store_changes(struct store *store, uint64_t since, store_change_visit *visit, void *ctx,
                      uint64_t *ret_generation, struct err *err)
{
    struct bank bank = {.name = "BENCH",
                        .action = ACTION_BLOCK,
                        .threshold = PDQ_THRESHOLD,
                        .bank_match_percent = BANK_MATCH_PERCENT,
                        .query_match_percent = QUERY_MATCH_PERCENT,
                        .match_run = MATCH_RUN};
    (void)since, (void)err;
    visit(ctx, &(struct change){.generation = 1, .kind = CHANGE_BANK, .bank = &bank});
    for (uint64_t clip = 0; clip < store->clips; clip++)
        tell_clip(clip, visit, ctx);
    *ret_generation = store->clips + 1;
    return RC_OK;
}

/* --- the video --- */

struct work {
    struct blocklist *list;
    struct lookup_signal *signals; /* QUERIES */
    uint8_t *bytes;                /* as many as the listed hashes have */
    size_t n_bytes;
    uint64_t sum;
};

/* shown: the clip that its middle shows, or -1. */
static void make_video(struct work *w, int64_t shown)
{
    struct rnd r = {.state = 7};
    struct pdq_hash clip[CLIP_SIGNALS], h = random_hash(&r);
    if (shown >= 0)
        clip_hashes((uint64_t)shown, clip);
    for (int frame = 0; frame < FRAMES; frame++) {
        int second = frame / FPS;
        h = rnd_below(&r, SHOT * FPS) == 0 ? random_hash(&r) : walk(&r, h, 1);
        for (int o = 0; o < ORIENTATIONS; o++) {
            struct lookup_signal *s = &w->signals[frame * ORIENTATIONS + o];
            *s = (struct lookup_signal){.type = SIGNAL_PDQ,
                                        .pdq = o == 0 ? h : random_hash(&r),
                                        .orientation = (enum orientation)o,
                                        .ms = (int64_t)frame * 1000 / FPS};
            if (shown >= 0 && o == 0 && second >= SHOWN_FROM && second < SHOWN_TO)
                s->pdq = walk(&r, clip[second], WALK_BITS);
        }
    }
}

static double look_up(struct work *w, bool expect)
{
    static struct lookup got;
    struct err err;
    int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    bench_must(lookup_once(w->list, w->signals, QUERIES, NULL, 0, &got, &err), &err);
    int64_t spent = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began;
    if ((got.verdict == VERDICT_BLOCK) != expect)
        bench_die("clips", "the wrong verdict");
    if (expect && got.matches[0].run < SHOWN_TO - SHOWN_FROM)
        bench_die("clips", "the run is too short");
    return (double)spent / 1e6;
}

typedef uint64_t lanes_t __attribute__((vector_size(LINE)));

/* Four places at a time: a processor reads ahead better than along one line. */
static double read_all(struct work *w)
{
    enum { STREAMS = 4, TIMES = 5 };
    const lanes_t *line = (const void *)w->bytes;
    size_t n = w->n_bytes / LINE / STREAMS;
    lanes_t a = {0}, b = {0}, c = {0}, d = {0};
    int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int time = 0; time < TIMES; time++)
        for (size_t i = 0; i < n; i++) {
            a += line[i];
            b += line[n + i];
            c += line[2 * n + i];
            d += line[3 * n + i];
        }
    int64_t spent = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began;
    a += b + c + d;
    for (size_t k = 0; k < sizeof a / sizeof a[0]; k++)
        w->sum += a[k];
    return (double)spent / 1e6 / TIMES;
}

static void compare(struct work *w, int64_t shown, const char *video, unsigned rounds)
{
    struct bench_samples eight = {0}, whole = {0};
    char row[96], peer[64];
    make_video(w, shown);
    for (unsigned round = 0; round < rounds; round++) {
        double pass = read_all(w), ours = look_up(w, shown >= 0);
        bench_sample(&eight, ours / (QUERIES / HAM_QUERIES), pass);
        bench_sample(&whole, ours, 1000.0 * SECONDS);
    }
    snprintf(row, sizeof row, "8 hashes of a video with %s", video);
    snprintf(peer, sizeof peer, "reading %zu MB", w->n_bytes / 1000000);
    bench_print(&(struct bench_row){.row = row, .peer_is = peer, .unit = "ms"}, &eight);
    snprintf(row, sizeof row, "lookup of a video with %s", video);
    bench_print(&(struct bench_row){.row = row, .peer_is = "its duration", .unit = "ms"}, &whole);
}

/* malloc's, and what the index has mapped past it; the open tail is in both, a megabyte. */
static size_t allocated(const struct blocklist *list)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd + (list != NULL ? index_memory(blocklist_index(list)) : 0);
}

int main(int argc, char **argv)
{
    const char *disagreed;
    unsigned rounds = argc > 1 ? bench_number(argv[1], BENCH_ROUNDS_MAX) : BENCH_ROUNDS;
    struct store store = {.clips = argc > 2 ? bench_number(argv[2], CLIPS * 10) : CLIPS};
    struct work w = {.n_bytes = store.clips * CLIP_SIGNALS * PDQ_BYTES};
    struct err err;

    ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    size_t before = allocated(NULL);
    bench_must(blocklist_load(&store, &w.list, &err), &err);
    bench_figure("block-list memory for each signal of a clip", "the hash itself", "bytes",
                 (double)(allocated(w.list) - before) / (double)(store.clips * CLIP_SIGNALS),
                 PDQ_BYTES);

    w.signals = calloc(QUERIES, sizeof *w.signals);
    w.bytes = aligned_alloc(LINE, w.n_bytes);
    if (w.signals == NULL || w.bytes == NULL)
        bench_die("clips", "no memory");
    memset(w.bytes, 1, w.n_bytes);
    compare(&w, -1, "no listed clip", rounds);
    compare(&w, (int64_t)store.clips / 2, "half a listed clip", rounds);
    blocklist_free(w.list);
    free(w.signals);
    free(w.bytes);
    return 0;
}
