/* Does an index come back as it was frozen, and does a wrong segment break anything? */
#include "tests/unit/db/snapshot_file.h"

#include "db/index.h"
#include "tests/support/rnd.h"
#include "tests/support/snapshot_seal.h"

enum { ITEMS = 20000, ENTRIES = 7000, QUERIES = 64, RADIUS = 31 };

static const struct snapshot_head head = {.generation = 1, .audit_seq = 1};

/* Every tenth hash is one of a few: many items share a row. */
static struct pdq_hash hash_of(uint64_t i)
{
    uint64_t k = i % 10 == 0 ? i % 70 : i;
    struct rnd rnd = {.state = k * 0x9E3779B97F4A7C15 + 1};
    return (struct pdq_hash){{rnd_next(&rnd), rnd_next(&rnd), rnd_next(&rnd), rnd_next(&rnd)}};
}

static void add(struct index *index, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        const struct index_item item = {.hash = hash_of(i),
                                        .entry = i % ENTRIES,
                                        .generation = 1 + i,
                                        .bank = (uint32_t)(i % 5),
                                        .place = (int32_t)(i % 3) - 1};
        assert_int_equal(index_add(index, &item, 1, NULL), RC_OK);
    }
}

static struct index *built(void)
{
    struct index *index = NULL;
    assert_int_equal(index_new(&index, NULL), RC_OK);
    index_bulk(index, true);
    add(index, 0, ITEMS - 500);
    index_bulk(index, false);
    index_settle(index);
    add(index, ITEMS - 500, ITEMS); /* beside the segment */
    for (uint64_t entry = 0; entry < ENTRIES; entry += 9)
        index_remove(index, entry);
    return index;
}

static void write_index(struct index *index, const char *path)
{
    SCOPED(index_frozen_free) struct index_frozen *frozen = NULL;
    SCOPED(snapshot_out_free) struct snapshot_out *out = NULL;
    struct err err = {.msg = ""};
    assert_int_equal(index_freeze(index, &frozen, &err), RC_OK);
    index_remove(index, 1); /* not in the frozen one */
    assert_int_equal(snapshot_create(path, &head, NULL, &out, &err), RC_OK);
    assert_int_equal(index_frozen_write(frozen, out, &err), RC_OK);
    assert_int_equal(snapshot_commit(out, NULL, &err), RC_OK);
}

static enum rc read_index(const char *path, struct index **ret, struct err *err)
{
    SCOPED(snapshot_close) struct snapshot_in *in = NULL;
    SCOPED(index_free) struct index *index = NULL;
    struct snapshot_head got;
    TRY(snapshot_open(path, &got, &in, err));
    TRY(index_restore(in, &index, err));
    TRY(snapshot_end(in, err));
    *ret = TAKE(index);
    return RC_OK;
}

/* Order does not matter: a sum over what each hit is. */
struct seen {
    uint64_t n, sum;
};

static bool count(void *ctx, const struct index_hit *hit)
{
    struct seen *seen = ctx;
    uint64_t z = hit->entry * 31 + hit->bank * 7 + (uint64_t)hit->place * 3 + hit->distance;
    seen->n++;
    seen->sum += (z ^ hit->query) * 0xBF58476D1CE4E5B9;
    return true;
}

static struct seen search(const struct index *index, uint64_t since)
{
    int16_t threshold[8];
    struct pdq_hash query[QUERIES];
    struct seen seen = {0};
    for (size_t i = 0; i < 8; i++)
        threshold[i] = RADIUS;
    const struct index_rule rule = {.threshold = threshold, .banks = 8, .since = since};
    for (uint64_t i = 0; i < QUERIES; i++) {
        query[i] = hash_of(i * 311);
        query[i].w[i % 4] ^= i * 0x8421;
    }
    index_search(index, query, QUERIES, &rule, count, &seen);
    return seen;
}

static void an_index_comes_back_as_it_was(void **state)
{
    (void)state;
    struct path path = path_new();
    struct err err = {.msg = ""};
    SCOPED(index_free) struct index *index = built();
    SCOPED(index_free) struct index *warm = NULL;
    struct seen all = search(index, 0), late = search(index, ITEMS / 2);
    size_t n = index_count(index);
    assert_true(all.n > late.n && late.n > 0);
    write_index(index, path.text);
    if (read_index(path.text, &warm, &err) != RC_OK)
        fail_msg("%s", err.msg);
    index_check(warm);
    assert_int_equal(index_count(warm), n);
    struct seen got = search(warm, 0);
    assert_memory_equal(&got, &all, sizeof(all));
    got = search(warm, ITEMS / 2);
    assert_memory_equal(&got, &late, sizeof(late));

    /* And it goes on: the same removed and added in both. */
    index_remove(warm, 1);
    add(warm, ITEMS, ITEMS + 100);
    add(index, ITEMS, ITEMS + 100);
    index_settle(warm);
    index_check(warm);
    got = search(warm, 0);
    all = search(index, 0);
    assert_memory_equal(&got, &all, sizeof(all));
}

/* Wrong, maybe, but not broken. */
static void use(struct index *index)
{
    search(index, 0);
    search(index, ITEMS / 2);
    for (uint64_t entry = 0; entry < ENTRIES; entry += 97)
        index_remove(index, entry);
    add(index, 0, 50);
    index_settle(index);
    search(index, 0);
}

static void a_wrong_segment_breaks_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 40 };
    static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct path path = path_new();
    struct rnd rnd = rnd_from_environment();
    SCOPED(index_free) struct index *index = built();
    write_index(index, path.text);
    SCOPED(file_drop) struct file file = file_read(path.text);
    SCOPED(file_drop) struct file bad = file_read(path.text);
    unsigned used = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct index *got = NULL;
        memcpy(bad.p, file.p, file.n);
        /* Few wounds, so that some are not found by the first check; each up to 4 KiB long. */
        for (uint64_t wounds = 1 + rnd_below(&rnd, 3); wounds > 0; wounds--) {
            uint64_t at = sizeof(struct snapshot_header) + 200 + rnd_below(&rnd, file.n - 400);
            uint64_t n = 1ull << rnd_below(&rnd, 13);
            for (uint64_t k = 0; k < n && at + k < file.n; k++)
                bad.p[at + k] = extremes[rnd_below(&rnd, sizeof(extremes))];
        }
        snapshot_seal(bad.p, file.n);
        file_write(path.text, bad.p, file.n);
        if (read_index(path.text, &got, NULL) == RC_OK) {
            used++;
            use(got);
        }
        index_free(got);
    }
    print_message("%u of %d were taken for good\n", used, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_comes_back_as_it_was),
        cmocka_unit_test(a_wrong_segment_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
