/* Is a medium told by its content alone, and does a refusal name what it is? */
#include "tests/unit/decode/fixture.h"

#include <stdio.h>
#include <unistd.h>

static const char *const unknown = "neither a picture nor a video of a known format";

/* The first 256 bytes of a file: zeros but for what is written at two places. */
static struct outcome start_of_file(const char *bytes, size_t n, size_t at, const char *also,
                                    size_t also_at)
{
    uint8_t start[256] = {0};
    memcpy(start + at, bytes, n);
    memcpy(start + also_at, also, strlen(also));
    return decoded(bytes_of(start, sizeof start));
}

static void names_known_formats(void **state)
{
    (void)state;
#define TEXT(s) (s), sizeof(s) - 1
    static const struct {
        const char *bytes;
        size_t n, at;
        const char *also;
        size_t also_at;
        const char *name;
    } cases[] = {
        {TEXT("BM\x36\x10"), 0, "6", 10, "BMP"},
        {TEXT("\0\0\0\x0cjP  \r\n\x87\n"), 0, "", 12, "JPEG 2000"},
        {TEXT("\xff\x4f\xff\x51"), 0, "", 4, "JPEG 2000"},
        {TEXT("\0\0\0\x0cJXL \r\n\x87\n"), 0, "", 12, "JPEG XL"},
        {TEXT("\xff\x0a"), 0, "", 2, "JPEG XL"},
        {TEXT("%PDF-1.7"), 0, "\xff\xd8\xff\xe0", 20, "PDF"},
        {TEXT("<svg xmlns="), 0, "", 20, "SVG"},
        {TEXT("<?xml version='1.0'?>"), 0, "<svg>", 40, "SVG"},
        {TEXT("\0\0\1\0\1"), 0, "", 6, "ICO"},
        {TEXT("8BPS\0\1"), 0, "", 6, "PSD"},
        {TEXT("\0\0\1\xba"), 0, "", 6, "MPEG"},
        {TEXT("RIFF"), 0, "AVI LIST", 8, "AVI"},
        {TEXT("FLV\1\5"), 0, "", 6, "FLV"},
        {TEXT("G@"), 0, "G@", 188, "MPEG-TS"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[64];
        snprintf(words, sizeof words, "%s is not decoded by this version", cases[i].name);
        const struct outcome outcome =
            start_of_file(cases[i].bytes, cases[i].n, cases[i].at, cases[i].also, cases[i].also_at);
        assert_refused(outcome, RC_NOT_MEDIA, words);
        assert_false(outcome.err.no_picture);
    }
}

static void passes_on_what_the_other_program_decodes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n, at;
        const char *also;
        size_t also_at;
        const char *type;
    } cases[] = {
        {TEXT("ftyp"), 4, "avif", 8, "image/heif"},
        {TEXT("ftyp"), 4, "avis", 8, "image/heif"},
        {TEXT("ftyp"), 4, "heic", 8, "image/heif"},
        {TEXT("ftyp"), 4, "heix", 8, "image/heif"},
        {TEXT("ftyp"), 4, "hevc", 8, "image/heif"},
        {TEXT("ftyp"), 4, "mif1", 8, "image/heif"},
        {TEXT("ftyp"), 4, "msf1", 8, "image/heif"},
        {TEXT("ftyp"), 4, "qt  ", 8, "video/mp4"},
        {TEXT("ftyp"), 4, "isom", 8, "video/mp4"},
        {TEXT("ftyp"), 4, "3gp4", 8, "video/mp4"},
        {TEXT("moov"), 4, "mvhd", 12, "video/mp4"},
        {TEXT("mdat"), 4, "", 12, "video/mp4"},
        {TEXT("wide"), 4, "mdat", 12, "video/mp4"},
        {TEXT("free"), 4, "mdat", 12, "video/mp4"},
        {TEXT("skip"), 4, "mdat", 12, "video/mp4"},
        {TEXT("\x1a\x45\xdf\xa3"), 0, "webm", 24, "video/x-matroska"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o =
            start_of_file(cases[i].bytes, cases[i].n, cases[i].at, cases[i].also, cases[i].also_at);
        assert_int_equal(o.rc, RC_OK);
        assert_string_equal(o.info.type, cases[i].type);
        assert_int_equal(o.frames, 0);
        assert_int_equal(o.info.elsewhere_offset, 0);
        assert_int_equal(o.info.elsewhere_length, 256);
    }
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {TEXT("")},
        {TEXT("\xff\xd8")},
        {TEXT("\x89PNG\r\n\x1a")},
        {TEXT("\x89PNG\n\r\x1a\n")},
        {TEXT("\x8aMNG\r\n\x1a\n")},
        {TEXT("<html>\xff\xd8\xff\xe0")},
        {TEXT("ID3\3\0\0\0\0\0\0\xff\xd8\xff\xe0")},
        {TEXT("\0\xff\xd8\xff\xe0")},
        {TEXT("RIFF....WAVEfmt ")},
        {TEXT("RIFF")},
        {TEXT("GIF")},
        {TEXT("II*")},
        {TEXT("BM, they said, and went on")},
        {TEXT("<?xml version='1.0'?><rss/>")},
        {TEXT("plain words")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(decoded(bytes_of(cases[i].bytes, cases[i].n)), RC_NOT_MEDIA, unknown);
        assert_true(decoded(bytes_of(cases[i].bytes, cases[i].n)).err.no_picture);
    }
}

/* Every prefix of every length lies in its own allocation, so that a read beyond it is seen. */
static void reads_no_byte_beyond_the_end(void **state)
{
    (void)state;
    struct rnd rnd = rnd_from_environment();
    static const char *const starts[] = {
        "GIF89a", "RIFF", "G", "BM", "<?xml", "\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "II*", "MM\0*"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        for (size_t n = 0; n < 256; n++) {
            SCOPED(mem_free) uint8_t *p = malloc(n + (n == 0));
            assert_non_null(p);
            size_t fixed = strlen(starts[i]) < n ? strlen(starts[i]) : n;
            memcpy(p, starts[i], fixed);
            for (size_t k = fixed; k < n; k++)
                p[k] = (uint8_t)rnd_next(&rnd);
            assert_int_equal(decoded(bytes_of(p, n)).frames, 0);
        }
}

static enum rc refuse_frame(void *ctx, const struct frame_hashes *hashes,
                            const struct frame_place *place, struct err *err)
{
    (void)hashes;
    (void)place;
    ++*(int *)ctx;
    FAIL(err, RC_BUSY, "no more frames");
}

/* A 1x1 grey PNG. */
static const uint8_t one_pixel[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0xda, 0x63, 0x58, 0x05, 0x00, 0x00, 0xac, 0x00, 0xab, 0xcb, 0x83, 0x9e, 0xe6, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

static void stops_where_the_sink_fails(void **state)
{
    (void)state;
    SCOPED(frame_hasher_free) struct frame_hasher *h = NULL;
    assert_int_equal(frame_hasher_new(true, &h, NULL), RC_OK);
    int calls = 0;
    struct frame_sink sink = {.hasher = h, .on_frame = refuse_frame, .ctx = &calls};
    struct medium_info info = {.type = "untouched"};
    struct err err;
    assert_int_equal(decode_medium(picture_decoders, bytes_of(one_pixel, sizeof one_pixel), &ample,
                                   &sink, &info, &err),
                     RC_BUSY);
    assert_string_equal(err.msg, "no more frames");
    assert_string_equal(info.type, "untouched");
    assert_int_equal(calls, 1);
}

/* One hasher serves picture after picture; what a broken one left behind does not matter. */
static void forgets_a_refused_picture(void **state)
{
    (void)state;
    SCOPED(frame_hasher_free) struct frame_hasher *h = NULL;
    assert_int_equal(frame_hasher_new(true, &h, NULL), RC_OK);
    struct bytes whole = bytes_of(one_pixel, sizeof one_pixel);
    struct outcome before = outcome_of(h, whole, ample);
    assert_int_equal(before.rc, RC_OK);
    assert_int_equal(outcome_of(h, bytes_of(one_pixel, sizeof one_pixel - 1), ample).rc,
                     RC_UNDECODABLE);
    struct outcome after = outcome_of(h, whole, ample);
    assert_int_equal(after.rc, RC_OK);
    assert_same_hashes(&after.hashes, &before.hashes);
}

/* libjpeg, libpng and libtiff would like to complain there. */
static void prints_nothing(void **state)
{
    (void)state;
    FILE *caught = tmpfile();
    assert_non_null(caught);
    fflush(stdout);
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    dup2(fileno(caught), STDOUT_FILENO);
    dup2(fileno(caught), STDERR_FILENO);

    decode_warm_up_pictures();
    decoded(bytes_of(one_pixel, 50));
    decoded(bytes_str("\xff\xd8\xff\xe0\x01\x01junk"));
    decoded(bytes_of("II*\0\x08\0\0\0junkjunkjunkjunk", 24));
    decoded(bytes_str("GIF89ajunkjunkjunkjunk"));
    decoded(bytes_str("\xff\xd8\xff\xdb\x01\x01junk"));
    decoded(bytes_str("\x89PNG\r\n\x1a\n\x01\x01junkjunk"));

    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    assert_int_equal(lseek(fileno(caught), 0, SEEK_END), 0);
    fclose(caught);
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_known_formats),
        cmocka_unit_test(passes_on_what_the_other_program_decodes),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(reads_no_byte_beyond_the_end),
        cmocka_unit_test(stops_where_the_sink_fails),
        cmocka_unit_test(forgets_a_refused_picture),
        cmocka_unit_test(prints_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
