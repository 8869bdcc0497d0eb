#include "hashing/ham.h"

#include <assert.h>
#include <string.h>

#include "hashing/ham_kernels.h"

static size_t scan_plain(struct ham_pass *p)
{
    return ham_take_rows(p, 0, p->n);
}

static size_t pick_plain(const struct pdq_hash *rows, const uint32_t *row, size_t n,
                         const struct pdq_hash *query, unsigned radius, struct ham_hit *hits)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found = ham_note_picked(hits, found, i, pdq_distance(&rows[row[i]], query), radius);
    return found;
}

const struct ham_kernel ham_kernel_plain = {
    .name = "plain", .scan = scan_plain, .pick = pick_plain};

static const struct ham_kernel *active = &ham_kernel_plain;

enum { MAX_KERNELS = 3 };

/* The kernels that this processor can run, fastest first, the plain one last. */
static unsigned runnable(const struct ham_kernel *kernels[MAX_KERNELS])
{
    unsigned n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vpopcntdq"))
        kernels[n++] = &ham_kernel_avx512;
    if (avx2)
        kernels[n++] = &ham_kernel_avx2;
#elif defined(__aarch64__)
    kernels[n++] = &ham_kernel_neon;
#endif
    kernels[n++] = &ham_kernel_plain;
    return n;
}

size_t ham_scan(const struct pdq_hash *rows, size_t n, const struct pdq_hash *queries,
                unsigned n_queries, unsigned radius, struct ham_hit *hits, size_t cap,
                size_t *ret_hits)
{
    struct ham_pass p = {.rows = rows,
                         .n = n,
                         .queries = queries,
                         .n_queries = n_queries,
                         .radius = radius,
                         .hits = hits,
                         .cap = cap};

    assert(n_queries <= HAM_QUERIES && n <= UINT32_MAX && cap >= 2 * HAM_QUERIES);
    size_t stopped = active->scan(&p);
    *ret_hits = p.n_hits;
    return stopped;
}

size_t ham_pick(const struct pdq_hash *rows, const uint32_t *row, size_t n,
                const struct pdq_hash *query, unsigned radius, struct ham_hit *hits)
{
    return active->pick(rows, row, n, query, radius, hits);
}

enum { SAMPLE_ROWS = 100, SAMPLE_CAP = SAMPLE_ROWS * HAM_QUERIES + 2 * HAM_QUERIES };

struct sample {
    struct pdq_hash rows[SAMPLE_ROWS];
    struct pdq_hash queries[HAM_QUERIES];
};

/* Rows at every distance from the queries that matters; splitmix64's finaliser as noise. */
static void make_sample(struct sample *s)
{
    uint64_t state = 0;

    for (int q = 0; q < HAM_QUERIES; q++)
        for (int i = 0; i < 4; i++) {
            uint64_t z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            s->queries[q].w[i] = z ^ (z >> 31);
        }
    for (unsigned r = 0; r < SAMPLE_ROWS; r++) {
        s->rows[r] = s->queries[r % HAM_QUERIES];
        for (unsigned flip = 0; flip < r; flip++) {
            unsigned bit = (flip * 37 + r) % PDQ_BITS;
            s->rows[r].w[bit / 64] ^= (uint64_t)1 << (bit % 64);
        }
    }
}

/* Every third row, backwards, at every radius. */
static bool picks_like_plain(const struct ham_kernel *k, const struct sample *s)
{
    enum { PICKED = SAMPLE_ROWS / 3 };
    struct ham_hit hits[2][PICKED];
    uint32_t row[PICKED];

    for (unsigned i = 0; i < PICKED; i++)
        row[i] = (PICKED - 1 - i) * 3;
    for (unsigned radius = 0; radius <= PDQ_BITS; radius++) {
        size_t n = pick_plain(s->rows, row, PICKED, &s->queries[0], radius, hits[0]);
        if (k->pick(s->rows, row, PICKED, &s->queries[0], radius, hits[1]) != n ||
            memcmp(hits[0], hits[1], n * sizeof(hits[0][0])) != 0)
            return false;
    }
    return true;
}

/* Same stop, same hits: with every number of queries, several lengths, room and lack of it. */
static bool agrees_with_plain(const struct ham_kernel *k)
{
    static const unsigned radii[] = {0, PDQ_THRESHOLD, 64, 100, PDQ_BITS};
    struct ham_hit hits[2][SAMPLE_CAP];
    struct sample s;

    make_sample(&s);
    for (size_t i = 0; i < 5 * (HAM_QUERIES + 1) * 40; i++) {
        size_t cap = i % 2 ? SAMPLE_CAP : 2 * HAM_QUERIES;
        struct ham_pass plain = {.rows = s.rows,
                                 .n = SAMPLE_ROWS - i % 40,
                                 .queries = s.queries,
                                 .n_queries = (unsigned)(i / 40 % (HAM_QUERIES + 1)),
                                 .radius = radii[i / 40 / (HAM_QUERIES + 1)],
                                 .hits = hits[0],
                                 .cap = cap};
        struct ham_pass fast = plain;
        fast.hits = hits[1];
        if (scan_plain(&plain) != k->scan(&fast) || plain.n_hits != fast.n_hits ||
            memcmp(hits[0], hits[1], plain.n_hits * sizeof(hits[0][0])) != 0)
            return false;
    }
    return picks_like_plain(k, &s);
}

const char *ham_self_test(const char **ret_disagreed)
{
    const struct ham_kernel *kernels[MAX_KERNELS];
    unsigned n = runnable(kernels);

    *ret_disagreed = NULL;
    for (unsigned i = 0; i < n; i++) {
        active = kernels[i];
        if (active == &ham_kernel_plain || agrees_with_plain(active))
            break;
        *ret_disagreed = active->name;
    }
    return active->name;
}

bool ham_use(const char *kernel)
{
    const struct ham_kernel *kernels[MAX_KERNELS];
    unsigned n = runnable(kernels);

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(kernel, kernels[i]->name) == 0) {
            active = kernels[i];
            return true;
        }
    }
    return false;
}
