#include "service/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/clock.h"

enum {
    CLASSES = 5,
    BUCKETS = 14,
    OTHER_ROUTE = METRICS_ROUTES,
    ROUTES = METRICS_ROUTES + 1,
    LABEL_SIZE = 160
};

/* Upper bounds in nanoseconds, and as the exposition writes them; beyond: +Inf. */
static const int64_t bound_ns[BUCKETS] = {
    100000,   500000,    1000000,   2500000,   5000000,    10000000,   25000000,
    50000000, 100000000, 250000000, 500000000, 1000000000, 5000000000, 20000000000,
};
static const char *const bound_text[BUCKETS] = {
    "0.0001", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
    "0.05",   "0.1",    "0.25",  "0.5",    "1",     "5",    "20",
};

struct histogram {
    atomic_uint_fast64_t bucket[BUCKETS + 1]; /* each its own share, summed up when asked */
    atomic_uint_fast64_t sum_ns;
};

struct route_metrics {
    _Atomic(const char *) pattern; /* NULL until the route's first request */
    atomic_uint_fast64_t status[CLASSES];
    struct histogram seconds;
};

struct metrics {
    int64_t started_ms;
    struct route_metrics route[ROUTES];
    atomic_uint_fast64_t verdict[VERDICTS];
    atomic_uint_fast64_t medium[RC_COUNT];
    struct histogram medium_seconds;
    atomic_uint_fast64_t unusable, overload, lookup_signals;
    struct histogram lookup_seconds;
    atomic_uint_fast64_t from_snapshot, load_ns;
    atomic_uint_fast64_t snapshots, snapshot_failures;
    atomic_uint_fast64_t snapshot_at_s, snapshot_bytes, snapshot_ns; /* of the last one; 0: none */
};

struct metrics *metrics_new(void)
{
    struct metrics *m = calloc(1, sizeof *m);
    if (m != NULL)
        m->started_ms = clock_wall_ms();
    return m;
}

void metrics_free(struct metrics *m)
{
    free(m);
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct histogram *h, int64_t ns)
{
    unsigned i = 0;
    while (i < BUCKETS && ns > bound_ns[i])
        i++;
    add(&h->bucket[i], 1);
    add(&h->sum_ns, ns > 0 ? (uint64_t)ns : 0);
}

void metrics_request(struct metrics *m, unsigned route, const char *pattern, unsigned status,
                     int64_t ns)
{
    struct route_metrics *r = &m->route[route < METRICS_ROUTES ? route : OTHER_ROUTE];
    unsigned status_class = status >= 100 && status < 600 ? status / 100 - 1 : CLASSES - 1;
    if (route >= METRICS_ROUTES || pattern == NULL)
        pattern = "other";
    atomic_store_explicit(&r->pattern, pattern, memory_order_release);
    add(&r->status[status_class], 1);
    observe(&r->seconds, ns);
}

void metrics_verdict(struct metrics *m, enum verdict v)
{
    if ((unsigned)v < VERDICTS)
        add(&m->verdict[v], 1);
}

void metrics_medium(struct metrics *m, enum rc rc, int64_t ns)
{
    if ((unsigned)rc < RC_COUNT)
        add(&m->medium[rc], 1);
    observe(&m->medium_seconds, ns);
}

void metrics_unusable(struct metrics *m)
{
    add(&m->unusable, 1);
}

void metrics_overload(struct metrics *m)
{
    add(&m->overload, 1);
}

void metrics_lookup(struct metrics *m, size_t signals, int64_t ns)
{
    add(&m->lookup_signals, signals);
    observe(&m->lookup_seconds, ns);
}

void metrics_list_loaded(struct metrics *m, bool from_snapshot, int64_t ns)
{
    atomic_store(&m->from_snapshot, from_snapshot);
    atomic_store(&m->load_ns, (uint64_t)ns);
}

void metrics_snapshot(struct metrics *m, uint64_t bytes, int64_t ns)
{
    add(&m->snapshots, 1);
    atomic_store(&m->snapshot_at_s, (uint64_t)clock_wall_ms() / 1000);
    atomic_store(&m->snapshot_bytes, bytes);
    atomic_store(&m->snapshot_ns, (uint64_t)ns);
}

void metrics_snapshot_failed(struct metrics *m)
{
    add(&m->snapshot_failures, 1);
}

/* --- exposition --- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP hashgate_%s %s\n# TYPE hashgate_%s %s\n", name, help, name, type);
}

static void single(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    fprintf(out, "hashgate_%s %" PRIu64 "\n", name, value);
}

/* name="value",  with the format's escapes for backslash, quote and newline; cut at size. */
static void label_text(const char *name, const char *value, char *out, size_t size)
{
    size_t made = (size_t)snprintf(out, size, "%s=\"", name);
    for (; *value != '\0' && made + 4 < size; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            out[made++] = '\\';
        out[made++] = *value == '\n' ? 'n' : *value;
    }
    snprintf(out + made, size - made, "\"");
}

/* labels: as label_text() writes them, "" for none. */
static void row(FILE *out, const char *name, const char *suffix, const char *labels,
                const char *more_labels)
{
    bool any = labels[0] != '\0' || more_labels[0] != '\0';
    const char *comma = labels[0] != '\0' && more_labels[0] != '\0' ? "," : "";
    fprintf(out, "hashgate_%s%s%s%s%s%s%s ", name, suffix, any ? "{" : "", labels, comma,
            more_labels, any ? "}" : "");
}

static void counter(FILE *out, const char *name, const char *label, const char *value, uint64_t n)
{
    char text[LABEL_SIZE];
    label_text(label, value, text, sizeof text);
    row(out, name, "", text, "");
    fprintf(out, "%" PRIu64 "\n", n);
}

static void single_seconds(FILE *out, const char *name, const char *help, uint64_t ns)
{
    head(out, name, "gauge", help);
    fprintf(out, "hashgate_%s %" PRIu64 ".%09" PRIu64 "\n", name, ns / 1000000000, ns % 1000000000);
}

/* --- histograms --- */

struct tally {
    uint64_t bucket[BUCKETS + 1], sum_ns;
};

static void tally_add(struct tally *t, const struct histogram *h)
{
    for (unsigned i = 0; i <= BUCKETS; i++)
        t->bucket[i] += get(&h->bucket[i]);
    t->sum_ns += get(&h->sum_ns);
}

/* The count is the sum of the buckets read here, so that it equals the last one at any moment. */
static void put_tally(FILE *out, const char *name, const char *labels, const struct tally *t)
{
    uint64_t total = 0;
    char le[LABEL_SIZE];
    for (unsigned i = 0; i <= BUCKETS; i++) {
        total += t->bucket[i];
        label_text("le", i < BUCKETS ? bound_text[i] : "+Inf", le, sizeof le);
        row(out, name, "_bucket", labels, le);
        fprintf(out, "%" PRIu64 "\n", total);
    }
    row(out, name, "_sum", labels, "");
    fprintf(out, "%" PRIu64 ".%09" PRIu64 "\n", t->sum_ns / 1000000000, t->sum_ns % 1000000000);
    row(out, name, "_count", labels, "");
    fprintf(out, "%" PRIu64 "\n", total);
}

static void put_histogram(FILE *out, const char *name, const char *help, const struct histogram *h)
{
    struct tally t = {0};
    tally_add(&t, h);
    head(out, name, "histogram", help);
    put_tally(out, name, "", &t);
}

/* --- requests --- */

/* GET and POST of one path are two routes but one series. */
struct path_tally {
    const char *pattern;
    uint64_t status[CLASSES];
    struct tally seconds;
};

static struct path_tally *path_find(struct path_tally *paths, unsigned *n, const char *pattern)
{
    for (unsigned i = 0; i < *n; i++)
        if (strcmp(paths[i].pattern, pattern) == 0)
            return &paths[i];
    paths[*n] = (struct path_tally){.pattern = pattern};
    return &paths[(*n)++];
}

static unsigned tally_paths(const struct metrics *m, struct path_tally paths[ROUTES])
{
    unsigned n = 0;
    for (unsigned i = 0; i < ROUTES; i++) {
        const struct route_metrics *r = &m->route[i];
        const char *pattern = atomic_load_explicit(&r->pattern, memory_order_acquire);
        if (pattern == NULL)
            continue;
        struct path_tally *path = path_find(paths, &n, pattern);
        for (unsigned k = 0; k < CLASSES; k++)
            path->status[k] += get(&r->status[k]);
        tally_add(&path->seconds, &r->seconds);
    }
    return n;
}

static void put_requests(FILE *out, const struct metrics *m)
{
    static const char *const classes[CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    struct path_tally paths[ROUTES];
    unsigned n = tally_paths(m, paths);
    char route[LABEL_SIZE], class_text[LABEL_SIZE];

    head(out, "http_requests_total", "counter", "Finished requests by route and status class.");
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < CLASSES; k++) {
            label_text("route", paths[i].pattern, route, sizeof route);
            label_text("status", classes[k], class_text, sizeof class_text);
            row(out, "http_requests_total", "", route, class_text);
            fprintf(out, "%" PRIu64 "\n", paths[i].status[k]);
        }
    head(out, "http_request_seconds", "histogram", "Time from a request's first byte to its end.");
    for (unsigned i = 0; i < n; i++) {
        label_text("route", paths[i].pattern, route, sizeof route);
        put_tally(out, "http_request_seconds", route, &paths[i].seconds);
    }
}

/* --- the rest --- */

static void put_checks(FILE *out, const struct metrics *m)
{
    head(out, "verdicts_total", "counter", "Verdicts given by checks and matches.");
    for (unsigned v = 0; v < VERDICTS; v++)
        counter(out, "verdicts_total", "verdict", verdict_name((enum verdict)v),
                get(&m->verdict[v]));
    head(out, "media_total", "counter", "Media sent to the decoders, by what came of them.");
    for (unsigned rc = 0; rc < RC_COUNT; rc++)
        counter(out, "media_total", "result", rc_name((enum rc)rc), get(&m->medium[rc]));
    put_histogram(out, "medium_seconds", "Time to decode and hash one medium.", &m->medium_seconds);
    single(out, "unusable_total", "counter", "Media too flat for a usable perceptual hash.",
           get(&m->unusable));
    single(out, "overload_total", "counter", "Requests answered 503 because a queue was full.",
           get(&m->overload));
    single(out, "lookup_signals_total", "counter", "Signals looked up in the block-list.",
           get(&m->lookup_signals));
    put_histogram(out, "lookup_seconds",
                  "Time of one lookup in the block-list: of a check, or of all media of a match.",
                  &m->lookup_seconds);
}

static void put_workers(FILE *out, const struct metrics_gauges *g)
{
    single(out, "workers_up", "gauge", "Sandboxed decoder processes that are running.",
           g->workers_up);
    single(out, "worker_jobs_total", "counter", "Media given to decoder processes.",
           g->workers.jobs);
    single(out, "worker_spawned_total", "counter", "Decoder processes started.",
           g->workers.spawned);
    head(out, "worker_failures_total", "counter", "Decoder processes lost, by why.");
    counter(out, "worker_failures_total", "reason", "crashed", g->workers.crashed);
    counter(out, "worker_failures_total", "reason", "timed-out", g->workers.timed_out);
    counter(out, "worker_failures_total", "reason", "lied", g->workers.lied);
}

static void put_snapshots(FILE *out, const struct metrics *m)
{
    head(out, "list_loaded", "gauge", "1 for what the block-list was loaded from at start.");
    counter(out, "list_loaded", "from", "snapshot", get(&m->from_snapshot));
    counter(out, "list_loaded", "from", "store", 1 - get(&m->from_snapshot));
    single_seconds(out, "list_load_seconds", "Time to load the block-list at start.",
                   get(&m->load_ns));
    head(out, "snapshots_total", "counter", "Snapshots of the block-list, by what came of them.");
    counter(out, "snapshots_total", "result", "written", get(&m->snapshots));
    counter(out, "snapshots_total", "result", "failed", get(&m->snapshot_failures));
    single(out, "snapshot_written_seconds", "gauge",
           "When the last snapshot was written, seconds since 1970; 0: none since the start.",
           get(&m->snapshot_at_s));
    single(out, "snapshot_bytes", "gauge", "Size of the last snapshot.", get(&m->snapshot_bytes));
    single_seconds(out, "snapshot_write_seconds", "Time to write the last snapshot.",
                   get(&m->snapshot_ns));
}

static void put_gauges(FILE *out, const struct metrics *m, const struct metrics_gauges *g)
{
    head(out, "build_info", "gauge", "Always 1; the version is in the label.");
    counter(out, "build_info", "version", HASHGATE_VERSION, 1);
    single(out, "start_time_seconds", "gauge", "When the service started, seconds since 1970.",
           (uint64_t)(m->started_ms / 1000));
    single(out, "list_generation", "gauge", "Block-list version that answers.", g->generation);
    single(out, "list_signals", "gauge", "Signals in the block-list.", g->signals);
    single(out, "list_memory_bytes", "gauge", "Memory of the block-list.", g->entries_memory);
    single(out, "connections", "gauge", "Open connections.", g->connections);
    single(out, "requests_queued", "gauge", "Requests that wait for a thread.", g->queued);
    single(out, "requests_in_flight", "gauge", "Requests that a thread works on.", g->in_flight);
}

char *metrics_text(const struct metrics *m, const struct metrics_gauges *gauges, size_t *ret_len)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    put_requests(out, m);
    put_checks(out, m);
    put_workers(out, gauges);
    put_snapshots(out, m);
    put_gauges(out, m, gauges);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    *ret_len = len;
    return text;
}
