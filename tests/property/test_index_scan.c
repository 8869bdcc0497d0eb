/*
 * The index against a scan over everything that was ever added: random, crowded and hostile
 * lists, every threshold, several banks, removals, `since`; and while a writer is at work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "db/digests.h"
#include "db/index.h"
#include "tests/support/rnd.h"

enum { ITEMS = 3000, BANKS = 6, QUERIES = 11, GENERATIONS = 50 };

struct model {
    struct index_item item[ITEMS];
    bool removed[ITEMS];
    size_t n;
    struct pdq_hash query[QUERIES];
};

struct hits {
    struct index_hit *hit;
    size_t n, size;
};

static void hits_free(struct hits *hits)
{
    free(hits->hit);
}
SCOPED_DEFINE(hits_free, struct hits *)

static bool collect(void *ctx, const struct index_hit *hit)
{
    struct hits *hits = ctx;
    if (hits->n == hits->size) {
        hits->size = hits->size * 2 + 1000;
        hits->hit = realloc(hits->hit, hits->size * sizeof(*hits->hit));
        if (hits->hit == NULL)
            abort();
    }
    hits->hit[hits->n++] = *hit;
    return true;
}

static int by_all(const void *a, const void *b)
{
    const struct index_hit *x = a, *y = b;
    const uint64_t keys[5][2] = {{x->query, y->query},
                                 {x->entry, y->entry},
                                 {x->bank, y->bank},
                                 {(uint32_t)x->place, (uint32_t)y->place},
                                 {x->distance, y->distance}};
    for (int i = 0; i < 5; i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return 0;
}

static void scan(const struct model *model, const struct index_rule *rule, struct hits *hits)
{
    for (uint32_t q = 0; q < QUERIES; q++)
        for (size_t i = 0; i < model->n; i++) {
            const struct index_item *item = &model->item[i];
            unsigned d = pdq_distance(&item->hash, &model->query[q]);
            if (model->removed[i] || item->bank >= rule->banks ||
                (int)d > rule->threshold[item->bank] ||
                (rule->since > 0 && item->generation <= rule->since))
                continue;
            const struct index_hit hit = {.query = q,
                                          .bank = item->bank,
                                          .entry = item->entry,
                                          .place = item->place,
                                          .distance = (uint16_t)d};
            collect(hits, &hit);
        }
}

static void compare(const struct index *index, const struct model *model,
                    const struct index_rule *rule)
{
    SCOPED(hits_free) struct hits *got = &(struct hits){0};
    SCOPED(hits_free) struct hits *want = &(struct hits){0};
    index_search(index, model->query, QUERIES, rule, collect, got);
    scan(model, rule, want);
    assert_int_equal(got->n, want->n);
    if (want->n == 0)
        return;
    qsort(got->hit, got->n, sizeof(*got->hit), by_all);
    qsort(want->hit, want->n, sizeof(*want->hit), by_all);
    for (size_t i = 0; i < want->n; i++)
        assert_int_equal(by_all(&got->hit[i], &want->hit[i]), 0);
}

static struct pdq_hash random_hash(struct rnd *rnd)
{
    struct pdq_hash h;
    for (int i = 0; i < 4; i++)
        h.w[i] = rnd_next(rnd);
    return h;
}

/* Turns exactly n different bits. */
static struct pdq_hash flip(struct rnd *rnd, struct pdq_hash h, unsigned n)
{
    const struct pdq_hash from = h;
    while (pdq_distance(&from, &h) < n) {
        uint64_t bit = rnd_below(rnd, 256);
        h.w[bit / 64] |= ~from.w[bit / 64] & 1ull << (bit % 64);
        h.w[bit / 64] &= ~(from.w[bit / 64] & 1ull << (bit % 64));
    }
    return h;
}

enum list_kind { RANDOM, CROWDED, EQUAL, ON_THE_EDGE, LIST_KINDS };

static struct pdq_hash hash_of_kind(struct rnd *rnd, enum list_kind kind, const struct model *model)
{
    const struct pdq_hash *query = &model->query[rnd_below(rnd, QUERIES)];
    switch (kind) {
    case CROWDED:
        return flip(rnd, model->query[rnd_below(rnd, 3)], (unsigned)rnd_below(rnd, 90));
    case EQUAL:
        return model->query[0];
    case ON_THE_EDGE: /* just within and just beyond each threshold */
        return flip(rnd, *query, (unsigned)rnd_below(rnd, 66));
    default:
        return random_hash(rnd);
    }
}

static void add_batch(struct index *index, struct model *model, struct rnd *rnd,
                      enum list_kind kind, uint64_t entry)
{
    size_t n = 1 + rnd_below(rnd, 40);
    if (n > ITEMS - model->n)
        n = ITEMS - model->n;
    for (size_t i = 0; i < n; i++)
        model->item[model->n + i] =
            (struct index_item){.hash = hash_of_kind(rnd, kind, model),
                                .entry = entry - rnd_below(rnd, 2), /* runs and scattered rows */
                                .generation = 1 + rnd_below(rnd, GENERATIONS),
                                .bank = (uint32_t)rnd_below(rnd, BANKS),
                                .place = (int32_t)rnd_below(rnd, 100000) - 1};
    assert_int_equal(index_add(index, &model->item[model->n], n, NULL), RC_OK);
    model->n += n;
}

static void remove_one(struct index *index, struct model *model, uint64_t entry)
{
    size_t gone = 0;
    for (size_t i = 0; i < model->n; i++)
        if (model->item[i].entry == entry && !model->removed[i]) {
            model->removed[i] = true;
            gone++;
        }
    assert_int_equal(index_remove(index, entry), gone);
}

static void compare_rules(const struct index *index, const struct model *model, struct rnd *rnd)
{
    int16_t threshold[BANKS];
    for (int t = -1; t < 64; t++) { /* the same for all */
        for (int b = 0; b < BANKS; b++)
            threshold[b] = (int16_t)t;
        compare(index, model, &(struct index_rule){.threshold = threshold, .banks = BANKS});
    }
    for (int round = 0; round < 40; round++) { /* each its own, some not asked */
        for (int b = 0; b < BANKS; b++)
            threshold[b] = (int16_t)((int)rnd_below(rnd, 80) - 16);
        for (int b = 0; b < BANKS; b++)
            threshold[b] = threshold[b] < 0 ? -1 : threshold[b];
        struct index_rule rule = {.threshold = threshold,
                                  .banks = (uint32_t)rnd_below(rnd, BANKS + 1),
                                  .since = rnd_below(rnd, GENERATIONS + 2)};
        compare(index, model, &rule);
    }
}

static void finds_what_a_scan_finds(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    for (int kind = 0; kind < LIST_KINDS; kind++) {
        SCOPED(index_free) struct index *index = NULL;
        SCOPED(mem_free) struct model *model = calloc(1, sizeof(*model));
        assert_int_equal(index_new(&index, NULL), RC_OK);
        for (int q = 0; q < QUERIES; q++)
            model->query[q] = random_hash(&rnd);
        for (uint64_t entry = 1; model->n < (kind == EQUAL ? 400 : ITEMS); entry++) {
            add_batch(index, model, &rnd, (enum list_kind)kind, entry);
            if (rnd_below(&rnd, 4) == 0) /* may come back under the same number later */
                remove_one(index, model, entry - rnd_below(&rnd, entry < 3 ? 1 : 3));
        }
        index_check(index);
        compare_rules(index, model, &rnd);
    }
}

/* --- while a writer is at work --- */

/* Entries, one row each: over several tails and merges. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define STREAM 60000
#else
#define STREAM 150000
#endif

enum { BATCH = 37, READERS = 2 };

/*
 * The writer adds entries 0, 1, 2, … and follows behind, removing each third and, of what it
 * removed, bringing each ninth back.  `added` and `removed` say how far it surely is.
 */
struct stream {
    struct index *index;
    struct digests *digests;
    atomic_ulong added, removed;
    atomic_bool done;
    atomic_uint wrong, searches;
};

static struct index_item stream_item(uint64_t entry)
{
    struct index_item item = {.hash = {{0xF0F0, 1, 2, 3}},
                              .entry = entry,
                              .generation = entry + 1,
                              .bank = (uint32_t)(entry % BANKS),
                              .place = (int32_t)entry};
    item.hash.w[0] ^= (1ull << (entry % 20)) - 1; /* distance entry % 20 */
    return item;
}

static struct digest_item stream_digest(uint64_t entry)
{
    struct digest_item item = {.type = DIGEST_SHA1, .entry = entry, .generation = entry + 1};
    memcpy(item.value, &entry, sizeof(entry));
    return item;
}

static void add_entries(struct stream *stream, uint64_t first, size_t n)
{
    struct index_item items[BATCH];
    struct digest_item digests[BATCH];
    for (size_t i = 0; i < n; i++) {
        items[i] = stream_item(first + i);
        digests[i] = stream_digest(first + i);
    }
    if (index_add(stream->index, items, n, NULL) != RC_OK ||
        digests_add(stream->digests, digests, n, NULL) != RC_OK)
        abort();
}

static void remove_entry(struct stream *stream, uint64_t entry)
{
    if (index_remove(stream->index, entry) != 1 || digests_remove(stream->digests, entry) != 1)
        atomic_fetch_add(&stream->wrong, 1);
}

static void *write_stream(void *ctx)
{
    struct stream *stream = ctx;
    for (uint64_t n = 0; n < STREAM; n += BATCH) {
        add_entries(stream, n, BATCH);
        atomic_store(&stream->added, n + BATCH);
        for (uint64_t e = n; e < n + BATCH; e++) {
            if (e % 3 != 0)
                continue;
            remove_entry(stream, e);
            if (e % 9 == 0)
                add_entries(stream, e, 1);
        }
        atomic_store(&stream->removed, n + BATCH);
    }
    atomic_store(&stream->done, true);
    return NULL;
}

struct view {
    struct stream *stream;
    uint8_t *seen; /* by entry */
};

static bool look(void *ctx, const struct index_hit *hit)
{
    struct view *view = ctx;
    bool right = hit->entry < STREAM + BATCH && hit->bank == hit->entry % BANKS &&
                 hit->place == (int32_t)hit->entry && hit->distance == hit->entry % 20 &&
                 view->seen[hit->entry]++ == 0;
    if (!right)
        atomic_fetch_add(&view->stream->wrong, 1);
    return true;
}

static bool look_digest(void *ctx, const struct index_hit *hit)
{
    ((struct view *)ctx)->seen[hit->entry]++;
    return true;
}

/* added and removed: what the writer had surely done before the search began. */
static void judge(struct view *view, const uint8_t *seen, uint64_t added, uint64_t removed)
{
    unsigned wrong = 0;
    for (uint64_t e = 0; e < STREAM + BATCH; e++) {
        if (e % 3 != 0 && e < added)
            wrong += seen[e] != 1;
        else if (e % 9 == 0 && e < removed) /* back before `removed` passed it, and stays */
            wrong += seen[e] != 1;
        else if (e % 3 == 0 && e % 9 != 0 && e < removed)
            wrong += seen[e] != 0;
    }
    atomic_fetch_add(&view->stream->wrong, wrong);
}

static void search_once(struct view *view, struct rnd *rnd)
{
    struct stream *stream = view->stream;
    static const int16_t threshold[BANKS] = {31, 31, 31, 31, 31, 31};
    const struct index_rule rule = {.threshold = threshold, .banks = BANKS};
    memset(view->seen, 0, STREAM + BATCH);
    struct pdq_hash query = {{0xF0F0, 1, 2, 3}};
    uint64_t removed = atomic_load(&stream->removed), added = atomic_load(&stream->added);
    index_search(stream->index, &query, 1, &rule, look, view);
    judge(view, view->seen, added, removed);

    memset(view->seen, 0, STREAM + BATCH);
    for (int i = 0; i < 1000; i++) {
        removed = atomic_load(&stream->removed);
        added = atomic_load(&stream->added);
        if (added == 0)
            return;
        uint64_t e = rnd_below(rnd, added);
        struct digest_item item = stream_digest(e);
        view->seen[e] = 0;
        digests_find(stream->digests, item.type, item.value, &rule, look_digest, view);
        bool must = e % 3 != 0 || (e % 9 == 0 && e < removed);
        bool must_not = e % 3 == 0 && e % 9 != 0 && e < removed;
        if (view->seen[e] > 1 || (must && view->seen[e] != 1) || (must_not && view->seen[e] != 0))
            atomic_fetch_add(&stream->wrong, 1);
    }
}

static void *read_stream(void *ctx)
{
    struct view view = {.stream = ctx, .seen = calloc(STREAM + BATCH, 1)};
    struct rnd rnd = {.state = 1};
    if (view.seen == NULL)
        abort();
    for (bool last = false; !last;) {
        last = atomic_load(&view.stream->done);
        search_once(&view, &rnd);
        atomic_fetch_add(&view.stream->searches, 1);
    }
    free(view.seen);
    return NULL;
}

static void searches_hold_while_a_writer_works(void **state)
{
    (void)state;
    SCOPED(index_free) struct index *index = NULL;
    SCOPED(digests_free) struct digests *digests = NULL;
    assert_int_equal(index_new(&index, NULL), RC_OK);
    assert_int_equal(digests_new(&digests, NULL), RC_OK);
    struct stream stream = {.index = index, .digests = digests};
    pthread_t writer, readers[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_stream, &stream), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_stream, &stream), 0);
    pthread_join(writer, NULL);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    print_message("%u searches meanwhile\n", atomic_load(&stream.searches));
    assert_int_equal(atomic_load(&stream.wrong), 0);
    index_check(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_a_scan_finds),
        cmocka_unit_test(searches_hold_while_a_writer_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
