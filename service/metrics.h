/*
 * Counters and histograms in Prometheus' text format.  Updates are atomic adds, any thread; no
 * label ever holds a hash, a key or anything a caller chose.
 *
 * All begin with hashgate_: http_requests_total{route,status="2xx"}, http_request_seconds{route},
 * verdicts_total{verdict}, media_total{result}: ok or an rc_name(), medium_seconds,
 * unusable_total, overload_total, lookup_seconds, lookup_signals_total, workers_up,
 * worker_jobs_total, worker_spawned_total, worker_failures_total{reason}, list_generation,
 * list_signals, list_memory_bytes, list_loaded{from="snapshot"}, list_load_seconds,
 * snapshots_total{result}, snapshot_written_seconds, snapshot_bytes, snapshot_write_seconds,
 * connections, requests_queued, requests_in_flight, start_time_seconds, build_info{version}.
 */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/records.h"
#include "hashing/worker_host.h"

struct metrics;

struct metrics *metrics_new(void); /* NULL: no memory */
void metrics_free(struct metrics *m);

/*
 * One finished request: route's number, pattern, status, wall time.  pattern is static; routes of
 * one pattern are one series; a number from METRICS_ROUTES on, or no pattern, counts as "other".
 */
enum { METRICS_ROUTES = 48 };
void metrics_request(struct metrics *m, unsigned route, const char *pattern, unsigned status,
                     int64_t ns);
void metrics_verdict(struct metrics *m, enum verdict v);
/* media: decoded by type, refused by rc. */
void metrics_medium(struct metrics *m, enum rc rc, int64_t ns);
void metrics_unusable(struct metrics *m);
void metrics_overload(struct metrics *m);
/* One lookup: of a check's subject, or of all media of a match. */
void metrics_lookup(struct metrics *m, size_t signals, int64_t ns);

/* How the list came into memory at start; a snapshot that was written, and one that was not. */
void metrics_list_loaded(struct metrics *m, bool from_snapshot, int64_t ns);
void metrics_snapshot(struct metrics *m, uint64_t bytes, int64_t ns);
void metrics_snapshot_failed(struct metrics *m);

/* Values read at the moment of asking. */
struct metrics_gauges {
    uint64_t generation, signals, entries_memory, connections, queued, in_flight;
    struct worker_stats workers;
    unsigned workers_up;
};
/* The exposition text, malloc'd; NULL: no memory. */
char *metrics_text(const struct metrics *m, const struct metrics_gauges *gauges, size_t *ret_len);

#endif
