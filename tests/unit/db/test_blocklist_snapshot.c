/* Is the list from a snapshot the one from the store, and is any other file refused or harmless? */
#include "tests/unit/db/snapshot_file.h"

#include <pthread.h>
#include <stdatomic.h>

#include "db/policy.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"
#include "tests/support/snapshot_seal.h"
#include "tests/unit/db/fake_store.h"
#include "tests/unit/db/look_up.h"

enum { ENTRIES = 90, CLIP = 4 };

static struct signal signal_of(uint64_t i, enum signal_type type)
{
    struct signal s = pdq_signal((i + 1) * 0x9E3779B97F4A7C15, 100);
    s.type = type;
    s.quality = type == SIGNAL_PDQ ? 100 : -1;
    memset(s.value + signal_size(type), 0, sizeof(s.value) - signal_size(type));
    return s;
}

/* By turns: a picture, a picture with digests, a clip. */
static size_t signals_of(uint64_t i, struct signal s[FAKE_SIGNALS])
{
    if (i % 3 == 0) {
        s[0] = signal_of(i, SIGNAL_PDQ);
        return 1;
    }
    if (i % 3 == 1) {
        for (int t = 0; t < SIGNAL_TYPES; t++)
            s[t] = signal_of(i, (enum signal_type)t);
        s[SIGNAL_TYPES] = signal_of(i / 2, SIGNAL_MD5); /* others have it, too */
        return SIGNAL_TYPES + 1;
    }
    for (uint64_t k = 0; k < CLIP; k++) {
        s[k] = signal_of(1000 * i + k % 3, SIGNAL_PDQ);
        s[k].ms = (int64_t)(k * 1000);
    }
    return CLIP;
}

static struct store *filled_store(void)
{
    struct store *store = fake_store();
    struct signal s[FAKE_SIGNALS];
    fake_bank(store, ACTION_BLOCK, 31);
    fake_bank(store, ACTION_REVIEW, 5);
    for (uint64_t i = 0; i < ENTRIES; i++)
        fake_entry(store, i % 2, s, signals_of(i, s));
    for (uint64_t i = 0; i < ENTRIES; i += 7)
        fake_entry_set(store, i, false);
    return store;
}

static enum rc save(struct blocklist *list, const char *path, struct err *err)
{
    uint64_t generation = 0, bytes = 0;
    TRY(blocklist_save(list, path, NULL, &generation, &bytes, err));
    assert_int_equal(generation, blocklist_generation(list));
    return RC_OK;
}

static struct blocklist *load(struct store *store, const char *path,
                              struct blocklist_origin *origin)
{
    struct blocklist *list = NULL;
    struct err err = {.msg = ""};
    if (blocklist_load_from(store, path, false, origin, &list, &err) != RC_OK)
        fail_msg("%s", err.msg);
    return list;
}

/* Everything that a lookup of the entry's signals tells. */
static enum rc ask(const struct blocklist *list, uint64_t i, struct lookup *got)
{
    struct signal s[FAKE_SIGNALS];
    struct lookup_signal q[FAKE_SIGNALS];
    size_t n = signals_of(i, s);
    for (size_t k = 0; k < n; k++) {
        q[k] = (struct lookup_signal){.type = s[k].type, .ms = s[k].ms};
        if (s[k].type == SIGNAL_PDQ)
            q[k].pdq = pdq_from_bytes(s[k].value);
        else
            memcpy(q[k].digest, s[k].value, sizeof(q[k].digest));
    }
    *got = (struct lookup){.n = 0};
    return lookup_once(list, q, n, NULL, 0, got, NULL);
}

static void must_be_the_same(const struct blocklist *a, const struct blocklist *b)
{
    assert_int_equal(blocklist_generation(a), blocklist_generation(b));
    assert_int_equal(blocklist_entries(a), blocklist_entries(b));
    assert_int_equal(index_count(blocklist_index(a)), index_count(blocklist_index(b)));
    for (int t = 0; t < DIGEST_TYPES; t++)
        assert_int_equal(digests_count(blocklist_digests(a), (enum digest_type)t),
                         digests_count(blocklist_digests(b), (enum digest_type)t));
    index_check(blocklist_index(a));
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct lookup of_a, of_b;
        assert_int_equal(ask(a, i, &of_a), RC_OK);
        assert_int_equal(ask(b, i, &of_b), RC_OK);
        assert_int_equal(of_a.verdict, of_b.verdict);
        assert_int_equal(of_a.total, of_b.total);
        assert_memory_equal(of_a.matches, of_b.matches, of_a.n * sizeof(of_a.matches[0]));
        for (size_t k = 0; k < of_a.n; k++) {
            struct ulid id_a = blocklist_entry_id(a, of_a.matches[k].entry);
            struct ulid id_b = blocklist_entry_id(b, of_a.matches[k].entry);
            assert_memory_equal(&id_a, &id_b, sizeof(id_a));
        }
    }
}

static void the_same_list_comes_back(void **state)
{
    (void)state;
    struct path path = path_new();
    struct blocklist_origin origin;
    struct err err = {.msg = ""};
    SCOPED(fake_free) struct store *store = filled_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store, NULL, &origin);
    assert_false(origin.snapshot);
    assert_string_equal(origin.why, "");
    assert_int_equal(blocklist_unsaved(list), ENTRIES - (ENTRIES + 6) / 7);
    assert_int_equal(save(list, path.text, &err), RC_OK);
    assert_int_equal(blocklist_unsaved(list), 0);

    SCOPED(blocklist_free) struct blocklist *warm = load(store, path.text, &origin);
    assert_true(origin.snapshot);
    assert_int_equal(origin.changes, 0);
    must_be_the_same(list, warm);

    /* And of a list that came from one, with changes after it. */
    fake_entry_set(store, 0, true);
    fake_entry_set(store, 1, false);
    fake_entry_set(store, 2, false);
    fake_bank_set(store, 1, ACTION_OBSERVE, 31);
    assert_int_equal(blocklist_follow(list, NULL, &err), RC_OK);
    SCOPED(blocklist_free) struct blocklist *later = load(store, path.text, &origin);
    assert_string_equal(origin.why, "");
    assert_int_equal(origin.changes, 3);
    must_be_the_same(list, later);
    assert_int_equal(save(later, path.text, &err), RC_OK);
    fake_entry_set(store, 2, true);
    assert_int_equal(blocklist_follow(later, NULL, &err), RC_OK);
    SCOPED(blocklist_free) struct blocklist *last = load(store, path.text, &origin);
    assert_string_equal(origin.why, "");
    must_be_the_same(later, last);
}

static void an_empty_list_has_none(void **state)
{
    (void)state;
    struct path path = path_new();
    struct blocklist_origin origin;
    struct err err = {.msg = ""};
    SCOPED(fake_free) struct store *store = fake_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store, path.text, &origin);
    assert_false(origin.snapshot);
    assert_int_equal(origin.why_rc, RC_NOTFOUND);
    assert_int_equal(save(list, path.text, &err), RC_NOTFOUND);

    /* One with banks alone has. */
    fake_bank(store, ACTION_BLOCK, 31);
    assert_int_equal(blocklist_follow(list, NULL, &err), RC_OK);
    assert_int_equal(save(list, path.text, &err), RC_OK);
    SCOPED(blocklist_free) struct blocklist *warm = load(store, path.text, &origin);
    assert_true(origin.snapshot);
    assert_int_equal(blocklist_banks(warm), 1);
}

static void one_of_another_store_is_refused(void **state)
{
    (void)state;
    struct path path = path_new();
    struct blocklist_origin origin;
    struct err err = {.msg = ""};
    SCOPED(fake_free) struct store *store = filled_store();
    SCOPED(fake_free) struct store *other = filled_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store, NULL, &origin);
    assert_int_equal(save(list, path.text, &err), RC_OK);
    SCOPED(blocklist_free) struct blocklist *wrong = load(other, path.text, &origin);
    assert_false(origin.snapshot);
    assert_int_equal(origin.why_rc, RC_CONFLICT);
    must_be_the_same(list, wrong); /* it lists the same by chance */

    /* The store's count is right by itself; the list without one change is not. */
    fake_entry_set(store, 1, false);
    store->entry[1].generation = 0; /* the feed has lost it */
    SCOPED(blocklist_free) struct blocklist *lost = load(store, path.text, &origin);
    assert_false(origin.snapshot);
    assert_non_null(strstr(origin.why, "entries are listed"));
    assert_int_equal(blocklist_entries(lost), blocklist_entries(list) - 1);
}

/* A list that may be wrong, but not broken. */
static void use(struct blocklist *list)
{
    struct lookup got;
    for (uint64_t i = 0; i < ENTRIES; i++)
        if (ask(list, i, &got) == RC_OK)
            for (size_t k = 0; k < got.n; k++)
                (void)blocklist_entry_id(list, got.matches[k].entry);
    assert_int_equal(blocklist_follow(list, NULL, NULL), RC_OK);
}

static void every_cut_and_flip_gives_the_list_of_the_store(void **state)
{
    (void)state;
    struct path path = path_new();
    struct blocklist_origin origin;
    struct err err = {.msg = ""};
    SCOPED(fake_free) struct store *store = filled_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store, NULL, &origin);
    assert_int_equal(save(list, path.text, &err), RC_OK);
    SCOPED(file_drop) struct file file = file_read(path.text);
    for (size_t i = 0; i < file.n; i += 1 + i % 97) {
        file_write(path.text, file.p, i);
        SCOPED(blocklist_free) struct blocklist *cut = load(store, path.text, &origin);
        assert_false(origin.snapshot);
        assert_int_equal(blocklist_entries(cut), blocklist_entries(list));
        file.p[i] ^= (uint8_t)(1 << i % 8);
        file_write(path.text, file.p, file.n);
        SCOPED(blocklist_free) struct blocklist *flipped = load(store, path.text, &origin);
        assert_false(origin.snapshot);
        assert_int_equal(blocklist_entries(flipped), blocklist_entries(list));
        file.p[i] ^= (uint8_t)(1 << i % 8);
    }
    file_write(path.text, file.p, file.n);
    SCOPED(blocklist_free) struct blocklist *whole = load(store, path.text, &origin);
    assert_true(origin.snapshot);
    must_be_the_same(list, whole);
}

/* Behind sums that are right: what the reader follows, it must have checked. */
static void a_wrong_file_with_right_sums_breaks_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 150 };
    struct path path = path_new();
    struct blocklist_origin origin;
    struct err err = {.msg = ""};
    struct rnd rnd = rnd_from_environment();
    SCOPED(fake_free) struct store *store = filled_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store, NULL, &origin);
    assert_int_equal(save(list, path.text, &err), RC_OK);
    SCOPED(file_drop) struct file file = file_read(path.text);
    SCOPED(file_drop) struct file bad = file_read(path.text);
    static const uint8_t extremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(bad.p, file.p, file.n);
        for (uint64_t n = 1 + rnd_below(&rnd, 4); n > 0; n--) {
            size_t at = sizeof(struct snapshot_header) +
                        rnd_below(&rnd, file.n - sizeof(struct snapshot_header));
            for (size_t k = 0; k < 1 + rnd_below(&rnd, 8) && at + k < file.n; k++)
                bad.p[at + k] = extremes[rnd_below(&rnd, sizeof(extremes))];
        }
        snapshot_seal(bad.p, file.n);
        file_write(path.text, bad.p, file.n);
        SCOPED(blocklist_free) struct blocklist *got = load(store, path.text, &origin);
        use(got);
    }
}

struct churn {
    struct store *store;
    struct blocklist *list;
    atomic_bool done;
};

static void *churn_run(void *arg)
{
    struct churn *churn = arg;
    struct signal s[FAKE_SIGNALS];
    for (uint64_t i = 0; !atomic_load(&churn->done); i++) {
        fake_entry_set(churn->store, i % ENTRIES, (i / ENTRIES) % 2 == 0);
        if (i % 3 == 0 && i / 3 < FAKE_ENTRIES - ENTRIES)
            fake_entry(churn->store, 0, s, signals_of(ENTRIES + i / 3, s));
        assert_int_equal(blocklist_follow(churn->list, NULL, NULL), RC_OK);
    }
    return NULL;
}

/* What is written is the list of one generation: following from it leads to the store's. */
static void it_is_of_one_moment_while_a_writer_works(void **state)
{
    (void)state;
    struct path path = path_new();
    struct blocklist_origin origin;
    struct err err = {.msg = ""};
    SCOPED(fake_free) struct store *store = filled_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store, NULL, &origin);
    struct churn churn = {.store = store, .list = list};
    pthread_t thread;
    uint64_t generation, bytes;
    assert_int_equal(pthread_create(&thread, NULL, churn_run, &churn), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(blocklist_save(list, path.text, NULL, &generation, &bytes, &err), RC_OK);
    atomic_store(&churn.done, true);
    pthread_join(thread, NULL);

    SCOPED(blocklist_free) struct blocklist *warm = load(store, path.text, &origin);
    if (!origin.snapshot)
        fail_msg("%s", origin.why);
    assert_int_equal(origin.generation, generation);
    assert_int_equal(blocklist_follow(list, NULL, &err), RC_OK);
    must_be_the_same(list, warm);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    struct path path = path_new();
    struct blocklist_origin origin;
    struct err err = {.msg = ""};
    SCOPED(fake_free) struct store *store = filled_store();
    SCOPED(blocklist_free) struct blocklist *list = load(store, NULL, &origin);
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        oom_arm(nth);
        enum rc rc = save(list, path.text, &err);
        failed = oom_disarm();
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
        assert_int_equal(access(path.text, F_OK), failed ? -1 : 0);
    }
    failed = true;
    for (unsigned nth = 1; failed; nth++) {
        struct blocklist *warm = NULL;
        oom_arm(nth);
        enum rc rc = blocklist_load_from(store, path.text, false, &origin, &warm, &err);
        failed = oom_disarm();
        assert_int_equal(rc, RC_OK); /* the store's, when the snapshot's failed */
        assert_true(origin.snapshot == !failed);
        must_be_the_same(list, warm);
        blocklist_free(warm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_list_comes_back),
        cmocka_unit_test(an_empty_list_has_none),
        cmocka_unit_test(one_of_another_store_is_refused),
        cmocka_unit_test(every_cut_and_flip_gives_the_list_of_the_store),
        cmocka_unit_test(a_wrong_file_with_right_sums_breaks_nothing),
        cmocka_unit_test(it_is_of_one_moment_while_a_writer_works),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
