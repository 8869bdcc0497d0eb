/*
 * Is every picture of a clip hashed, in its place in time, whatever codec, container, pixels and
 * turn it has?  The clips show the same pan, so that one is the witness of the other.
 */
#include "tests/unit/decode_video/clips.h"

enum { NEAR = 24 }; /* bits that hard compression of a small picture costs */

static struct clip_outcome one, other;

static void decode_golden(const char *name, struct clip_outcome *ret)
{
    SCOPED(clip_free) struct bytes clip = clip_golden(name);
    clip_decode(clip, ample, ret);
    if (ret->rc != RC_OK)
        fail_msg("%s: %s", name, ret->err.msg);
}

static const struct clip {
    const char *name, *type;
    uint32_t frames, width, height;
    int64_t duration_ms;
} clips[] = {
    {"h264.mp4", "video/mp4", 12, 128, 96, 1200},
    {"h264.mkv", "video/x-matroska", 12, 128, 96, 1200},
    {"h264.mov", "video/quicktime", 12, 128, 96, 1200},
    {"hevc.mp4", "video/mp4", 12, 128, 96, 1200},
    {"vp8.webm", "video/webm", 12, 128, 96, 1200},
    {"vp9.webm", "video/webm", 12, 128, 96, 1200},
    {"av1.mp4", "video/mp4", 12, 128, 96, 1200},
    {"mpeg4.mp4", "video/mp4", 12, 128, 96, 1200},
    {"mpeg1.mov", "video/quicktime", 12, 128, 96, 480},
    {"mpeg2.mkv", "video/x-matroska", 12, 128, 96, 480},
    {"h263.3gp", "video/3gpp", 6, 128, 96, 600},
    {"mjpeg.mov", "video/quicktime", 4, 128, 96, 400},
    {"prores.mov", "video/quicktime", 2, 128, 96, 200},
    {"h264-10bit.mp4", "video/mp4", 6, 128, 96, 600},
    {"h264-444.mp4", "video/mp4", 6, 128, 96, 600},
    {"h264-rgb.mp4", "video/mp4", 6, 128, 96, 600},
    {"h264-gray.mp4", "video/mp4", 6, 128, 96, 600},
    {"h264-full-range.mp4", "video/mp4", 6, 128, 96, 600},
    {"h264-interlaced.mp4", "video/mp4", 6, 128, 96, 600},
    {"hevc-10bit.mp4", "video/mp4", 6, 128, 96, 600},
    {"vp9-10bit.webm", "video/webm", 6, 128, 96, 600},
    {"h264-fragments.mp4", "video/mp4", 12, 128, 96, 1200},
    {"h264-unknown-lengths.mkv", "video/x-matroska", 12, 128, 96, 1200},
    {"with-sound.mp4", "video/mp4", 12, 128, 96, 1200},
    {"with-date.mov", "video/quicktime", 12, 128, 96, 1200},
};

/* The quality of a picture is of its luma's range too: a wrong one would shift it. */
static void expect_like(const char *name, const struct clip_frame *a, const struct clip_frame *b,
                        uint32_t i)
{
    unsigned distance = pdq_distance(&a->hash.hash[ORIENT_AS_IS], &b->hash.hash[ORIENT_AS_IS]);
    int quality = abs((int)a->hash.quality - (int)b->hash.quality);
    if (distance > NEAR || quality > 8)
        fail_msg("%s: frame %u is %u bits and quality %d away", name, i, distance, quality);
}

static void every_picture_is_hashed_in_its_time(void **state)
{
    (void)state;
    decode_golden("h264.mp4", &other);
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        const struct clip *c = &clips[i];
        decode_golden(c->name, &one);
        if (one.info.frames != c->frames || one.n != c->frames)
            fail_msg("%s: %u frames", c->name, one.n);
        assert_string_equal(one.info.type, c->type);
        assert_int_equal(one.info.width, c->width);
        assert_int_equal(one.info.height, c->height);
        assert_int_equal(one.info.duration_ms, c->duration_ms);
        assert_int_equal(one.info.upright, ORIENT_AS_IS);
        assert_int_equal(one.info.elsewhere_length, 0);
        assert_true(one.frame[0].place.key);
        for (uint32_t f = 0; f < one.n; f++) {
            assert_int_equal(one.frame[f].place.ms, f * c->duration_ms / c->frames);
            assert_int_equal(one.frame[f].place.track, 0);
            assert_false(one.frame[f].place.preview);
            expect_like(c->name, &one.frame[f], &other.frame[f], f);
        }
    }
}

static void odd_sizes_are_cropped_as_they_were_made(void **state)
{
    (void)state;
    static const char *const names[] = {"vp9-odd.webm", "h264-odd.mp4"};
    for (size_t i = 0; i < 2; i++) {
        decode_golden(names[i], i == 0 ? &one : &other);
        const struct clip_outcome *o = i == 0 ? &one : &other;
        assert_int_equal(o->n, 6);
        assert_int_equal(o->info.width, 101);
        assert_int_equal(o->info.height, 75);
    }
    for (uint32_t f = 0; f < 6; f++)
        expect_like("odd", &one.frame[f], &other.frame[f], f);
}

/* ffmpeg turned the shown- clips as a player would. */
static void upright_is_what_viewers_see(void **state)
{
    (void)state;
    static const struct {
        const char *name, *shown;
        enum orientation upright;
    } turns[] = {
        {"turned-90.mp4", "shown-turned-90.mp4", ORIENT_ROT270},
        {"turned-180.mp4", "shown-turned-180.mp4", ORIENT_ROT180},
        {"turned-270.mp4", "shown-turned-270.mp4", ORIENT_ROT90},
        {"mirrored.mp4", "shown-mirrored.mp4", ORIENT_FLIPY},
        {"upside-down.mp4", "shown-upside-down.mp4", ORIENT_FLIPX},
        {"transposed.mp4", "shown-transposed.mp4", ORIENT_FLIPPLUS1},
    };
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        decode_golden(turns[i].name, &one);
        decode_golden(turns[i].shown, &other);
        assert_int_equal(one.info.upright, turns[i].upright);
        assert_int_equal(other.info.upright, ORIENT_AS_IS);
        for (int o = 0; o < ORIENTATIONS; o++) {
            unsigned distance =
                pdq_distance(&one.frame[0].hash.hash[o], &other.frame[0].hash.hash[ORIENT_AS_IS]);
            if (o == (int)turns[i].upright ? distance > 10 : distance < 60)
                fail_msg("%s as %s: %u bits", turns[i].name, orientation_name((enum orientation)o),
                         distance);
        }
    }
}

static void every_track_is_hashed(void **state)
{
    (void)state;
    uint32_t next[2] = {0};
    decode_golden("two-tracks.mp4", &one);
    decode_golden("h264.mp4", &other);
    assert_int_equal(one.n, 12);
    for (uint32_t i = 0; i < one.n; i++) {
        uint32_t track = one.frame[i].place.track;
        assert_in_range(track, 0, 1);
        uint32_t f = next[track]++;
        assert_int_equal(one.frame[i].place.ms, 100 * f);
        expect_like("two-tracks.mp4", &one.frame[i], &other.frame[f], f);
    }
    assert_int_equal(next[0], 6);
}

static void a_cover_is_hashed_beside_the_clip(void **state)
{
    (void)state;
    decode_golden("with-cover.mp4", &one);
    assert_int_equal(one.n, 13);
    assert_int_equal(one.info.width, 128);
    uint32_t covers = 0;
    for (uint32_t i = 0; i < one.n; i++) {
        bool cover = one.frame[i].width == 160 && one.frame[i].height == 120;
        covers += cover;
        assert_int_equal(one.frame[i].place.track, cover ? 1 : 0);
    }
    assert_int_equal(covers, 1);
    decode_golden("sound-with-cover.mp4", &one);
    assert_int_equal(one.n, 1);
    assert_int_equal(one.info.width, 160);
    assert_int_equal(one.info.duration_ms, 0);
}

static void times_may_be_uneven(void **state)
{
    (void)state;
    static const int64_t ms[] = {0, 100, 400, 900, 1600, 2500, 3600, 4900};
    decode_golden("uneven-times.mp4", &one);
    assert_int_equal(one.n, 8);
    for (uint32_t i = 0; i < one.n; i++)
        assert_int_equal(one.frame[i].place.ms, ms[i]);
}

static void the_size_may_change(void **state)
{
    (void)state;
    decode_golden("size-changes.webm", &one);
    assert_int_equal(one.n, 8);
    for (uint32_t i = 0; i < one.n; i++) {
        assert_int_equal(one.frame[i].width, i < 4 ? 128 : 96);
        assert_int_equal(one.frame[i].height, i < 4 ? 96 : 128);
    }
    assert_int_equal(one.info.width, 128);
}

/* Two key frames in twelve pictures: they come first, marked, and again in their turn. */
static void long_clips_have_their_key_frames_ahead(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("h264.mp4");
    struct decode_limits limits = ample;
    clip_decode(clip, ample, &other);
    limits.preview_after_ms = 1199;
    clip_decode(clip, limits, &one);
    assert_int_equal(one.rc, RC_OK);
    assert_int_equal(one.n, 14);
    assert_int_equal(one.info.frames, 12);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(one.frame[i].place.preview && one.frame[i].place.key);
        assert_int_equal(one.frame[i].place.ms, 600 * i);
        assert_memory_equal(&one.frame[i].hash, &one.frame[2 + 6 * i].hash, sizeof one.frame->hash);
    }
    for (uint32_t i = 2; i < 14; i++)
        assert_memory_equal(&one.frame[i], &other.frame[i - 2], sizeof *one.frame);
    limits.preview_after_ms = 1200;
    clip_decode(clip, limits, &one);
    assert_int_equal(one.n, 12);
}

/* Where every picture is a key frame, nothing is won. */
static void no_preview_where_all_are_key_frames(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("mjpeg.mov");
    struct decode_limits limits = ample;
    limits.preview_after_ms = 1;
    clip_decode(clip, limits, &one);
    assert_int_equal(one.n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_picture_is_hashed_in_its_time),
        cmocka_unit_test(odd_sizes_are_cropped_as_they_were_made),
        cmocka_unit_test(upright_is_what_viewers_see),
        cmocka_unit_test(every_track_is_hashed),
        cmocka_unit_test(a_cover_is_hashed_beside_the_clip),
        cmocka_unit_test(times_may_be_uneven),
        cmocka_unit_test(the_size_may_change),
        cmocka_unit_test(long_clips_have_their_key_frames_ahead),
        cmocka_unit_test(no_preview_where_all_are_key_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
