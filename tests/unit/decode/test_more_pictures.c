/* Is what lies beside and behind a JPEG's picture found, and nothing else taken for it? */
#include "tests/unit/decode/fixture.h"

#include <stdio.h>

#include <jpeglib.h>

#include "hashing/decode/motion_photo.h"

enum { W = 96, H = 72, SOI = 2, NEAR_ENOUGH = 8 };

static struct rnd rnd;

static struct file write_jpeg(const struct picture *p)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long n = 0;
    uint8_t row[W * 3];
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &n);
    c.image_width = p->width;
    c.image_height = p->height;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    jpeg_start_compress(&c, TRUE);
    for (uint32_t y = 0; y < p->height; y++) {
        for (uint32_t x = 0; x < p->width; x++)
            memcpy(row + (size_t)x * 3, picture_at(p, x, y), 3);
        JSAMPROW rows[] = {row};
        jpeg_write_scanlines(&c, rows, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    struct file f = {0};
    file_append(&f, out, n);
    free(out);
    return f;
}

static void put(struct file *f, bool little, size_t size, uint32_t v)
{
    for (size_t i = 0; i < size; i++)
        file_append(f, &(uint8_t){(uint8_t)(v >> 8 * (little ? i : size - 1 - i))}, 1);
}

/* An APP2 segment whose list tells of n pictures at these offsets. */
static struct file index_of(bool little, const uint32_t *offsets, uint32_t n)
{
    struct file f = {0};
    put(&f, false, 2, 0xffe2);
    put(&f, false, 2, 2 + 4 + 8 + 2 + 12 + 4 + 16 * n);
    file_append(&f, "MPF", 4);
    file_append(&f, little ? "II*\0" : "MM\0*", 4);
    put(&f, little, 4, 8);
    put(&f, little, 2, 1);
    put(&f, little, 2, 0xb002);
    put(&f, little, 2, 7);
    put(&f, little, 4, 16 * n);
    put(&f, little, 4, 8 + 2 + 12 + 4);
    put(&f, little, 4, 0);
    for (uint32_t i = 0; i < n; i++) {
        put(&f, little, 4, 0x20002);
        put(&f, little, 4, 12345); /* its size: where it ends is seen when it is decoded */
        put(&f, little, 4, offsets[i]);
        put(&f, little, 4, 0);
    }
    return f;
}

enum { HEADER_AT = SOI + 4 + 4 }; /* from where offsets count */

static void hashes_every_listed_picture(void **state)
{
    (void)state;
    for (int little = 0; little < 2; little++) {
        SCOPED(picture_free) struct picture a = picture_new(&rnd, W, H);
        SCOPED(picture_free) struct picture b = picture_new(&rnd, H, W);
        SCOPED(file_free) struct file first = write_jpeg(&a);
        SCOPED(file_free) struct file second = write_jpeg(&b);
        SCOPED(file_free) struct file probe = index_of(little, (const uint32_t[4]){0}, 4);
        uint32_t at = (uint32_t)(first.n + probe.n + 5 - HEADER_AT);
        /* The first itself, the second, no picture, and one beyond the end. */
        const uint32_t offsets[] = {0, at, at + 7, 0x7fffffff};
        SCOPED(file_free) struct file index = index_of(little, offsets, 4);
        SCOPED(file_free) struct file f = file_insert(&first, SOI, index.p, index.n);
        file_append(&f, "\0\0\0\0\0", 5);
        file_append(&f, second.p, second.n);

        struct outcome o = decoded(file_bytes(&f));
        struct outcome alone = decoded(file_bytes(&second));
        assert_int_equal(o.rc, RC_OK);
        assert_int_equal(o.frames, 2);
        assert_int_equal(o.frame[0].place.track, 0);
        assert_int_equal(o.frame[1].place.track, 1);
        assert_same_hashes(&o.frame[1].hashes, &alone.hashes);
        assert_refused(decoded(bytes_of(f.p, f.n - 20)), RC_UNDECODABLE,
                       "JPEG: Premature end of JPEG file");
        struct decode_limits limits = ample;
        limits.max_frames = 1;
        assert_refused(decoded_within(file_bytes(&f), limits), RC_LIMIT,
                       "it has more pictures to hash, over max_frames 1");
    }
}

static void refuses_an_unreadable_index(void **state)
{
    (void)state;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    SCOPED(file_free) struct file plain = write_jpeg(&p);
    SCOPED(file_free) struct file index = index_of(true, (const uint32_t[1]){0}, 1);
    for (size_t n = 4; n < 4 + 8 + 2 + 12; n++) {
        const uint8_t head[] = {0xff, 0xe2, 0, (uint8_t)(n + 2)};
        SCOPED(file_free) struct file headed = file_insert(&plain, SOI, head, 4);
        SCOPED(file_free) struct file f = file_insert(&headed, SOI + 4, index.p + 4, n);
        assert_refused(decoded(file_bytes(&f)), RC_UNDECODABLE,
                       "JPEG: its index of pictures (MPF) is unreadable");
    }
}

/* No viewer shows them. */
static void ignores_what_no_index_lists(void **state)
{
    (void)state;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    SCOPED(file_free) struct file f = write_jpeg(&p);
    struct outcome plain = decoded(file_bytes(&f));
    SCOPED(file_free) struct file twice = file_insert(&f, f.n, f.p, f.n);
    SCOPED(file_free) struct file words = file_insert(&f, f.n, "ftyp is a word", 14);
    const struct file *files[] = {&twice, &words};
    for (size_t i = 0; i < 2; i++) {
        struct outcome o = decoded(file_bytes(files[i]));
        assert_one_frame(o);
        assert_same_hashes(&o.hashes, &plain.hashes);
    }
}

#define CLIP                                                                                       \
    "\0\0\0\x18"                                                                                   \
    "ftypmp42\0\0\0\0isommp42"                                                                     \
    "\0\0\0\x0c"                                                                                   \
    "mdat1234"                                                                                     \
    "\0\0\0\x10"                                                                                   \
    "moov12345678"

static void names_the_place_of_a_clip(void **state)
{
    (void)state;
    const size_t clip = sizeof CLIP - 1;
    SCOPED(picture_free) struct picture p = picture_new(&rnd, W, H);
    SCOPED(file_free) struct file plain = write_jpeg(&p);
    static const char *const before[] = {"", "MotionPhoto_Data", "what ftyp means"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        SCOPED(file_free) struct file f = {0};
        file_append(&f, plain.p, plain.n);
        file_append(&f, before[i], strlen(before[i]));
        file_append(&f, CLIP, clip);
        size_t end = f.n;
        file_append(&f, "\0\0\1\x0a\x0e\0\0\0SEFT", 12);
        struct outcome o = decoded(file_bytes(&f));
        assert_int_equal(o.rc, RC_OK);
        assert_int_equal(o.frames, 1);
        assert_int_equal(o.info.elsewhere_offset, plain.n + strlen(before[i]));
        assert_int_equal(o.info.elsewhere_length, end - o.info.elsewhere_offset);
    }
}

static void takes_nothing_else_for_a_clip(void **state)
{
    (void)state;
    static const struct {
        const char *p;
        size_t n;
    } others[] = {
        {"", 0},
        {"ftyp", 4},
        {"\0\0\0\x18"
         "ftypmp42\0\0\0\0isommp42",
         24}, /* nothing behind */
        {"\0\0\0\x18"
         "ftypmp42\0\0\0\0isommp42\0\0\0\x0cjunk1234",
         36}, /* no box of a clip */
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0mif1heic\0\0\0\x0cmeta1234",
         36}, /* a picture */
        {"\0\0\0\x02"
         "ftypmp42\0\0\0\0isommp42\0\0\0\x0cmdat1234",
         36}, /* its size is less */
        {"\0\0\0\x18"
         "ftyp\1\2\3\4\0\0\0\0isommp42\0\0\0\x0cmdat1234",
         36}, /* no brand */
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(motion_photo_clip(bytes_of(others[i].p, others[i].n)).n, 0);
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_every_listed_picture),
        cmocka_unit_test(refuses_an_unreadable_index),
        cmocka_unit_test(ignores_what_no_index_lists),
        cmocka_unit_test(names_the_place_of_a_clip),
        cmocka_unit_test(takes_nothing_else_for_a_clip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
