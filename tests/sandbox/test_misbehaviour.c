/* Does what a worker does cost more than the job in which it does it? */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sandbox/misbehaving.h"

static void a_death_costs_its_job_only(void **state)
{
    (void)state;
    static const char *const deaths[] = {
        "segv", "trap", "overflow-stack", "abort", "exit0", "exit3", "half-and-exit",
    };
    struct worker_host *host = new_host(&misbehaving);
    struct worker_stats stats;
    struct medium_hashes medium;
    struct err err;
    size_t n = sizeof deaths / sizeof *deaths;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(command(host, deaths[i], &medium, &err), RC_UNDECODABLE);
        assert_non_null(strstr(err.msg, "the decoder crashed on this medium: "));
        expect_good(host);
    }
    worker_host_stats(host, &stats);
    /* The first by a fresh worker; each other one by one that had served, and by a fresh one. */
    assert_int_equal(stats.crashed, 2 * n - 1);
    assert_int_equal(stats.spawned, 2 * n);
    assert_int_equal(stats.jobs, 2 * n);
    assert_int_equal(stats.lied + stats.timed_out, 0);
    assert_int_equal(command(host, "exit3", &medium, &err), RC_UNDECODABLE);
    assert_string_equal(err.msg, "the decoder crashed on this medium: exit code 3");
    if (!SANITIZED) {
        assert_int_equal(command(host, "segv", &medium, &err), RC_UNDECODABLE);
        assert_string_equal(err.msg,
                            "the decoder crashed on this medium: signal 11 (Segmentation fault)");
    }
    worker_host_free(host);
}

static void a_lie_costs_its_job_only(void **state)
{
    (void)state;
    static const struct {
        const char *name, *words;
    } lies[] = {
        {"short-reply", "bytes"},
        {"long-reply", "bytes"},
        {"garbage", "magic"},
        {"wrong-job", "job"},
        {"hello-again", "job"},
        {"bad-quality", "quality"},
        {"unterminated", "type"},
        {"no-frame", "frames that were not sent"},
        {"too-many-frames", "too many frames"},
        {"endless-frames", "too many frames"},
        {"huge-frame", "frame over max_pixels"},
        {"huge-medium", "medium over max_pixels"},
        {"all-turned", "orientations that were not asked for"},
    };
    struct worker_host *host = new_host(&misbehaving);
    struct worker_stats stats;
    struct medium_hashes medium;
    struct err err;
    size_t n = sizeof lies / sizeof *lies;
    memset(&medium, 0x5a, sizeof medium);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(command(host, lies[i].name, &medium, &err), RC_UNDECODABLE);
        assert_non_null(strstr(err.msg, "answered nonsense"));
        assert_non_null(strstr(err.msg, lies[i].words));
        assert_int_equal(worker_host_pid(host), -1);
        assert_int_equal(medium.frames, 0x5a5a5a5a); /* written on success only */
        expect_good(host);
    }
    worker_host_stats(host, &stats);
    assert_int_equal(stats.lied, 2 * n - 1);
    assert_int_equal(stats.spawned, 2 * n);
    assert_int_equal(stats.crashed + stats.timed_out, 0);
    worker_host_free(host);
}

static void an_empty_message_is_an_end(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    assert_int_equal(command(host, "empty-reply", &medium, &err), RC_UNDECODABLE);
    expect_good(host);
    worker_host_free(host);
}

static void await_sleep(int pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (bool sleeps = false; !sleeps;) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        sleeps = strstr(text, ") S ") != NULL;
    }
}

static void nothing_said_early_counts_for_the_next_job(void **state)
{
    (void)state;
    static const char *const early[] = {"two-dones", "answer-ahead"};
    struct worker_host *host = new_host(&misbehaving);
    struct worker_stats stats;
    struct medium_hashes medium;
    struct err err;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(command(host, early[i], &medium, &err), RC_OK);
        int pid = worker_host_pid(host);
        await_sleep(pid);
        expect_good(host);
        assert_int_not_equal(worker_host_pid(host), pid);
    }
    worker_host_stats(host, &stats);
    assert_int_equal(stats.lied, 2);
    worker_host_free(host);
}

/* Whether the extra answer is seen before the next job or taken for its answer. */
static void what_one_job_leaves_behind_costs_no_other(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(command(host, i % 2 ? "two-dones" : "answer-and-die", &medium, &err),
                         RC_OK);
        expect_good(host);
    }
    worker_host_free(host);
}

static void all_orientations_pass_when_asked_for(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    assert_int_equal(medium_run(host, "all-turned", 10, true, &medium, &err), RC_OK);
    assert_int_equal(medium.frame[0].hashes.look[0].hash[7].w[3], 1);
    worker_host_free(host);
}

static void the_deadline_ends_a_job(void **state)
{
    (void)state;
    static const char *const hangs[] = {"loop", "no-answer"};
    struct worker_config config = misbehaving;
    struct worker_host *host = new_host(&config);
    struct worker_stats stats;
    struct medium_hashes medium;
    struct err err;
    for (size_t i = 0; i < 2; i++) {
        config.timeout_ms = 300;
        assert_int_equal(command(host, hangs[i], &medium, &err), RC_LIMIT);
        assert_string_equal(err.msg,
                            "hashing took longer than the limit of 300 ms ([test] timeout)");
        config.timeout_ms = misbehaving.timeout_ms;
        expect_good(host);
    }
    config.timeout_ms = 1000;
    assert_int_equal(command(host, "loop", &medium, &err), RC_LIMIT);
    assert_string_equal(err.msg, "hashing took longer than the limit of 1 s ([test] timeout)");
    worker_host_stats(host, &stats);
    assert_int_equal(stats.timed_out, 3);
    assert_int_equal(stats.crashed + stats.lied, 0);
    worker_host_free(host);
}

/* Read from /proc: prlimit() itself needs a right that root may lack. */
static unsigned long cpu_limit_of(const struct worker_host *host)
{
    char path[64], line[256];
    unsigned long seconds = 0;
    snprintf(path, sizeof path, "/proc/%d/limits", worker_host_pid(host));
    /* The worker sets it when it takes the job: give it time to. */
    for (int i = 0; i < 500 && seconds == 0; i++) {
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        while (fgets(line, sizeof line, f) != NULL)
            if (strncmp(line, "Max cpu time", 12) == 0)
                seconds = strtoul(line + 12, NULL, 10);
        fclose(f);
        usleep(10000);
    }
    return seconds;
}

static void processor_time_of_each_job_is_limited(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    start_command(host, "no-answer");
    assert_in_range(cpu_limit_of(host), 20, 30);
    kill(worker_host_pid(host), SIGXCPU);
    assert_int_equal(medium_wait(host, &medium, &err), RC_LIMIT);
    expect_good(host);
    worker_host_free(host);
}

static void memory_is_limited(void **state)
{
    (void)state;
    if (SANITIZED) /* they need terabytes of address space */
        skip();
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    int pid = worker_host_pid(host);
    assert_int_equal(command(host, "malloc-10g", &medium, &err), RC_LIMIT);
    assert_string_equal(err.msg, "no 10 GB; [test] in the configuration sets it");
    assert_int_equal(command(host, "fill-memory", &medium, &err), RC_LIMIT);
    assert_in_range(strtol(err.msg, NULL, 10), 128, 256);
    assert_int_equal(worker_host_pid(host), pid);
    worker_host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(a_death_costs_its_job_only),
        CLEAN_TEST(a_lie_costs_its_job_only),
        CLEAN_TEST(an_empty_message_is_an_end),
        CLEAN_TEST(nothing_said_early_counts_for_the_next_job),
        CLEAN_TEST(what_one_job_leaves_behind_costs_no_other),
        CLEAN_TEST(all_orientations_pass_when_asked_for),
        CLEAN_TEST(the_deadline_ends_a_job),
        CLEAN_TEST(processor_time_of_each_job_is_limited),
        CLEAN_TEST(memory_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
