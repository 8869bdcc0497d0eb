/* Following: does who applies the changes in order hold what the store holds? */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/oom.h"
#include "tests/support/rnd.h"
#include "tests/unit/db/store_fixture.h"

enum { ENTRIES = 400, BANKS = 6, STEPS = 500 };

/* A follower's copy: what is active, by number, and each bank's threshold. */
struct copy {
    uint64_t generation;
    enum change_kind last_kind; /* of the change seen last */
    uint64_t last_entry;
    bool whole; /* a since=0 read: banks first, one key at the end */
    unsigned n_banks, keys;
    unsigned threshold[BANKS];
    struct {
        bool active;
        struct ulid id;
        uint32_t bank;
        size_t n;
        struct signal first;
    } entry[ENTRIES + 1];
};

static bool apply(void *ctx, const struct change *c)
{
    struct copy *copy = ctx;
    if (!copy->whole)
        assert_true(c->generation > copy->generation);
    assert_true(c->kind >= copy->last_kind);
    copy->last_kind = c->kind;
    if (c->kind == CHANGE_KEY) {
        copy->keys++;
    } else if (c->kind == CHANGE_BANK) {
        assert_true(c->bank->number < BANKS);
        if (c->bank->number == copy->n_banks)
            copy->n_banks++;
        assert_true(c->bank->number < copy->n_banks);
        copy->threshold[c->bank->number] = c->bank->threshold;
    } else {
        assert_true(c->entry_number > copy->last_entry && c->entry_number <= ENTRIES);
        copy->last_entry = c->entry_number;
        assert_true(c->entry_bank < copy->n_banks);
        assert_true(c->entry_active ? c->n_signals > 0 : c->n_signals == 0);
        copy->entry[c->entry_number].active = c->entry_active;
        copy->entry[c->entry_number].id = *c->entry_id;
        copy->entry[c->entry_number].bank = c->entry_bank;
        copy->entry[c->entry_number].n = c->n_signals;
        if (c->n_signals > 0)
            copy->entry[c->entry_number].first = c->signals[0];
    }
    return true;
}

static void follow(struct store *store, struct copy *copy)
{
    struct err err;
    uint64_t generation;
    copy->whole = copy->generation == 0;
    copy->last_kind = CHANGE_BANK;
    copy->last_entry = 0;
    assert_ok(store_changes(store, copy->generation, apply, copy, &generation, &err), err);
    copy->generation = generation;
}

static void assert_same(const struct copy *a, const struct copy *b)
{
    assert_int_equal(a->generation, b->generation);
    assert_int_equal(a->n_banks, b->n_banks);
    assert_memory_equal(a->threshold, b->threshold, sizeof a->threshold);
    for (size_t i = 1; i <= ENTRIES; i++) {
        assert_int_equal(a->entry[i].active, b->entry[i].active);
        if (!a->entry[i].active)
            continue;
        assert_memory_equal(&a->entry[i].id, &b->entry[i].id, sizeof a->entry[i].id);
        assert_int_equal(a->entry[i].bank, b->entry[i].bank);
        assert_int_equal(a->entry[i].n, b->entry[i].n);
        assert_memory_equal(a->entry[i].first.value, b->entry[i].first.value, 32);
    }
}

/* What was done to the store, kept the obvious way. */
struct model {
    struct rnd rnd;
    struct ulid id[ENTRIES];
    bool active[ENTRIES];
    unsigned n, n_banks;
};

static void add(struct store *store, struct model *m)
{
    struct signal s[3];
    size_t n = 1 + rnd_below(&m->rnd, 3);
    for (size_t i = 0; i < n; i++)
        s[i] = signal_no((enum signal_type)rnd_below(&m->rnd, SIGNAL_TYPES), 10 * m->n + i);
    struct entry_new e = entry_of(s, n);
    static const char *const names[BANKS] = {"A", "B1", "B2", "B3", "B4", "B5"};
    uint64_t generation;
    struct err err;
    e.bank = names[rnd_below(&m->rnd, m->n_banks)];
    assert_ok(store_entry_add(store, &e, &alice, &m->id[m->n], &generation, &err), err);
    m->active[m->n++] = true;
}

static void flip(struct store *store, struct model *m)
{
    size_t i = rnd_below(&m->rnd, m->n);
    m->active[i] = !m->active[i];
    set_state(store, &m->id[i], m->active[i] ? ENTRY_ACTIVE : ENTRY_REVOKED);
}

static void change_bank(struct store *store, struct model *m)
{
    struct err err;
    struct bank bank = {.action = ACTION_REVIEW, CLIP_RULES}, got = {0};
    unsigned threshold = (unsigned)rnd_below(&m->rnd, 64);
    struct bank_patch patch = {.threshold = &threshold};
    if (m->n_banks < BANKS) {
        snprintf(bank.name, sizeof bank.name, "B%u", m->n_banks++);
        assert_ok(store_bank_create(store, &bank, &alice, &err), err);
    } else {
        assert_ok(store_bank_update(store, "B2", &patch, &alice, &got, &err), err);
        bank_clear(&got);
    }
}

static void step(struct store *store, struct model *m)
{
    uint64_t dice = rnd_below(&m->rnd, 20);
    if (dice < 10 && m->n < ENTRIES)
        add(store, m);
    else if (dice < 18 && m->n > 0)
        flip(store, m);
    else
        change_bank(store, m);
}

static void a_follower_holds_what_the_store_holds(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct model m = {.rnd = rnd_from_environment(), .n_banks = 1};
    struct copy *often = calloc(3, sizeof *often), *seldom = often + 1, *fresh = often + 2;

    follow(store, often);
    follow(store, seldom);
    assert_int_equal(often->keys, 1);
    for (int i = 0; i < STEPS; i++) {
        step(store, &m);
        if (rnd_below(&m.rnd, 3) == 0)
            follow(store, often);
        if (rnd_below(&m.rnd, 40) == 0)
            follow(store, seldom);
    }
    follow(store, often);
    follow(store, seldom);
    follow(store, fresh);
    assert_same(often, seldom);
    assert_same(often, fresh);
    for (unsigned i = 0; i < m.n; i++) {
        assert_int_equal(fresh->entry[i + 1].active, m.active[i]);
        assert_memory_equal(&often->entry[i + 1].id, &m.id[i], sizeof m.id[i]);
    }
    assert_int_equal(often->keys, 1);
    free(often);
    store_free(store);
    assert_whole(p.path);
}

static void one_batch_gives_every_entry(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    struct store *store = new_store(&p);
    struct import_line lines[100];
    struct import_result r;
    struct copy *copy = calloc(1, sizeof *copy);
    for (size_t i = 0; i < 100; i++)
        lines[i] = (struct import_line){.signal = signal_no(SIGNAL_SHA1, i)};
    follow(store, copy);
    assert_ok(store_import(store, "A", "i", "r", lines, 100, &alice, &r, &err), err);
    follow(store, copy);
    assert_int_equal(copy->generation, r.generation);
    for (size_t i = 1; i <= 100; i++)
        assert_true(copy->entry[i].active);

    struct key key = {.name = (char *)"k", .scopes = SCOPE_CHECK};
    assert_ok(store_key_create(store, &key, &alice, &err), err);
    assert_ok(store_key_revoke(store, key.id, &alice, &err), err);
    free(key.created_by);
    copy->keys = 0;
    follow(store, copy);
    assert_int_equal(copy->keys, 1);
    free(copy);
    store_free(store);
    assert_whole(p.path);
}

static bool count_three(void *ctx, const struct change *change)
{
    (void)change;
    return ++*(int *)ctx < 3;
}

static void stops_when_told_and_refuses_the_future(void **state)
{
    (void)state;
    struct place p;
    struct err err;
    uint64_t generation = 0;
    struct store *store = new_store(&p);
    for (unsigned i = 0; i < 9; i++)
        add_no(store, i);
    for (uint64_t since = 0; since < 4; since++) {
        int n = 0;
        assert_ok(store_changes(store, since, count_three, &n, &generation, &err), err);
        assert_int_equal(n, 3);
        assert_int_equal(generation, 10);
    }
    int n = 0;
    generation = 0;
    assert_int_equal(store_changes(store, 11, count_three, &n, &generation, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "generation 10 is behind 11"));
    assert_int_equal(n + (int)generation, 0);
    store_free(store);
}

struct writer {
    struct store *store;
    atomic_bool done;
};

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    for (unsigned i = 0; i < 100; i++)
        add_no(w->store, i);
    atomic_store(&w->done, true);
    return NULL;
}

/* Numbers are dense and given in the order of generations: a gap would be a change missed. */
static void sees_no_gap_while_others_write(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct writer w = {.store = store};
    struct copy *copy = calloc(1, sizeof *copy);
    pthread_t thread;
    pthread_create(&thread, NULL, writer_run, &w);
    for (bool last = false; !last;) {
        last = atomic_load(&w.done);
        follow(store, copy);
        for (uint64_t i = 1; i < copy->generation; i++)
            assert_true(copy->entry[i].active);
        assert_false(copy->entry[copy->generation].active);
    }
    pthread_join(thread, NULL);
    assert_int_equal(copy->generation, 101);
    free(copy);
    store_free(store);
    assert_whole(p.path);
}

static bool nothing(void *ctx, const struct change *change)
{
    (void)ctx;
    (void)change;
    return true;
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct place p;
    struct store *store = new_store(&p);
    struct ulid id = add_no(store, 1);
    set_state(store, &id, ENTRY_REVOKED);
    set_state(store, &id, ENTRY_ACTIVE);
    for (uint64_t since = 0; since < 2; since++)
        for (unsigned nth = 1;; nth++) {
            struct err err;
            uint64_t generation = 77;
            oom_arm(nth);
            enum rc rc = store_changes(store, since, nothing, NULL, &generation, &err);
            if (!oom_disarm()) {
                assert_int_equal(rc, RC_OK);
                assert_true(nth > 1);
                break;
            }
            assert_int_equal(rc, RC_NOMEM);
            assert_int_equal(generation, 77);
        }
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_holds_what_the_store_holds),
        cmocka_unit_test(one_batch_gives_every_entry),
        cmocka_unit_test(stops_when_told_and_refuses_the_future),
        cmocka_unit_test(sees_no_gap_while_others_write),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
