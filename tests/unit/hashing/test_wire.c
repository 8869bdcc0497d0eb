#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "hashing/sandbox/message.h"
#include "hashing/worker/wire.h"
#include "tests/support/rnd.h"

static struct rnd rnd;

enum { JOB = 7 };

static void good_reply(struct wire_reply *r, enum wire_kind kind)
{
    memset(r, 0, sizeof *r);
    r->magic = WIRE_MAGIC;
    r->version = WIRE_VERSION;
    r->job = kind == WIRE_HELLO ? 0 : JOB;
    r->kind = kind;
    if (kind == WIRE_HELLO)
        message_text(r->msg, sizeof r->msg, "plain");
    if (kind == WIRE_DONE) {
        r->width = 4;
        r->height = 3;
        r->frames = 1;
        message_text(r->type, sizeof r->type, "image/png");
    }
    if (kind == WIRE_FRAME) {
        r->ms = 12;
        r->hashes.width = 4;
        r->hashes.height = 3;
        r->hashes.looks = LOOKS;
        for (int look = 0; look < LOOKS; look++) {
            r->hashes.look[look].quality = 100;
            memset(r->hashes.look[look].hash, 0xff, sizeof r->hashes.look[look].hash);
        }
    }
}

static void good_refusal(struct wire_reply *r, enum rc rc)
{
    good_reply(r, WIRE_DONE);
    r->width = r->height = r->frames = 0;
    memset(r->type, 0, sizeof r->type);
    r->rc = rc;
    message_text(r->msg, sizeof r->msg, "no");
}

static enum rc check(const struct wire_reply *r, struct err *err)
{
    return wire_reply_check(r, sizeof *r, r->kind == WIRE_HELLO ? 0 : JOB, err);
}

static void good_replies_pass(void **state)
{
    (void)state;
    static const enum rc refusals[] = {RC_NOT_MEDIA, RC_UNDECODABLE, RC_LIMIT};
    struct wire_reply r;
    struct err err;
    for (enum wire_kind kind = WIRE_HELLO; kind <= WIRE_DONE; kind++) {
        good_reply(&r, kind);
        assert_int_equal(check(&r, &err), RC_OK);
    }
    for (int i = 0; i < 3; i++) {
        good_refusal(&r, refusals[i]);
        assert_int_equal(check(&r, &err), RC_OK);
    }
    good_reply(&r, WIRE_HELLO);
    r.rc = RC_SYS;
    assert_int_equal(check(&r, &err), RC_OK);
    good_reply(&r, WIRE_FRAME);
    r.ms = INT64_MAX;
    r.hashes.width = r.hashes.height = UINT32_MAX;
    r.hashes.looks = 1;
    memset(&r.hashes.look[1], 0, 2 * sizeof r.hashes.look[1]);
    assert_int_equal(check(&r, &err), RC_OK);
    good_reply(&r, WIRE_DONE);
    r.frames = WIRE_FRAMES_MAX;
    memset(r.type, '~', sizeof r.type - 1);
    assert_int_equal(check(&r, &err), RC_OK);
}

static void expect_refused(const struct wire_reply *r, const char *words)
{
    struct err err;
    assert_int_equal(wire_reply_check(r, sizeof *r, JOB, &err), RC_INPUT);
    assert_string_equal(err.msg, words);
}

/* One change to a good reply of that kind. */
#define expect_change_refused(what, change, words)                                                 \
    do {                                                                                           \
        struct wire_reply changed;                                                                 \
        good_reply(&changed, (what));                                                              \
        changed.change;                                                                            \
        expect_refused(&changed, (words));                                                         \
    } while (0)

static void the_size_is_checked(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, sizeof(struct wire_reply) - 1,
                                   sizeof(struct wire_reply) + 1, SIZE_MAX};
    struct wire_reply r;
    struct err err;
    good_reply(&r, WIRE_FRAME);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_int_equal(wire_reply_check(&r, sizes[i], JOB, &err), RC_INPUT);
}

static void the_envelope_is_checked(void **state)
{
    (void)state;
    for (enum wire_kind kind = WIRE_FRAME; kind <= WIRE_DONE; kind++) {
        expect_change_refused(kind, magic ^= 0x80000000, "reply: magic");
        expect_change_refused(kind, version = 0, "reply: version");
        expect_change_refused(kind, version++, "reply: version");
        expect_change_refused(kind, job = 0, "reply: job");
        expect_change_refused(kind, job = JOB - 1, "reply: job");
        expect_change_refused(kind, job = JOB + 1, "reply: job");
        expect_change_refused(kind, job |= UINT64_C(1) << 63, "reply: job");
        expect_change_refused(kind, kind = 0, "reply: kind");
        expect_change_refused(kind, kind = WIRE_HELLO, "reply: kind");
        expect_change_refused(kind, kind = WIRE_DONE + 1, "reply: kind");
        expect_change_refused(kind, kind = UINT32_MAX, "reply: kind");
    }
}

static void a_hello_comes_first_and_never_again(void **state)
{
    (void)state;
    struct wire_reply r;
    struct err err;
    good_reply(&r, WIRE_HELLO);
    assert_int_equal(wire_reply_check(&r, sizeof r, JOB, &err), RC_INPUT);
    for (enum wire_kind kind = WIRE_FRAME; kind <= WIRE_DONE; kind++) {
        good_reply(&r, kind);
        r.job = 0;
        assert_int_equal(wire_reply_check(&r, sizeof r, 0, &err), RC_INPUT);
        assert_string_equal(err.msg, "reply: kind");
    }
}

static void expect_hello_refused(const struct wire_reply *r, const char *words)
{
    struct err err;
    assert_int_equal(wire_reply_check(r, sizeof *r, 0, &err), RC_INPUT);
    assert_string_equal(err.msg, words);
}

#define expect_hello_change_refused(change, words)                                                 \
    do {                                                                                           \
        struct wire_reply changed;                                                                 \
        good_reply(&changed, WIRE_HELLO);                                                          \
        changed.change;                                                                            \
        expect_hello_refused(&changed, (words));                                                   \
    } while (0)

static void each_field_of_a_hello_is_checked(void **state)
{
    (void)state;
    expect_hello_change_refused(job = 1, "reply: job");
    expect_hello_change_refused(rc = RC_NOMEM, "hello: rc");
    expect_hello_change_refused(rc = UINT32_MAX, "hello: rc");
    expect_hello_change_refused(ms = 1, "hello: unused fields");
    expect_hello_change_refused(hashes.width = 1, "hello: unused fields");
    expect_hello_change_refused(hashes.look[2].hash[7].w[3] = 1, "hello: unused fields");
    expect_hello_change_refused(width = 1, "hello: unused fields");
    expect_hello_change_refused(height = 1, "hello: unused fields");
    expect_hello_change_refused(frames = 1, "hello: unused fields");
    expect_hello_change_refused(type[0] = 'x', "hello: unused fields");
    struct wire_reply r;
    good_reply(&r, WIRE_HELLO);
    memset(r.msg, 0, sizeof r.msg);
    expect_hello_refused(&r, "hello: msg");
}

static void each_field_of_a_frame_is_checked(void **state)
{
    (void)state;
    expect_change_refused(WIRE_FRAME, rc = RC_LIMIT, "frame: rc");
    expect_change_refused(WIRE_FRAME, ms = -1, "frame: ms");
    expect_change_refused(WIRE_FRAME, ms = INT64_MIN, "frame: ms");
    expect_change_refused(WIRE_FRAME, hashes.width = 0, "frame: size");
    expect_change_refused(WIRE_FRAME, hashes.height = 0, "frame: size");
    expect_change_refused(WIRE_FRAME, hashes.looks = 0, "frame: looks");
    expect_change_refused(WIRE_FRAME, hashes.looks = 2, "frame: looks");
    expect_change_refused(WIRE_FRAME, hashes.looks = 4, "frame: looks");
    expect_change_refused(WIRE_FRAME, hashes.looks = 255, "frame: looks");
    expect_change_refused(WIRE_FRAME, hashes.look[0].quality = 101, "frame: quality of look 0");
    expect_change_refused(WIRE_FRAME, hashes.look[1].quality = 255, "frame: quality of look 1");
    expect_change_refused(WIRE_FRAME, hashes.look[2].quality = 101, "frame: quality of look 2");
    expect_change_refused(WIRE_FRAME, hashes.looks = 1, "frame: quality of look 1");
    expect_change_refused(WIRE_FRAME, width = 1, "frame: unused fields");
    expect_change_refused(WIRE_FRAME, height = 1, "frame: unused fields");
    expect_change_refused(WIRE_FRAME, frames = 1, "frame: unused fields");
    expect_change_refused(WIRE_FRAME, type[0] = 'x', "frame: unused fields");
    expect_change_refused(WIRE_FRAME, msg[0] = 'x', "frame: unused fields");
}

static void unused_hashes_are_zero(void **state)
{
    (void)state;
    struct wire_reply r;
    struct err err;
    for (unsigned look = 1; look < LOOKS; look++)
        for (unsigned o = 0; o < ORIENTATIONS; o++)
            for (unsigned w = 0; w < 4; w++) {
                good_reply(&r, WIRE_FRAME);
                r.hashes.looks = 1;
                memset(&r.hashes.look[1], 0, 2 * sizeof r.hashes.look[1]);
                assert_int_equal(check(&r, &err), RC_OK);
                r.hashes.look[look].hash[o].w[w] = UINT64_C(1) << (o * 7);
                assert_int_equal(check(&r, &err), RC_INPUT);
            }
}

static void each_field_of_a_done_is_checked(void **state)
{
    (void)state;
    expect_change_refused(WIRE_DONE, width = 0, "done: size");
    expect_change_refused(WIRE_DONE, height = 0, "done: size");
    expect_change_refused(WIRE_DONE, frames = 0, "done: frames");
    expect_change_refused(WIRE_DONE, frames = WIRE_FRAMES_MAX + 1, "done: frames");
    expect_change_refused(WIRE_DONE, upright = ORIENTATIONS, "done: upright");
    expect_change_refused(WIRE_DONE, duration_ms = -1, "done: duration_ms");
    expect_change_refused(WIRE_DONE, elsewhere_offset = 1, "done: elsewhere");
    expect_change_refused(WIRE_DONE, msg[0] = 'x', "done: msg");
    expect_change_refused(WIRE_DONE, track = 1, "done: unused fields");
    expect_change_refused(WIRE_DONE, marks = 1, "done: unused fields");
    expect_change_refused(WIRE_DONE, ms = 1, "done: unused fields");
    expect_change_refused(WIRE_DONE, hashes.width = 1, "done: unused fields");
    expect_change_refused(WIRE_DONE, hashes.look[0].hash[0].w[0] = 1, "done: unused fields");
    struct wire_reply r;
    good_reply(&r, WIRE_DONE);
    memset(r.type, 0, sizeof r.type);
    expect_refused(&r, "done: type");
}

/* What no frame was handed on of is the other program's, or it was not examined. */
static void a_part_may_lie_elsewhere(void **state)
{
    (void)state;
    struct wire_reply r;
    struct err err;
    good_reply(&r, WIRE_DONE);
    r.elsewhere_offset = 5;
    r.elsewhere_length = 6;
    assert_int_equal(check(&r, &err), RC_OK);
    r.frames = r.width = r.height = 0;
    assert_int_equal(check(&r, &err), RC_OK);
    r.width = 1;
    r.height = 1;
    expect_refused(&r, "done: size");
    r.width = r.height = 0;
    r.elsewhere_length = UINT64_MAX;
    expect_refused(&r, "done: elsewhere");
    r.elsewhere_offset = r.elsewhere_length = 0;
    expect_refused(&r, "done: frames");
}

static void only_four_outcomes_exist(void **state)
{
    (void)state;
    struct wire_reply r;
    for (uint32_t rc = 0; rc < RC_COUNT + 3; rc++) {
        good_refusal(&r, (enum rc)rc);
        if (rc == RC_OK)
            expect_refused(&r, "done: frames");
        else if (rc != RC_NOT_MEDIA && rc != RC_UNDECODABLE && rc != RC_LIMIT)
            expect_refused(&r, "done: rc");
    }
    good_refusal(&r, RC_LIMIT);
    r.rc = 0x80000000;
    expect_refused(&r, "done: rc");
}

static void a_refusal_may_say_that_there_is_no_picture(void **state)
{
    (void)state;
    struct wire_reply r;
    struct err err;
    for (enum rc rc = RC_NOT_MEDIA; rc <= RC_LIMIT; rc++) {
        good_refusal(&r, rc);
        r.marks = WIRE_NO_PICTURE;
        assert_int_equal(check(&r, &err), rc == RC_LIMIT ? RC_INPUT : RC_OK);
        r.marks = WIRE_KEY;
        expect_refused(&r, "done: unused fields");
        r.marks = WIRE_NO_PICTURE | WIRE_KEY;
        expect_refused(&r, "done: unused fields");
    }
    expect_change_refused(WIRE_DONE, marks = WIRE_NO_PICTURE, "done: unused fields");
    expect_change_refused(WIRE_FRAME, marks = WIRE_NO_PICTURE, "frame: marks");
    expect_hello_change_refused(marks = WIRE_NO_PICTURE, "hello: unused fields");
}

static void a_refusal_has_words_and_nothing_else(void **state)
{
    (void)state;
    struct wire_reply r;
    good_refusal(&r, RC_LIMIT);
    memset(r.msg, 0, sizeof r.msg);
    expect_refused(&r, "done: msg");
    good_refusal(&r, RC_LIMIT);
    r.width = 1;
    expect_refused(&r, "done: unused fields");
    good_refusal(&r, RC_LIMIT);
    r.frames = 1;
    expect_refused(&r, "done: unused fields");
    good_refusal(&r, RC_LIMIT);
    r.type[0] = 'x';
    expect_refused(&r, "done: unused fields");
}

static void text_is_terminated_and_printable(void **state)
{
    (void)state;
    struct wire_reply r;
    for (int c = 1; c < 256; c++) {
        bool printable = c >= 0x20 && c < 0x7f;
        struct err err;
        good_reply(&r, WIRE_DONE);
        r.type[3] = (char)c;
        assert_int_equal(check(&r, &err), printable ? RC_OK : RC_INPUT);
        good_refusal(&r, RC_LIMIT);
        r.msg[0] = (char)c;
        assert_int_equal(check(&r, &err), printable ? RC_OK : RC_INPUT);
    }
    good_reply(&r, WIRE_DONE);
    memset(r.type, 'x', sizeof r.type);
    expect_refused(&r, "reply: type");
    good_refusal(&r, RC_LIMIT);
    memset(r.msg, 'x', sizeof r.msg);
    expect_refused(&r, "reply: msg");
    /* Something hidden behind the end. */
    expect_change_refused(WIRE_DONE, type[WIRE_TYPE_SIZE - 1] = 'x', "reply: type");
    expect_change_refused(WIRE_FRAME, type[1] = 'x', "reply: type");
    expect_change_refused(WIRE_FRAME, msg[WIRE_MSG_SIZE - 1] = 'x', "reply: msg");
}

/* Whatever bytes come, what passes has every promise that the service builds on. */
static void noise_never_passes_with_a_broken_promise(void **state)
{
    (void)state;
    unsigned passed = 0;
    for (int round = 0; round < 200000; round++) {
        struct wire_reply r;
        struct err err;
        good_reply(&r, 1 + (enum wire_kind)rnd_below(&rnd, 3));
        for (uint64_t n = rnd_below(&rnd, 3); n > 0; n--)
            ((uint8_t *)&r)[rnd_below(&rnd, sizeof r)] = (uint8_t)rnd_next(&rnd);
        if (wire_reply_check(&r, sizeof r, JOB, &err) != RC_OK)
            continue;
        passed++;
        assert_true(r.kind == WIRE_FRAME || r.kind == WIRE_DONE);
        assert_int_equal(r.job, JOB);
        assert_non_null(memchr(r.type, 0, sizeof r.type));
        assert_non_null(memchr(r.msg, 0, sizeof r.msg));
        if (r.kind == WIRE_FRAME)
            for (unsigned look = 0; look < LOOKS; look++)
                assert_true(r.hashes.look[look].quality <= 100);
        else if (r.rc == RC_OK)
            assert_true((r.frames >= 1 || r.elsewhere_length > 0) && r.frames <= WIRE_FRAMES_MAX);
    }
    assert_true(passed > 1000);
}

static void text_is_made_printable(void **state)
{
    (void)state;
    char out[8];
    memset(out, 'x', sizeof out);
    message_text(out, sizeof out, "a\n\x80 b");
    assert_memory_equal(out, "a?? b\0\0", 8);
    message_text(out, sizeof out, "123456789");
    assert_memory_equal(out, "1234567", 8);
    message_text(out, sizeof out, "");
    assert_memory_equal(out, "\0\0\0\0\0\0\0", 8);
}

int main(void)
{
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_replies_pass),
        cmocka_unit_test(the_size_is_checked),
        cmocka_unit_test(the_envelope_is_checked),
        cmocka_unit_test(a_hello_comes_first_and_never_again),
        cmocka_unit_test(each_field_of_a_hello_is_checked),
        cmocka_unit_test(each_field_of_a_frame_is_checked),
        cmocka_unit_test(unused_hashes_are_zero),
        cmocka_unit_test(each_field_of_a_done_is_checked),
        cmocka_unit_test(a_part_may_lie_elsewhere),
        cmocka_unit_test(only_four_outcomes_exist),
        cmocka_unit_test(a_refusal_may_say_that_there_is_no_picture),
        cmocka_unit_test(a_refusal_has_words_and_nothing_else),
        cmocka_unit_test(text_is_terminated_and_printable),
        cmocka_unit_test(noise_never_passes_with_a_broken_promise),
        cmocka_unit_test(text_is_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
