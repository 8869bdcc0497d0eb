/* Are HEIC and AVIF pictures hashed as viewers show them? */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/tmpdir.h"
#include "tests/unit/decode_heif/fixture.h"

enum { NEAR = 4 }; /* bits between codings of the same scene */

static void the_scene_is_seen_however_it_is_stored(void **state)
{
    (void)state;
    static const char *const names[] = {
        "plain.heic",  "plain.avif",    "still.heic",   "irot1.heic",  "irot2.heic",
        "irot3.heic",  "irot1.avif",    "imir0.heic",   "imir1.heic",  "clap.heic",
        "grid.heic",   "iden.heic",     "overlay.heic", "deep10.heic", "deep10.avif",
        "deep12.avif", "full444.heic",  "full444.avif", "grey.heic",   "grey.avif",
        "hidden.heic", "thumbnail.heic"};
    struct outcome scene = decoded_png("scene.png");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct outcome o = decoded_made(names[i]);
        if (o.rc != RC_OK)
            fail_msg("%s: %s", names[i], o.err.msg);
        if (bits_apart(&o.hashes[0], &scene.hashes[0], LOOK_PLAIN) > NEAR)
            fail_msg("%s: %u bits off", names[i],
                     bits_apart(&o.hashes[0], &scene.hashes[0], LOOK_PLAIN));
        assert_int_equal(o.frames, 1);
        assert_int_equal(o.info.width, 160);
        assert_int_equal(o.info.height, 120);
        assert_string_equal(o.info.type,
                            strstr(names[i], ".avif") != NULL ? "image/avif" : "image/heic");
    }
}

static void odd_sides_are_hashed(void **state)
{
    (void)state;
    struct outcome heic = decoded_made("odd.heic"), avif = decoded_made("odd.avif");
    assert_int_equal(heic.rc, RC_OK);
    assert_int_equal(avif.rc, RC_OK);
    assert_int_equal(heic.info.width, 159);
    assert_int_equal(heic.info.height, 119);
    assert_true(bits_apart(&heic.hashes[0], &avif.hashes[0], LOOK_PLAIN) <= NEAR);
}

static void alpha_is_hashed_on_white_and_on_black(void **state)
{
    (void)state;
    static const char *const names[] = {"alpha.heic", "alpha.avif", "premultiplied.heic"};
    struct outcome png = decoded_png("alpha.png");
    assert_int_equal(png.hashes[0].looks, LOOKS);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct outcome o = decoded_made(names[i]);
        assert_int_equal(o.rc, RC_OK);
        assert_int_equal(o.hashes[0].looks, LOOKS);
        assert_true(bits_apart(&o.hashes[0], &png.hashes[0], LOOK_PLAIN) <= 2 * NEAR);
        assert_true(bits_apart(&o.hashes[0], &png.hashes[0], LOOK_ON_WHITE) <= 2 * NEAR);
        assert_true(bits_apart(&o.hashes[0], &png.hashes[0], LOOK_ON_BLACK) <= 2 * NEAR);
    }
}

static void each_picture_of_a_file_is_hashed(void **state)
{
    (void)state;
    struct outcome scene = decoded_png("scene.png"), two = decoded_made("two.heic");
    assert_int_equal(two.rc, RC_OK);
    assert_int_equal(two.frames, 2);
    assert_true(bits_apart(&two.hashes[0], &scene.hashes[0], LOOK_PLAIN) <= NEAR);
    assert_true(bits_apart(&two.hashes[1], &scene.hashes[0], LOOK_PLAIN) > 64);
}

/* The photograph, and the clip that the phone appended: a track of its own, with times. */
static void a_clip_behind_the_photograph_is_hashed(void **state)
{
    (void)state;
    static const char *const names[] = {"motion-mpvd.heic", "motion-trailer.heic"};
    struct outcome still = decoded_made("still.heic");
    for (size_t i = 0; i < 2; i++) {
        struct outcome o = decoded_made(names[i]);
        assert_int_equal(o.rc, RC_OK);
        assert_string_equal(o.info.type, "image/heic");
        assert_int_equal(o.frames, 1 + 4);
        assert_int_equal(o.place[0].track, 0);
        assert_memory_equal(&o.hashes[0], &still.hashes[0], sizeof o.hashes[0]);
        for (unsigned f = 1; f < o.frames; f++) {
            assert_int_equal(o.place[f].track, 1);
            assert_int_equal(o.place[f].ms, (f - 1) * 100);
        }
        assert_true(o.info.duration_ms >= 300);
    }
}

/* An AVIF sequence: its still and every picture of its track. */
static void a_picture_sequence_is_hashed(void **state)
{
    (void)state;
    struct outcome o = decoded_made("sequence.avif");
    assert_int_equal(o.rc, RC_OK);
    assert_string_equal(o.info.type, "image/avif");
    unsigned moving = 0;
    for (unsigned f = 0; f < o.frames; f++)
        moving += o.place[f].track == o.place[o.frames - 1].track;
    assert_int_equal(moving, 10);
    assert_int_equal(o.place[o.frames - 1].ms, 900);
}

/* heif-convert with the decoders that libheif brings: neither our codecs nor our conversion. */

static bool convert(const char *from, const char *to)
{
    extern char **environ;
    char program[] = "heif-convert", quiet[] = "--quiet", in[512], out[512];
    snprintf(in, sizeof in, "%s", from);
    snprintf(out, sizeof out, "%s", to);
    char *const argv[] = {program, quiet, in, out, NULL};
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return false;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void another_program_sees_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"plain.heic", "plain.avif", "irot1.heic",  "imir1.heic",
                                        "clap.heic",  "grid.heic",  "deep10.heic", "odd.avif",
                                        "grey.avif",  "alpha.avif", "full444.heic"};
    char png[512], from[512];
    snprintf(png, sizeof png, "%s/out.png", tmpdir());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(from, sizeof from, SOURCE_DIR "/tests/unit/decode_heif/media/%s", names[i]);
        if (!convert(from, png)) {
            assert_int_equal(i, 0); /* not installed: it knows none of them */
            print_message("skipped: no heif-convert\n");
            break;
        }
        SCOPED(file_free) struct file f = file_read(png);
        struct outcome theirs = decoded_by(picture_decoders, file_bytes(&f), &ample);
        struct outcome ours = decoded_made(names[i]);
        assert_int_equal(theirs.rc, RC_OK);
        assert_int_equal(ours.hashes[0].looks, theirs.hashes[0].looks);
        for (unsigned look = 0; look < ours.hashes[0].looks; look++)
            if (bits_apart(&ours.hashes[0], &theirs.hashes[0], look) != 0)
                fail_msg("%s: %u bits off", names[i],
                         bits_apart(&ours.hashes[0], &theirs.hashes[0], look));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scene_is_seen_however_it_is_stored),
        cmocka_unit_test(odd_sides_are_hashed),
        cmocka_unit_test(alpha_is_hashed_on_white_and_on_black),
        cmocka_unit_test(each_picture_of_a_file_is_hashed),
        cmocka_unit_test(a_clip_behind_the_photograph_is_hashed),
        cmocka_unit_test(a_picture_sequence_is_hashed),
        cmocka_unit_test(another_program_sees_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
