/* What is refused, and with which words; and that nothing else comes of broken files. */
#include <time.h>

#include "tests/support/oom.h"
#include "tests/unit/decode_heif/fixture.h"

static void refusals_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum rc rc;
        const char *words;
    } refused[] = {
        {"unknown-item.heic", RC_UNDECODABLE, "HEIC: an item of kind 'jpeg' is not decoded"},
        {"mime-picture.heic", RC_UNDECODABLE, "HEIC: an item of kind 'mime' is not decoded"},
        {"small-alpha.heic", RC_UNDECODABLE, "HEIC: its alpha plane is not of the picture's size"},
        {"lying-alpha.heic", RC_UNDECODABLE, "HEIC: its planes do not fit together"},
        {"loop.heic", RC_UNDECODABLE, "HEIC: a picture is derived from itself"},
        {"deep.heic", RC_UNDECODABLE, "HEIC: pictures are derived from pictures over 8 times"},
        {"huge-grid.heic", RC_LIMIT, "60000x60000 is 3600000000 pixels, over max_pixels 50000000"},
        {"overlay-bomb.heic", RC_LIMIT,
         "HEIC: its derived pictures are 6174874371859200 pixels, over max_work"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct outcome o = decoded_made(refused[i].name);
        assert_int_equal(o.rc, refused[i].rc);
        assert_string_equal(o.err.msg, refused[i].words);
    }
}

/* The stills are in order, but the moov belongs to another file. */
static void a_sequence_that_cannot_be_decoded_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"sequence.heic", "moov-only.heic"};
    for (size_t i = 0; i < 2; i++) {
        struct outcome o = decoded_made(names[i]);
        assert_int_equal(o.rc, RC_UNDECODABLE);
        assert_memory_equal(o.err.msg, "video: ", 7);
    }
}

static void expect_limit(const char *name, struct decode_limits limits, const char *words)
{
    SCOPED(file_free) struct file f = made(name);
    struct outcome o = decoded_by(video_decoders, file_bytes(&f), &limits);
    assert_int_equal(o.rc, RC_LIMIT);
    assert_string_equal(o.err.msg, words);
}

static void limits_are_named(void **state)
{
    (void)state;
    struct decode_limits limits = ample;
    limits.max_pixels = 19199;
    expect_limit("plain.heic", limits, "160x120 is 19200 pixels, over max_pixels 19199");
    expect_limit("grid.heic", limits, "160x120 is 19200 pixels, over max_pixels 19199");
    limits = ample;
    limits.max_frames = 1;
    expect_limit("two.heic", limits, "HEIC: 2 pictures are over max_frames 1");
    limits = ample;
    limits.max_work = 30000;
    expect_limit("two.heic", limits, "HEIC: its pictures are 38400 pixels, over max_work 30000");
    limits.max_work = 19200;
    expect_limit("grid.heic", limits, "HEIC: its pictures are 20480 pixels, over max_work 19200");
}

/* What an item's size says is no promise: the coded picture may be larger. */
static void a_coded_picture_over_the_limit_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"still.heic", "irot1.avif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SCOPED(file_free) struct file f = made(names[i]);
        uint8_t *ispe = memmem(f.p, f.n, "ispe", 4);
        assert_non_null(ispe);
        memcpy(ispe + 8, "\0\0\0\x10\0\0\0\x10", 8);
        struct decode_limits limits = ample;
        limits.max_pixels = 10000;
        struct outcome o = decoded_by(video_decoders, file_bytes(&f), &limits);
        assert_int_equal(o.rc, RC_LIMIT);
        assert_non_null(strstr(o.err.msg, "over max_pixels 10000"));
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    SCOPED(file_free) struct file f = made("grid.heic");
    for (unsigned nth = 1;; nth++) {
        oom_arm(nth);
        struct outcome o = decoded(file_bytes(&f));
        if (!oom_disarm()) {
            assert_int_equal(o.rc, RC_OK);
            assert_true(nth > 1);
            return;
        }
        assert_true(o.rc == RC_NOMEM || o.rc == RC_LIMIT);
    }
}

/* Every length: refused, or the same hashes, and never others. */
static void a_cut_file_has_no_hashes_of_its_own(void **state)
{
    (void)state;
    static const char *const names[] = {"speck.heic", "speck.avif", "grid.heic", "alpha.avif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SCOPED(file_free) struct file f = made(names[i]);
        struct outcome whole = decoded(file_bytes(&f));
        assert_int_equal(whole.rc, RC_OK);
        for (size_t n = 0; n < f.n; n++) {
            struct outcome o = decoded(bytes_of(f.p, n));
            if (o.rc == RC_OK)
                assert_same_hashes(&o, &whole);
        }
    }
}

static uint64_t seed;

static void survives_flipped_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"plain.heic",   "plain.avif", "grid.heic", "alpha.heic",
                                        "overlay.heic", "clap.heic",  "irot1.avif"};
    struct rnd r = {.state = seed};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SCOPED(file_free) struct file f = made(names[i]);
        for (int round = 0; round < 150; round++) {
            SCOPED(file_free) struct file broken = {.p = malloc(f.n), .n = f.n};
            memcpy(broken.p, f.p, f.n);
            for (uint64_t flips = 1 + rnd_below(&r, 4); flips > 0; flips--)
                broken.p[rnd_below(&r, round % 2 == 0 ? 500 : f.n)] = (uint8_t)rnd_next(&r);
            enum rc rc = decoded(file_bytes(&broken)).rc;
            assert_true(rc == RC_OK || rc == RC_UNDECODABLE || rc == RC_LIMIT ||
                        rc == RC_NOT_MEDIA);
        }
    }
}

int main(void)
{
    const char *given = getenv("TEST_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("TEST_SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(a_sequence_that_cannot_be_decoded_is_refused),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(a_coded_picture_over_the_limit_is_refused),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(a_cut_file_has_no_hashes_of_its_own),
        cmocka_unit_test(survives_flipped_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
