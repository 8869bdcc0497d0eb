#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/digests.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"

enum { BANKS = 4, ROUNDS = 4000, VALUES = 700, FOUND_MAX = 4096 };

struct found {
    size_t n, stop_after;
    uint64_t entry[FOUND_MAX];
};

static bool collect(void *ctx, const struct index_hit *hit)
{
    struct found *found = ctx;
    assert_int_equal(hit->distance, 0);
    assert_int_equal(hit->place, -1);
    assert_int_equal(hit->query, 0);
    assert_true(found->n < FOUND_MAX);
    found->entry[found->n++] = hit->entry;
    return found->n != found->stop_after;
}

static struct digests *new_digests(void)
{
    struct digests *digests = NULL;
    assert_int_equal(digests_new(&digests, NULL), RC_OK);
    return digests;
}

static struct digest_item item_of(enum digest_type type, uint64_t value, uint64_t entry)
{
    struct digest_item item = {.type = type, .entry = entry, .generation = entry + 1};
    memset(item.value, 0xA5, digest_size(type));
    memcpy(item.value, &value, sizeof(value));
    return item;
}

static struct found find(const struct digests *digests, const struct digest_item *item,
                         const struct index_rule *rule)
{
    struct found found = {0};
    digests_find(digests, item->type, item->value, rule, collect, &found);
    return found;
}

static const int16_t every_bank[BANKS] = {0, 31, 63, 0};
static const struct index_rule any = {.threshold = every_bank, .banks = BANKS};

static void sizes_and_names(void **state)
{
    (void)state;
    assert_int_equal(digest_size(DIGEST_SHA256), 32);
    assert_int_equal(digest_size(DIGEST_SHA1), 20);
    assert_int_equal(digest_size(DIGEST_MD5), 16);
    assert_string_equal(digest_name(DIGEST_SHA256), "sha256");
    assert_string_equal(digest_name(DIGEST_SHA1), "sha1");
    assert_string_equal(digest_name(DIGEST_MD5), "md5");
}

static void types_do_not_mix(void **state)
{
    (void)state;
    SCOPED(digests_free) struct digests *digests = new_digests();
    struct digest_item md5 = item_of(DIGEST_MD5, 1, 1);
    assert_int_equal(digests_add(digests, &md5, 1, NULL), RC_OK);
    for (int type = 0; type < DIGEST_TYPES; type++) {
        struct digest_item q = md5; /* a sha1 may be an md5 and zeros */
        q.type = (enum digest_type)type;
        assert_int_equal(find(digests, &q, &any).n, type == DIGEST_MD5);
        assert_int_equal(digests_count(digests, q.type), type == DIGEST_MD5);
    }
}

static void a_digest_needs_every_byte(void **state)
{
    (void)state;
    SCOPED(digests_free) struct digests *digests = new_digests();
    for (int type = 0; type < DIGEST_TYPES; type++) {
        struct digest_item item = item_of((enum digest_type)type, 1, 1);
        assert_int_equal(digests_add(digests, &item, 1, NULL), RC_OK);
        for (size_t i = 0; i < digest_size(item.type); i++) {
            struct digest_item q = item;
            q.value[i] ^= 0x10;
            assert_int_equal(find(digests, &q, &any).n, 0);
        }
        assert_int_equal(find(digests, &item, &any).n, 1);
    }
}

static void the_rule_is_kept(void **state)
{
    (void)state;
    SCOPED(digests_free) struct digests *digests = new_digests();
    struct digest_item items[BANKS];
    for (uint32_t i = 0; i < BANKS; i++) {
        items[i] = item_of(DIGEST_SHA1, 9, i);
        items[i].bank = i;
    }
    assert_int_equal(digests_add(digests, items, BANKS, NULL), RC_OK);
    assert_int_equal(find(digests, items, &any).n, 4);

    const int16_t threshold[] = {-1, 0, -1};
    struct index_rule rule = {.threshold = threshold, .banks = 3};
    struct found found = find(digests, items, &rule);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.entry[0], 1);

    rule = any;
    rule.since = 3; /* generations are 1..4 */
    found = find(digests, items, &rule);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.entry[0], 3);

    found = (struct found){.stop_after = 2};
    digests_find(digests, DIGEST_SHA1, items[0].value, &any, collect, &found);
    assert_int_equal(found.n, 2);
}

/* What the digests should hold: one row for each (entry, type). */
struct model {
    struct {
        struct digest_item item;
        bool live;
    } row[ROUNDS * 2];
    size_t n;
};

static void compare(const struct digests *digests, const struct model *model,
                    const struct digest_item *q)
{
    struct found found = find(digests, q, &any);
    size_t want = 0, live = 0;
    for (size_t i = 0; i < model->n; i++) {
        if (!model->row[i].live || model->row[i].item.type != q->type)
            continue;
        live++;
        if (memcmp(model->row[i].item.value, q->value, sizeof(q->value)) != 0)
            continue;
        want++;
        size_t seen = 0;
        for (size_t k = 0; k < found.n; k++)
            seen += found.entry[k] == model->row[i].item.entry;
        assert_int_equal(seen, 1);
    }
    assert_int_equal(found.n, want);
    assert_int_equal(digests_count(digests, q->type), live);
}

static void finds_what_a_scan_finds(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    SCOPED(digests_free) struct digests *digests = new_digests();
    SCOPED(mem_free) struct model *model = calloc(1, sizeof(*model));
    uint64_t entries = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (rnd_below(&rnd, 3) > 0) {
            struct digest_item items[2];
            size_t n = 1 + rnd_below(&rnd, 2);
            for (size_t i = 0; i < n; i++) {
                enum digest_type type = i == 0 ? (enum digest_type)rnd_below(&rnd, 2) : DIGEST_MD5;
                items[i] = item_of(type, rnd_below(&rnd, VALUES), entries);
                model->row[model->n].item = items[i];
                model->row[model->n++].live = true;
            }
            assert_int_equal(digests_add(digests, items, n, NULL), RC_OK);
            entries++;
        } else if (entries > 0) {
            uint64_t entry = rnd_below(&rnd, entries);
            size_t gone = 0;
            for (size_t i = 0; i < model->n; i++)
                if (model->row[i].item.entry == entry && model->row[i].live) {
                    model->row[i].live = false;
                    gone++;
                }
            assert_int_equal(digests_remove(digests, entry), gone);
        }
        struct digest_item q =
            item_of((enum digest_type)rnd_below(&rnd, DIGEST_TYPES), rnd_below(&rnd, VALUES), 0);
        compare(digests, model, &q);
    }
}

static void a_removed_entry_may_come_back(void **state)
{
    (void)state;
    SCOPED(digests_free) struct digests *digests = new_digests();
    struct digest_item items[2] = {item_of(DIGEST_MD5, 1, 1), item_of(DIGEST_SHA256, 1, 1)};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(digests_add(digests, items, 2, NULL), RC_OK);
        assert_int_equal(find(digests, &items[0], &any).n, 1);
        assert_int_equal(digests_remove(digests, 1), 2);
        assert_int_equal(digests_remove(digests, 1), 0);
        assert_int_equal(find(digests, &items[0], &any).n, 0);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct digest_item items[600];
    for (size_t i = 0; i < 600; i++)
        items[i] = item_of((enum digest_type)(i % DIGEST_TYPES), i, i);
    for (unsigned nth = 1;; nth++) {
        SCOPED(digests_free) struct digests *digests = NULL;
        struct err err;
        oom_arm(nth);
        enum rc rc = digests_new(&digests, &err);
        if (rc == RC_OK)
            rc = digests_add(digests, items, 600, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 9);
            digests_free(NULL);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        if (digests == NULL)
            continue;
        for (size_t i = 0; i < 600; i++)
            assert_int_equal(find(digests, &items[i], &any).n, 0);
        assert_int_equal(digests_count(digests, DIGEST_SHA256), 0);
        assert_int_equal(digests_add(digests, items, 600, &err), RC_OK);
        for (size_t i = 0; i < 600; i++)
            assert_int_equal(find(digests, &items[i], &any).n, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_names),
        cmocka_unit_test(types_do_not_mix),
        cmocka_unit_test(a_digest_needs_every_byte),
        cmocka_unit_test(the_rule_is_kept),
        cmocka_unit_test(finds_what_a_scan_finds),
        cmocka_unit_test(a_removed_entry_may_come_back),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
