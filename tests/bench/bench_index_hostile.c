/*
 * Measures: the lookup (db/policy.h) of one hash in a list that somebody made to slow it down: a
 * million entries whose hashes are all within 31 bits of one; of that one, which all match, and of
 * one 48 bits from it, which is near few of them but shares bits with all.
 * Against: a linear scan of the same hashes that only counts what it finds.
 *
 *     bench_index_hostile [ROUNDS [HASHES]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/policy.h"
#include "hashing/base/clock.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "tests/bench/made_list.h"

enum { OFF = 48, REPEAT = 5 };

/* --- a list that is made as it is read: what db/blocklist.c asks of a store --- */

struct store {
    uint64_t n;
    struct pdq_hash centre;
};

/* Near the store's centre. */
static struct pdq_hash near_centre(const void *ctx, uint64_t number)
{
    const struct store *store = ctx;
    const uint64_t seed = 5;
    struct rnd r = {.state = made_random(&seed, number).w[0]};
    return made_flip(&r, store->centre, PDQ_THRESHOLD);
}

enum rc store_generation(struct store *store, uint64_t *ret, struct err *err)
{
    (void)err;
    *ret = store->n + 1;
    return RC_OK;
}

static void tell_entry(const struct store *store, uint64_t number, store_change_visit *visit,
                       void *ctx)
{
    struct signal signal = {.type = SIGNAL_PDQ, .quality = 100, .ms = -1};
    struct pdq_hash hash = near_centre(store, number);
    struct ulid id = {{0}};
    memcpy(id.b, &number, sizeof number);
    pdq_bytes(&hash, signal.value);
    const struct change change = {.generation = number + 2,
                                  .kind = CHANGE_ENTRY,
                                  .entry_id = &id,
                                  .entry_number = number,
                                  .entry_active = true,
                                  .signals = &signal,
                                  .n_signals = 1};
    if (!visit(ctx, &change))
        bench_die("hostile list", "is not taken");
}

enum rc store_changes(struct store *store, uint64_t since, store_change_visit *visit, void *ctx,
                      uint64_t *ret_generation, struct err *err)
{
    struct bank bank = {.name = "BENCH",
                        .action = ACTION_BLOCK,
                        .threshold = PDQ_THRESHOLD,
                        .bank_match_percent = 80};
    (void)since, (void)err;
    visit(ctx, &(struct change){.generation = 1, .kind = CHANGE_BANK, .bank = &bank});
    for (uint64_t number = 0; number < store->n; number++)
        tell_entry(store, number, visit, ctx);
    *ret_generation = store->n + 1;
    return RC_OK;
}

/* --- the lookups --- */

/* Microseconds; *ret: entries that matched. */
static double look_up(const struct blocklist *list, const struct pdq_hash *query, uint64_t *ret)
{
    static struct lookup got;
    const struct lookup_signal signal = {.type = SIGNAL_PDQ, .pdq = *query, .ms = -1};
    struct err err;
    int64_t began = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < REPEAT; i++)
        bench_must(lookup_once(list, &signal, 1, NULL, 0, &got, &err), &err);
    int64_t spent = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - began;
    if ((got.verdict == VERDICT_BLOCK) != (got.total > 0))
        bench_die("hostile list", "the wrong verdict");
    *ret = got.total;
    return (double)spent / 1e3 / REPEAT;
}

static void compare(const struct blocklist *list, const struct made_list *flat,
                    const struct pdq_hash *query, const char *which, unsigned rounds)
{
    struct bench_samples samples = {0};
    struct made_times scan = {0};
    char size[24], row[96], note[96];
    uint64_t total = 0;

    for (unsigned round = 0; round < rounds; round++) {
        scan = made_scan(flat, query, 1, PDQ_THRESHOLD);
        bench_sample(&samples, look_up(list, query, &total), scan.p50);
    }
    /* What is told is exact up to a limit. */
    if (total < scan.hits ? total < LOOKUP_TOTAL_MAX : total > scan.hits)
        made_must_agree(total, scan.hits);
    made_count(flat->n, size, sizeof size);
    snprintf(row, sizeof row, "lookup of a hash that %s of %s are near", which, size);
    snprintf(note, sizeof note, "the scan finds %llu, the lookup tells of %llu",
             (unsigned long long)scan.hits, (unsigned long long)total);
    bench_print(
        &(struct bench_row){.row = row, .peer_is = "our linear scan", .unit = "us", .note = note},
        &samples);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? bench_number(argv[1], BENCH_ROUNDS_MAX) : BENCH_ROUNDS;
    const uint64_t seed = 4;
    struct store store = {.n = argc > 2 ? bench_number(argv[2], 100 * MILLION) : MILLION,
                          .centre = made_random(&seed, 0)};
    SCOPED(blocklist_free) struct blocklist *list = NULL;
    struct made_list flat;
    const char *disagreed;
    struct err err;

    ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    bench_must(blocklist_load(&store, &list, &err), &err);
    made_flat_new(&flat, store.n, near_centre, &store);
    struct pdq_hash off = store.centre;
    for (unsigned bit = 0; bit < OFF; bit++) /* spread, so that no part of the hash is spared */
        off.w[bit % 4] ^= 1ull << (bit * 5 % 64);
    compare(list, &flat, &store.centre, "all", rounds);
    compare(list, &flat, &off, "few", rounds);
    made_list_free(&flat);
    return 0;
}
