/* Is the exposition well formed, and does it count what was told? */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hashing/base/scoped.h"
#include "service/metrics.h"
#include "tests/support/oom.h"

static char *expose(const struct metrics *m)
{
    size_t n = 0;
    const struct metrics_gauges gauges = {.generation = 1842,
                                          .signals = 7,
                                          .entries_memory = 4096,
                                          .connections = 3,
                                          .queued = 2,
                                          .in_flight = 1,
                                          .workers = {5, 4, 3, 2, 1},
                                          .workers_up = 6};
    char *text = metrics_text(m, &gauges, &n);
    assert_non_null(text);
    assert_int_equal(strlen(text), n);
    return text;
}

/* The line as a whole stands in the text. */
static void assert_line(const char *text, const char *line)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(text, wanted) == NULL)
        fail_msg("not found: %s in\n%s", line, text);
}

static void counts_what_it_is_told(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    metrics_request(m, 0, "/v1/check", 200, 3000000);
    metrics_request(m, 0, "/v1/check", 422, 700000000);
    metrics_request(m, 1, "/v1/banks", 201, 1);
    metrics_request(m, 2, "/v1/banks", 200, 60000000000);
    metrics_request(m, 999, "/whatever\"\n", 404, 1000);
    metrics_request(m, 3, NULL, 0, -5);
    metrics_verdict(m, VERDICT_BLOCK);
    metrics_verdict(m, (enum verdict)17);
    metrics_medium(m, RC_OK, 5);
    metrics_medium(m, RC_UNDECODABLE, 5);
    metrics_unusable(m);
    metrics_overload(m);
    metrics_lookup(m, 24, 2000000);
    metrics_list_loaded(m, true, 1500000000);
    metrics_snapshot(m, 100, 5);
    metrics_snapshot(m, 4242, 2000000);
    metrics_snapshot_failed(m);

    SCOPED(mem_free) char *text = expose(m);
    assert_line(text, "hashgate_list_loaded{from=\"snapshot\"} 1");
    assert_line(text, "hashgate_list_loaded{from=\"store\"} 0");
    assert_line(text, "hashgate_list_load_seconds 1.500000000");
    assert_line(text, "hashgate_snapshots_total{result=\"written\"} 2");
    assert_line(text, "hashgate_snapshots_total{result=\"failed\"} 1");
    assert_line(text, "hashgate_snapshot_bytes 4242");
    assert_line(text, "hashgate_snapshot_write_seconds 0.002000000");
    assert_line(text, "hashgate_http_requests_total{route=\"/v1/check\",status=\"2xx\"} 1");
    assert_line(text, "hashgate_http_requests_total{route=\"/v1/check\",status=\"4xx\"} 1");
    assert_line(text, "hashgate_http_requests_total{route=\"/v1/check\",status=\"5xx\"} 0");
    assert_line(text, "hashgate_http_requests_total{route=\"/v1/banks\",status=\"2xx\"} 2");
    assert_line(text, "hashgate_http_requests_total{route=\"other\",status=\"4xx\"} 1");
    assert_line(text, "hashgate_http_requests_total{route=\"other\",status=\"5xx\"} 1");
    assert_line(text, "hashgate_http_request_seconds_bucket{route=\"/v1/check\",le=\"0.0025\"} 0");
    assert_line(text, "hashgate_http_request_seconds_bucket{route=\"/v1/check\",le=\"0.005\"} 1");
    assert_line(text, "hashgate_http_request_seconds_bucket{route=\"/v1/check\",le=\"+Inf\"} 2");
    assert_line(text, "hashgate_http_request_seconds_sum{route=\"/v1/check\"} 0.703000000");
    assert_line(text, "hashgate_http_request_seconds_count{route=\"/v1/check\"} 2");
    assert_line(text, "hashgate_http_request_seconds_bucket{route=\"/v1/banks\",le=\"20\"} 1");
    assert_line(text, "hashgate_http_request_seconds_count{route=\"/v1/banks\"} 2");
    assert_line(text, "hashgate_verdicts_total{verdict=\"block\"} 1");
    assert_line(text, "hashgate_verdicts_total{verdict=\"allow\"} 0");
    assert_line(text, "hashgate_media_total{result=\"ok\"} 1");
    assert_line(text, "hashgate_media_total{result=\"undecodable\"} 1");
    assert_line(text, "hashgate_medium_seconds_count 2");
    assert_line(text, "hashgate_unusable_total 1");
    assert_line(text, "hashgate_overload_total 1");
    assert_line(text, "hashgate_lookup_signals_total 24");
    assert_line(text, "hashgate_lookup_seconds_sum 0.002000000");
    assert_line(text, "hashgate_list_generation 1842");
    assert_line(text, "hashgate_workers_up 6");
    assert_line(text, "hashgate_worker_spawned_total 5");
    assert_line(text, "hashgate_worker_failures_total{reason=\"lied\"} 2");
    assert_line(text, "hashgate_build_info{version=\"" HASHGATE_VERSION "\"} 1");
    metrics_free(m);
}

/* One sample of the metric that HELP and TYPE have announced; its name and labels stand once. */
static void check_sample(const char *text, const char *line, const char *metric, const char *type)
{
    assert_true(type[0] != '\0' && strncmp(line, metric, strlen(metric)) == 0);
    if (strcmp(type, "histogram") != 0)
        assert_int_equal(strcspn(line, "{ "), strlen(metric));

    char *end, key[256];
    const char *value = strrchr(line, ' ') + 1;
    strtod(value, &end);
    assert_true(*end == '\0' && end > value);
    snprintf(key, sizeof key, "\n%.*s", (int)(value - line), line);
    const char *once = strstr(text, key);
    assert_non_null(once);
    assert_null(strstr(once + 1, key));
}

/* Version 0.0.4: HELP, TYPE, then that metric's samples and no other's; no sample twice. */
static void is_well_formed(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    for (unsigned i = 0; i < METRICS_ROUTES; i++)
        metrics_request(m, i, i % 2 == 0 ? "/even" : "/odd/{id}", 200, i);
    SCOPED(mem_free) char *text = expose(m);
    SCOPED(mem_free) char *copy = strdup(text);
    char metric[128] = "", type[32] = "", name[128], rest[256];
    size_t samples = 0;

    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (sscanf(line, "# HELP %127s %255[^\n]", name, rest) == 2) {
            strcpy(metric, name);
            type[0] = '\0';
        } else if (sscanf(line, "# TYPE %127s %31s", name, type) == 2) {
            assert_string_equal(name, metric);
        } else {
            check_sample(text, line, metric, type);
            samples++;
        }
    }
    assert_true(samples > 60);
    metrics_free(m);
}

static void *count_many(void *ctx)
{
    for (int i = 0; i < 20000; i++) {
        metrics_request(ctx, (unsigned)i % 3, "/x", 200, i);
        metrics_verdict(ctx, VERDICT_ALLOW);
    }
    return NULL;
}

static void loses_nothing_between_threads(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, count_many, m), 0);
    free(expose(m));
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    SCOPED(mem_free) char *text = expose(m);
    assert_line(text, "hashgate_http_requests_total{route=\"/x\",status=\"2xx\"} 80000");
    assert_line(text, "hashgate_http_request_seconds_count{route=\"/x\"} 80000");
    assert_line(text, "hashgate_verdicts_total{verdict=\"allow\"} 80000");
    metrics_free(m);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    oom_arm(1);
    struct metrics *m = metrics_new();
    assert_true(oom_disarm());
    assert_null(m);
    metrics_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_it_is_told),
        cmocka_unit_test(is_well_formed),
        cmocka_unit_test(loses_nothing_between_threads),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
