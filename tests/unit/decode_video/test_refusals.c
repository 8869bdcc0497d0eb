/* Is what cannot be examined whole refused, and is each limit kept, in words? */
#include "tests/unit/decode_video/clips.h"

#include <dirent.h>

static struct clip_outcome outcome;

/* The place of a box's or a name's four letters. */
static uint8_t *find(struct bytes clip, const char *text)
{
    uint8_t *at = memmem(clip.p, clip.n, text, strlen(text));
    assert_non_null(at);
    return at;
}

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void limits_are_kept_and_named(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("h264.mp4");
    struct decode_limits limits = ample;
    limits.max_pixels = 128 * 96 - 1;
    assert_clip_refused(clip, limits, RC_LIMIT,
                        "video: 128x96 pixels are over the limit (max_pixels)");
    limits = ample;
    limits.max_work = 12 * 128 * 96 - 1;
    assert_clip_refused(clip, limits, RC_LIMIT,
                        "video: all frames have more than the limit of 147455 pixels (max_work)");
    for (uint32_t most = 5; most <= 11; most += 6) {
        char words[100];
        snprintf(words, sizeof words, "video: more than the limit of %u frames (max_frames)", most);
        limits = ample;
        limits.max_frames = most;
        assert_clip_refused(clip, limits, RC_LIMIT, words);
    }
    limits = ample;
    limits.max_duration_ms = 1199;
    assert_clip_refused(clip, limits, RC_LIMIT,
                        "video: lasts 1200 ms, over the limit of 1199 ms (max_duration)");
    limits.max_duration_ms = 1200;
    limits.max_frames = 12;
    limits.max_work = 12 * 128 * 96;
    limits.max_pixels = 128 * 112; /* what is coded has whole blocks */
    clip_decode(clip, limits, &outcome);
    assert_int_equal(outcome.rc, RC_OK);
}

/* The container may lie about the size; the decoder must not get the memory for it. */
static void a_size_that_only_the_stream_tells_is_limited(void **state)
{
    (void)state;
    static const struct {
        const char *name, *entry;
    } files[] = {{"h264.mp4", "avc1"}, {"av1.mp4", "av01"}, {"hevc.mp4", "hvc1"}};
    struct decode_limits limits = ample;
    limits.max_pixels = 10000;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        SCOPED(clip_free) struct bytes clip = clip_golden(files[i].name);
        uint8_t *entry = find(bytes_of(find(clip, "stsd"), 200), files[i].entry);
        write_u32(entry + 28, 16u << 16 | 16u);
        clip_decode(clip, limits, &outcome);
        assert_int_equal(outcome.rc, RC_LIMIT);
        assert_non_null(strstr(outcome.err.msg, "(max_pixels)"));
        assert_int_equal(outcome.n, 0);
    }
}

/* h264.mp4, whose index stands last, with more copies of its track. */
static struct bytes with_tracks(struct bytes clip, size_t copies)
{
    uint8_t *moov = find(clip, "moov") - 4, *trak = find(clip, "trak") - 4;
    size_t size = read_u32(trak), head = (size_t)(trak - clip.p);
    assert_int_equal(read_u32(moov), clip.n - (size_t)(moov - clip.p));
    uint8_t *out = malloc(clip.n + copies * size);
    assert_non_null(out);
    memcpy(out, clip.p, head);
    for (size_t i = 0; i < copies; i++)
        memcpy(out + head + i * size, trak, size);
    memcpy(out + head + copies * size, trak, clip.n - head);
    write_u32(out + (moov - clip.p), (uint32_t)(read_u32(moov) + copies * size));
    return bytes_of(out, clip.n + copies * size);
}

static void tracks_are_limited(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("h264.mp4");
    SCOPED(clip_free) struct bytes sixteen = with_tracks(clip, 15);
    SCOPED(clip_free) struct bytes seventeen = with_tracks(clip, 16);
    SCOPED(clip_free) struct bytes thousands = with_tracks(clip, 3000);
    clip_decode(sixteen, ample, &outcome);
    assert_int_equal(outcome.rc, RC_OK);
    assert_int_equal(outcome.n, 16 * 12);
    assert_clip_refused(seventeen, ample, RC_LIMIT,
                        "video: more than the limit of 16 video tracks (tracks)");
    assert_clip_refused(thousands, ample, RC_LIMIT,
                        "video: more than the limit of 128 streams (streams)");
}

static void protected_tracks_are_refused(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("h264.mp4");
    memcpy(find(bytes_of(find(clip, "stsd"), 200), "avc1"), "encv", 4);
    assert_clip_refused(clip, ample, RC_UNDECODABLE,
                        "video: a protected (encrypted) track cannot be decoded");
}

static void unknown_codecs_are_refused(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("h264.mp4");
    memcpy(find(bytes_of(find(clip, "stsd"), 200), "avc1"), "zzzz", 4);
    assert_clip_refused(clip, ample, RC_UNDECODABLE,
                        "video: the codec of a track is not decoded by this version");
}

static void what_is_no_video_is_refused(void **state)
{
    (void)state;
    static const char sdp[] = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n";
    SCOPED(clip_free) struct bytes sound = clip_golden("sound-only.mp4");
    assert_clip_refused(sound, ample, RC_UNDECODABLE,
                        "video: there is no video track (audio only?)");
    assert_clip_refused(bytes_str(sdp), ample, RC_NOT_MEDIA,
                        "neither a picture nor a video of a known format");
    assert_clip_refused(bytes_str("#EXTM3U\nhttp://127.0.0.1/\n"), ample, RC_NOT_MEDIA,
                        "neither a picture nor a video of a known format");
    clip_decode(bytes_of("", 0), ample, &outcome);
    assert_int_equal(outcome.rc, RC_NOT_MEDIA);
    assert_true(outcome.err.no_picture);
    clip_decode(sound, ample, &outcome);
    assert_true(outcome.err.no_picture);
    /* What may be seen by somebody is not called music: subtitles may be pictures, too. */
    memcpy(find(bytes_of(find(sound, "hdlr"), 40), "soun"), "subp", 4);
    memcpy(find(bytes_of(find(sound, "stsd"), 200), "mp4a"), "mp4s", 4);
    clip_decode(sound, ample, &outcome);
    assert_int_equal(outcome.rc, RC_UNDECODABLE);
    assert_false(outcome.err.no_picture);
}

/* Its third part is left out, as filler data that a decoder passes over. */
static void a_picture_without_one_of_its_slices_is_refused(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("h264.mov");
    uint8_t *at = find(clip, "mdat") + 4;
    for (int slices = 0; slices < 2;) {
        uint8_t *head = at + 4;
        int type = *head & 31;
        slices += type == 1 || type == 5;
        if (slices == 2)
            *head = 12;
        at = head + read_u32(at);
    }
    clip_decode(clip, ample, &outcome);
    assert_int_equal(outcome.rc, RC_UNDECODABLE);
    assert_non_null(strstr(outcome.err.msg, "could not be decoded whole"));
}

/* The first picture of a later group: what follows leans on what is not there. */
static void a_missing_picture_is_refused(void **state)
{
    (void)state;
    SCOPED(clip_free) struct bytes clip = clip_golden("hevc.mp4");
    uint8_t *at = find(clip, "mdat") + 4;
    for (int pictures = 0; pictures < 3;) {
        uint8_t *head = at + 4;
        pictures += (*head >> 1 & 63) < 32;
        if (pictures == 3)
            *head = 38 << 1;
        at = head + read_u32(at);
    }
    clip_decode(clip, ample, &outcome);
    assert_int_equal(outcome.rc, RC_UNDECODABLE);
}

static int is_clip(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/*
 * What is whole without its end may pass, but only with all of its pictures: an index of fragments
 * behind them, a file of fragments or clusters that ends between two of them.
 */
static void cut_anywhere_no_picture_is_lost_in_silence(void **state)
{
    (void)state;
    struct dirent **names;
    int n = scandir(SOURCE_DIR "/tests/golden/video", &names, is_clip, alphasort);
    assert_true(n > 30);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        SCOPED(clip_free) struct bytes clip = clip_golden(name);
        bool open_ended = strstr(name, "fragments") != NULL || strstr(name, "unknown") != NULL;
        clip_decode(clip, ample, &outcome);
        uint32_t all = outcome.n;
        for (size_t cut = 1; cut < clip.n; cut += 1 + clip.n / 60) {
            SCOPED(mem_free) uint8_t *part = malloc(cut);
            assert_non_null(part);
            memcpy(part, clip.p, cut);
            clip_decode_as(bytes_of(part, cut), ample, false, &outcome);
            if (outcome.rc == RC_OK && outcome.n != all && !open_ended)
                fail_msg("%s cut at %zu: %u of %u pictures", name, cut, outcome.n, all);
        }
        free(names[i]);
    }
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_kept_and_named),
        cmocka_unit_test(a_size_that_only_the_stream_tells_is_limited),
        cmocka_unit_test(tracks_are_limited),
        cmocka_unit_test(protected_tracks_are_refused),
        cmocka_unit_test(unknown_codecs_are_refused),
        cmocka_unit_test(what_is_no_video_is_refused),
        cmocka_unit_test(a_picture_without_one_of_its_slices_is_refused),
        cmocka_unit_test(a_missing_picture_is_refused),
        cmocka_unit_test(cut_anywhere_no_picture_is_lost_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
