#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "hashing/worker/wire.h"

enum { JOB = 7 };

static struct wire_job good_job(void)
{
    return (struct wire_job){.magic = WIRE_MAGIC,
                             .version = WIRE_VERSION,
                             .job = JOB,
                             .offset = 10,
                             .length = 20,
                             .max_pixels = 30,
                             .max_work = 31,
                             .max_duration_ms = 32,
                             .preview_after_ms = 33,
                             .max_frames = 34,
                             .max_jpeg_scans = 40,
                             .all_orientations = 1,
                             .cpu_seconds = 50};
}

static void expect_job_refused(struct wire_job job, const char *words)
{
    struct err err;
    assert_int_equal(wire_job_check(&job, &err), RC_INPUT);
    assert_string_equal(err.msg, words);
}

static void a_good_job_passes(void **state)
{
    (void)state;
    struct wire_job job = good_job();
    struct err err;
    assert_int_equal(wire_job_check(&job, &err), RC_OK);
    job.all_orientations = 0;
    job.offset = job.length = 0;
    assert_int_equal(wire_job_check(&job, &err), RC_OK);
    job.offset = INT64_MAX;
    job.job = job.max_pixels = UINT64_MAX;
    assert_int_equal(wire_job_check(&job, &err), RC_OK);
}

#define JOB_WITH(change)                                                                           \
    __extension__({                                                                                \
        struct wire_job job = good_job();                                                          \
        job.change;                                                                                \
        job;                                                                                       \
    })

static void each_field_of_a_job_is_checked(void **state)
{
    (void)state;
    expect_job_refused(JOB_WITH(magic = 0), "job: magic");
    expect_job_refused(JOB_WITH(magic ^= 1), "job: magic");
    expect_job_refused(JOB_WITH(version++), "job: version");
    expect_job_refused(JOB_WITH(job = 0), "job: number");
    expect_job_refused(JOB_WITH(offset = UINT64_MAX), "job: offset and length");
    expect_job_refused(JOB_WITH(offset = INT64_MAX), "job: offset and length");
    expect_job_refused(JOB_WITH(length = UINT64_MAX - 5), "job: offset and length");
    expect_job_refused(JOB_WITH(length = INT64_MAX), "job: offset and length");
    expect_job_refused(JOB_WITH(max_pixels = 0), "job: max_pixels");
    expect_job_refused(JOB_WITH(max_work = 0), "job: max_work");
    expect_job_refused(JOB_WITH(max_duration_ms = 0), "job: max_duration_ms");
    expect_job_refused(JOB_WITH(max_duration_ms = -1), "job: max_duration_ms");
    expect_job_refused(JOB_WITH(preview_after_ms = -1), "job: preview_after_ms");
    expect_job_refused(JOB_WITH(max_frames = 0), "job: max_frames");
    expect_job_refused(JOB_WITH(max_frames = WIRE_FRAMES_MAX + 1), "job: max_frames");
    expect_job_refused(JOB_WITH(max_jpeg_scans = 0), "job: max_jpeg_scans");
    expect_job_refused(JOB_WITH(unused = 1), "job: unused");
    expect_job_refused(JOB_WITH(all_orientations = 2), "job: all_orientations");
    expect_job_refused(JOB_WITH(cpu_seconds = 0), "job: cpu_seconds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_job_passes),
        cmocka_unit_test(each_field_of_a_job_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
