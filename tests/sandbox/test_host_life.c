/* Is there always a worker for the next job, and never one too many? */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/sandbox/misbehaving.h"
#include "tests/support/oom.h"
#include "tests/support/rnd.h"
#include "tests/support/tmpdir.h"

/* Dead already when the job comes, or dying while it is sent: all the same to the job. */
static void a_worker_killed_between_jobs_is_replaced(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct worker_stats stats;
    for (int i = 0; i < 50; i++) {
        kill(worker_host_pid(host), SIGKILL);
        expect_good(host);
    }
    worker_host_stats(host, &stats);
    assert_int_equal(stats.spawned, 51);
    assert_int_equal(stats.jobs, 50);
    assert_int_equal(stats.lied + stats.timed_out, 0);
    worker_host_free(host);
}

/* The first SIGKILL may be anybody's; whoever kills the second worker too wins. */
static void a_worker_killed_in_a_job_is_replaced_once(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    start_command(host, "good");
    kill(worker_host_pid(host), SIGKILL);
    assert_int_equal(medium_wait(host, &medium, &err), RC_OK);
    assert_int_equal(medium_wait(host, &medium, &err), RC_INPUT);
    assert_string_equal(err.msg, "no job was started");
    expect_good(host);
    worker_host_free(host);
}

static void *kill_twice(void *arg)
{
    struct worker_host *host = arg;
    int first = worker_host_pid(host), second;
    kill(first, SIGKILL);
    do
        second = worker_host_pid(host);
    while (second == first || second == -1);
    kill(second, SIGKILL);
    return NULL;
}

static void a_medium_whose_workers_are_all_killed_is_undecodable(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    pthread_t killer;
    start_command(host, "no-answer");
    assert_int_equal(pthread_create(&killer, NULL, kill_twice, host), 0);
    assert_int_equal(medium_wait(host, &medium, &err), RC_UNDECODABLE);
    assert_string_equal(err.msg, "the decoder crashed on this medium: signal 9 (Killed)");
    pthread_join(killer, NULL);
    expect_good(host);
    worker_host_free(host);
}

static void an_abandoned_job_neither_answers_nor_delays_another(void **state)
{
    (void)state;
    static const char *const abandoned[] = {"good", "loop", "no-answer"};
    struct worker_host *host = new_host(&misbehaving);
    struct worker_stats stats;
    for (size_t i = 0; i < sizeof abandoned / sizeof *abandoned; i++) {
        int pid = worker_host_pid(host);
        start_command(host, abandoned[i]);
        expect_good(host);
        assert_int_not_equal(worker_host_pid(host), pid);
    }
    worker_host_stats(host, &stats);
    assert_int_equal(stats.crashed + stats.lied + stats.timed_out, 0);
    worker_host_free(host);
}

/* Or what the service starts next would hold a worker's channel, and it would not see the end. */
static void every_descriptor_is_closed_on_exec(void **state)
{
    (void)state;
    bool before[256];
    for (int fd = 0; fd < 256; fd++)
        before[fd] = fcntl(fd, F_GETFD) >= 0;
    struct worker_host *host = new_host(&misbehaving);
    start_command(host, "good");
    int seen = 0;
    for (int fd = 0; fd < 256; fd++)
        if (!before[fd] && fcntl(fd, F_GETFD) >= 0) {
            assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
            seen++;
        }
    assert_int_equal(seen, 2); /* the channel and the medium */
    worker_host_free(host);
}

static void a_worker_is_recycled(void **state)
{
    (void)state;
    struct worker_config config = misbehaving;
    config.recycle_after = 3;
    struct worker_host *host = new_host(&config);
    struct worker_stats stats;
    for (int i = 0; i < 9; i++)
        expect_good(host);
    worker_host_stats(host, &stats);
    assert_int_equal(stats.spawned, 3);
    assert_int_equal(stats.jobs, 9);
    worker_host_free(host);
}

/* What broke a decoder may have broken more: security by not finding out. */
static void a_worker_that_met_a_broken_medium_is_replaced(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    int pid = worker_host_pid(host);
    assert_int_equal(command(host, "no such", &medium, &err), RC_NOT_MEDIA);
    expect_good(host);
    assert_int_equal(worker_host_pid(host), pid);
    assert_int_equal(command(host, "refuse", &medium, &err), RC_UNDECODABLE);
    assert_string_equal(err.msg, "refused as told");
    expect_good(host);
    assert_int_not_equal(worker_host_pid(host), pid);
    worker_host_free(host);
}

static void descriptors_sent_back_are_not_taken(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    int before = open_descriptors();
    for (int i = 0; i < 50; i++)
        assert_int_equal(command(host, "send-descriptor", &medium, &err), RC_OK);
    assert_int_equal(open_descriptors(), before);
    worker_host_free(host);
}

static void only_sealed_media_are_sent(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct err err;
    int fd = medium_unsealed("good", 4);
    assert_int_equal(worker_host_start(host, fd, 0, 4, false, &err), RC_INPUT);
    assert_string_equal(err.msg, "the medium is not in a sealed memfd");
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
    assert_int_equal(worker_host_start(host, fd, 0, 4, false, &err), RC_INPUT);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_int_equal(worker_host_start(host, fd, 1, 4, false, &err), RC_INPUT);
    assert_string_equal(err.msg, "the medium ends behind its memfd");
    assert_int_equal(worker_host_start(host, fd, 5, 0, false, &err), RC_INPUT);
    assert_int_equal(worker_host_start(host, fd, 5, UINT64_MAX - 4, false, &err), RC_INPUT);
    assert_int_equal(worker_host_start(host, -1, 0, 4, false, &err), RC_INPUT);
    assert_int_equal(worker_host_start(host, 0, 0, 4, false, &err), RC_INPUT);
    assert_int_equal(worker_host_start(host, fd, 0, 4, false, &err), RC_OK);
    struct medium_hashes medium;
    assert_int_equal(medium_wait(host, &medium, &err), RC_OK);
    close(fd);
    worker_host_free(host);
}

static void the_span_is_the_medium(void **state)
{
    (void)state;
    struct worker_host *host = new_host(&misbehaving);
    struct medium_hashes medium;
    struct err err;
    int fd = medium_sealed("--good--", 8);
    assert_int_equal(worker_host_start(host, fd, 2, 4, false, &err), RC_OK);
    assert_int_equal(medium_wait(host, &medium, &err), RC_OK);
    assert_int_equal(worker_host_start(host, fd, 8, 0, false, &err), RC_OK);
    assert_int_equal(medium_wait(host, &medium, &err), RC_NOT_MEDIA);
    close(fd);
    worker_host_free(host);
}

static void a_broken_program_is_a_system_error(void **state)
{
    (void)state;
    static const struct {
        const char *program, *words;
    } broken[] = {
        {"/nonexistent/worker", "cannot start /nonexistent/worker: No such file or directory"},
        {"/etc/passwd", "cannot start /etc/passwd: Permission denied"},
        {"/bin/true", "/bin/true ended at its start: exit code 0"},
        {"/bin/false", "/bin/false ended at its start: exit code 1"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct worker_config config = misbehaving;
        struct worker_host *host = NULL;
        struct err err;
        config.program = broken[i].program;
        assert_int_equal(worker_host_new(&config, &host, &err), RC_SYS);
        assert_string_equal(err.msg, broken[i].words);
        assert_null(host);
    }
}

enum { PATH_SIZE = 256 };

/* A program that is killed at its first `times` starts, and the misbehaving worker after that. */
static void write_starter(char path[PATH_SIZE], const char *name, int times)
{
    snprintf(path, PATH_SIZE, "%s/%s", tmpdir(), name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\nn=0\nwhile [ $n -lt %d ]; do\n", times);
    fprintf(f, "mkdir %s.$n 2>/dev/null && kill -9 $$\nn=$((n+1))\ndone\n", path);
    fprintf(f, "exec %s \"$@\"\n", misbehaving.program);
    assert_int_equal(fchmod(fileno(f), 0700), 0);
    fclose(f);
}

static void a_worker_killed_at_its_start_is_started_again(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct worker_config config = misbehaving;
    write_starter(path, "three", 3);
    config.program = path;
    struct worker_host *host = new_host(&config);
    expect_good(host);
    worker_host_free(host);
}

static void workers_killed_at_every_start_mean_try_again(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct worker_config config = misbehaving;
    struct worker_host *host = NULL;
    struct err err;
    write_starter(path, "endless", 1000);
    config.program = path;
    assert_int_equal(worker_host_new(&config, &host, &err), RC_BUSY);
    assert_non_null(strstr(err.msg, "ended at its start: signal 9 (Killed)"));
    assert_null(host);
}

static void a_program_lost_later_is_a_system_error(void **state)
{
    (void)state;
    struct worker_config config = misbehaving;
    struct worker_host *host = new_host(&config);
    struct medium_hashes medium;
    struct err err;
    config.program = "/nonexistent/worker";
    expect_good(host);
    assert_int_equal(command(host, "exit0", &medium, &err), RC_SYS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(command(host, "good", &medium, &err), RC_SYS);
        assert_int_equal(worker_host_pid(host), -1);
    }
    config.program = misbehaving.program;
    expect_good(host);
    worker_host_free(host);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct worker_host *host = NULL;
        struct err err;
        oom_arm(nth);
        enum rc rc = worker_host_new(&misbehaving, &host, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 1);
            worker_host_free(host);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(host);
    }
}

static bool is_alive(int pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, ") Z ") == NULL && strstr(text, ") X ") == NULL;
}

/* Even one that is busy: the next hashgated must not share the machine with it. */
static void no_worker_outlives_a_killed_service(void **state)
{
    (void)state;
    int report[2];
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid_t service = fork();
    if (service == 0) {
        struct worker_host *host = NULL;
        struct err err;
        int pid = -1;
        if (worker_host_new(&misbehaving, &host, &err) == RC_OK) {
            pid = worker_host_pid(host);
            start_command(host, "loop");
        }
        if (write(report[1], &pid, sizeof pid) != sizeof pid)
            _exit(1);
        for (;;)
            pause();
    }
    int pid = -1;
    assert_int_equal(read(report[0], &pid, sizeof pid), sizeof pid);
    assert_true(pid > 0);
    assert_true(is_alive(pid));
    kill(service, SIGKILL);
    waitpid(service, NULL, 0);
    for (int i = 0; i < 1000 && is_alive(pid); i++)
        usleep(10000);
    assert_false(is_alive(pid));
    close(report[0]);
    close(report[1]);
}

enum { THREADS = 4, JOBS = 40 };

static void *abuse_one_host(void *arg)
{
    static const char *const commands[] = {
        "good", "good", "good", "segv", "exit0", "short-reply", "two-dones", "call 2", "call 41",
    };
    struct rnd rnd = {.state = *(const uint64_t *)arg};
    struct worker_host *host = NULL;
    struct err err;
    if (worker_host_new(&misbehaving, &host, &err) != RC_OK)
        return (char *)(uintptr_t) "new";
    char *wrong = NULL;
    for (int i = 0; i < JOBS && wrong == NULL; i++) {
        const char *text = commands[rnd_below(&rnd, sizeof commands / sizeof *commands)];
        bool good = strcmp(text, "good") == 0 || strcmp(text, "two-dones") == 0;
        struct medium_hashes medium;
        if (command(host, text, &medium, &err) != (good ? RC_OK : RC_UNDECODABLE))
            wrong = (char *)(uintptr_t)text;
    }
    worker_host_free(host);
    return wrong;
}

/* Descriptors of one thread's worker must not leak into another's: it would never see its end. */
static void hosts_of_several_threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    uint64_t seed[THREADS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        seed[i] = rnd_next(&rnd);
        assert_int_equal(pthread_create(&thread[i], NULL, abuse_one_host, &seed[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        pthread_join(thread[i], &wrong);
        if (wrong != NULL)
            fail_msg("in thread %d: %s", i, (const char *)wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(a_worker_killed_between_jobs_is_replaced),
        CLEAN_TEST(a_worker_killed_in_a_job_is_replaced_once),
        CLEAN_TEST(a_medium_whose_workers_are_all_killed_is_undecodable),
        CLEAN_TEST(an_abandoned_job_neither_answers_nor_delays_another),
        CLEAN_TEST(every_descriptor_is_closed_on_exec),
        CLEAN_TEST(a_worker_is_recycled),
        CLEAN_TEST(a_worker_that_met_a_broken_medium_is_replaced),
        CLEAN_TEST(descriptors_sent_back_are_not_taken),
        CLEAN_TEST(only_sealed_media_are_sent),
        CLEAN_TEST(the_span_is_the_medium),
        CLEAN_TEST(a_broken_program_is_a_system_error),
        CLEAN_TEST(a_worker_killed_at_its_start_is_started_again),
        CLEAN_TEST(workers_killed_at_every_start_mean_try_again),
        CLEAN_TEST(a_program_lost_later_is_a_system_error),
        CLEAN_TEST(survives_every_failed_allocation),
        CLEAN_TEST(no_worker_outlives_a_killed_service),
        CLEAN_TEST(hosts_of_several_threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
