/*
 * Does the real worker still do all that it must?  Every picture must come out of the sandbox as
 * it comes out of the decoders without one: the same hashes, or the same refusal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>

#include "tests/sandbox/both_ways.h"
#include "tests/support/made_media.h"
#include "tests/support/rnd.h"

#define SKIPPED 77

static const struct both_ways ways = {.config = BOTH_WAYS_CONFIG(WORKER_PROGRAM),
                                      .decoders = picture_decoders};

/* Pictures made here: smooth with some noise, so that they have a hash of good quality. */

static uint8_t *make_pixels(uint32_t w, uint32_t h, unsigned channels)
{
    uint8_t *p = malloc((size_t)w * h * channels);
    struct rnd rnd = {.state = (uint64_t)w << 32 | h};
    assert_non_null(p);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (unsigned c = 0; c < channels; c++) {
                uint32_t wave = (x / 9 * (c + 3)) ^ (y / 7 * (c + 5));
                p[((size_t)y * w + x) * channels + c] =
                    (uint8_t)((wave * 11 & 0xe0) + rnd_below(&rnd, 24));
            }
    return p;
}

static struct bytes make_jpeg(uint32_t w, uint32_t h, int channels, bool progressive)
{
    SCOPED(mem_free) uint8_t *pixels = make_pixels(w, h, (unsigned)channels);
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long n = 0;

    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &n);
    c.image_width = w;
    c.image_height = h;
    c.input_components = channels;
    c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&c);
    if (progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    for (uint32_t y = 0; y < h; y++) {
        JSAMPROW row = pixels + (size_t)y * w * (unsigned)channels;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return bytes_of(out, n);
}

static struct bytes make_png(uint32_t w, uint32_t h, png_uint_32 format, unsigned channels)
{
    SCOPED(mem_free) uint8_t *pixels = make_pixels(w, h, channels);
    png_image image = {.version = PNG_IMAGE_VERSION, .width = w, .height = h, .format = format};
    png_alloc_size_t n = 0;
    assert_true(png_image_write_to_memory(&image, NULL, &n, 0, pixels, 0, NULL));
    uint8_t *out = malloc(n);
    assert_non_null(out);
    assert_true(png_image_write_to_memory(&image, out, &n, 0, pixels, 0, NULL));
    return bytes_of(out, n);
}

static void expect_hashed(struct worker_host *host, struct bytes made, const char *name)
{
    static struct medium_hashes medium;
    struct err err;
    for (int all = 0; all < 2; all++) {
        assert_int_equal(run_both(&ways, host, made, name, all, &medium, &err), RC_OK);
        assert_int_equal(medium.n, 1);
    }
    free((void *)(uintptr_t)made.p);
}

static void made_pictures_are_hashed(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {5, 9}, {64, 64}, {640, 480}, {2048, 1536}};
    struct worker_host *host = new_host(&ways.config);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t w = sizes[i][0], h = sizes[i][1];
        expect_hashed(host, make_jpeg(w, h, 3, false), "baseline");
        expect_hashed(host, make_jpeg(w, h, 3, true), "progressive");
        expect_hashed(host, make_jpeg(w, h, 1, false), "grey");
        expect_hashed(host, make_jpeg(w, h, 4, false), "CMYK");
        expect_hashed(host, make_png(w, h, PNG_FORMAT_RGB, 3), "RGB");
        expect_hashed(host, make_png(w, h, PNG_FORMAT_GRAY, 1), "grey");
        expect_hashed(host, make_png(w, h, PNG_FORMAT_RGBA, 4), "RGBA");
        expect_hashed(host, make_png(w, h, PNG_FORMAT_GA, 2), "grey and alpha");
    }
    expect_no_harm(host);
    worker_host_free(host);
}

/* Through the worker; the answer has so many frames. */
static void expect_frames(struct worker_host *host, struct made made, uint32_t frames,
                          const char *name)
{
    static struct medium_hashes medium;
    struct err err;
    for (int all = 0; all < 2; all++) {
        if (run_both(&ways, host, bytes_of(made.p, made.n), name, all, &medium, &err) != RC_OK)
            fail_msg("%s: %s", name, err.msg);
        assert_int_equal(medium.n, frames);
    }
    /* Cut short it must not kill the worker either. */
    for (size_t n = 0; n < made.n; n += 1 + made.n / 20)
        run_both(&ways, host, bytes_of(made.p, n), name, false, &medium, &err);
    free(made.p);
}

static void films_are_hashed(struct worker_host *host, const uint8_t *rgba)
{
    struct made_frame frames[12];
    for (unsigned i = 0; i < 12; i++)
        frames[i] = (struct made_frame){.x = i * 4,
                                        .y = i * 2,
                                        .width = 200 - i * 8,
                                        .height = 120 - i * 4,
                                        .rgba = rgba + i * 400,
                                        .ms = 120,
                                        .after = i % 3,
                                        .over = i % 2 == 0};
    expect_frames(host, made_gif(200, 120, frames, 12, false), 12, "GIF");
    expect_frames(host, made_gif(200, 120, frames, 1, true), 1, "interlaced GIF");
    expect_frames(host, made_apng(200, 120, NULL, frames, 12), 12, "APNG");
    expect_frames(host, made_apng(200, 120, rgba, frames, 12), 13, "APNG behind a picture");
    expect_frames(host, made_webp_film(200, 120, frames, 12), 12, "animated WebP");
}

static void tiffs_are_hashed(struct worker_host *host, const uint8_t *rgba)
{
    static const uint16_t codings[] = {
        COMPRESSION_NONE,          COMPRESSION_LZW,       COMPRESSION_PACKBITS,
        COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,   COMPRESSION_JPEG,
        COMPRESSION_CCITTRLE,      COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4};
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        bool fax = i > 5;
        struct made_tiff how = {.width = 200,
                                .height = 120,
                                .bits = fax ? 1 : 8,
                                .samples = fax ? 1 : 3,
                                .photometric = fax ? PHOTOMETRIC_MINISWHITE : PHOTOMETRIC_RGB,
                                .compression = codings[i],
                                .pages = 2};
        char name[40];
        snprintf(name, sizeof name, "TIFF of compression %u", codings[i]);
        expect_frames(host, made_tiff(&how, rgba), 2, name);
        how.tiled = true;
        expect_frames(host, made_tiff(&how, rgba), 2, name);
        how.tiled = false;
        how.planar = true;
        if (!fax)
            expect_frames(host, made_tiff(&how, rgba), 2, name);
    }
}

static void made_media_of_newer_formats_are_hashed(void **state)
{
    (void)state;
    SCOPED(mem_free) uint8_t *rgba = make_pixels(256, 256, 4);
    struct worker_host *host = new_host(&ways.config);
    films_are_hashed(host, rgba);
    tiffs_are_hashed(host, rgba);
    expect_frames(host, made_webp(200, 120, rgba, false, 60), 1, "lossy WebP");
    expect_frames(host, made_webp(200, 120, rgba, true, 60), 1, "lossy WebP with alpha");
    expect_frames(host, made_webp(200, 120, rgba, false, -1), 1, "lossless WebP");
    expect_frames(host, made_webp(200, 120, rgba, true, -1), 1, "lossless WebP with alpha");
    expect_no_harm(host);
    worker_host_free(host);
}

static void a_cut_picture_is_refused_as_without_a_sandbox(void **state)
{
    (void)state;
    static struct medium_hashes medium;
    struct err err;
    struct worker_host *host = new_host(&ways.config);
    struct bytes whole[2] = {make_jpeg(200, 150, 3, true), make_png(200, 150, PNG_FORMAT_RGB, 3)};
    for (int k = 0; k < 2; k++) {
        for (size_t n = 0; n < whole[k].n; n += 1 + whole[k].n / 40) {
            char name[40];
            snprintf(name, sizeof name, "picture %d cut at %zu", k, n);
            run_both(&ways, host, bytes_of(whole[k].p, n), name, false, &medium, &err);
        }
        free((void *)(uintptr_t)whole[k].p);
    }
    expect_no_harm(host);
    worker_host_free(host);
}

/* More than `memory` must be refused in words, by a worker that is alive afterwards. */
static void a_picture_over_the_memory_is_refused_in_words(void **state)
{
    (void)state;
    if (SANITIZED) /* they need terabytes of address space */
        skip();
    struct worker_config config = ways.config;
    static struct medium_hashes medium;
    struct err err;
    config.memory = UINT64_C(24) << 20;
    struct worker_host *host = new_host(&config);
    struct bytes big = make_jpeg(4000, 3000, 3, true); /* holds its coefficients: 36 MB */
    int pid = worker_host_pid(host);
    assert_int_equal(medium_run(host, big.p, big.n, false, &medium, &err), RC_LIMIT);
    assert_non_null(strstr(err.msg, "memory"));
    assert_int_equal(worker_host_pid(host), pid);
    free((void *)(uintptr_t)big.p);
    expect_hashed(host, make_jpeg(640, 480, 3, false), "the next one");
    expect_no_harm(host);
    worker_host_free(host);
}

/* The files of the collection: "file,split,class,expect,format,…". */

static struct bytes read_hostile(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/hostile/%s", SHARED_DATA, name);
    return read_file(path);
}

static FILE *manifest;

static bool is_picture(const char *format)
{
    static const char *const formats[] = {"jpeg", "png", "gif", "webp", "tiff", "bmp"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(format, formats[i]) == 0)
            return true;
    return false;
}

static void collected_pictures_come_out_as_without_a_sandbox(void **state)
{
    (void)state;
    char line[4096], name[256], expect[32], format[32];
    static struct medium_hashes medium;
    struct err err;
    unsigned seen = 0, files = 0, hashed = 0;
    struct worker_host *host = new_host(&ways.config);

    if (manifest == NULL)
        skip();
    while (fgets(line, sizeof line, manifest) != NULL) {
        if (sscanf(line, "%255[^,],%*[^,],%*[^,],%31[^,],%31[^,]", name, expect, format) != 3)
            continue;
        if (!is_picture(format))
            continue;
        if (seen++ % EVERY != 0)
            continue;
        struct bytes in = read_hostile(name);
        enum rc rc = run_both(&ways, host, in, name, files % 2 == 0, &medium, &err);
        free((void *)(uintptr_t)in.p);
        files++;
        hashed += rc == RC_OK;
        if (rc != RC_OK && strcmp(expect, "hash") == 0)
            fail_msg("%s was refused", name);
        if (rc == RC_OK && strcmp(expect, "4xx") == 0)
            fail_msg("%s was hashed", name);
    }
    expect_no_harm(host);
    worker_host_free(host);
    print_message("%u files, %u hashed\n", files, hashed);
    assert_true(files > 1500 / EVERY);
}

static void whatever_else_is_collected_is_no_medium_to_it(void **state)
{
    (void)state;
    char line[4096], name[256], expect[32], format[32];
    static struct medium_hashes medium;
    struct err err;
    unsigned files = 0;
    struct worker_host *host = new_host(&ways.config);

    if (manifest == NULL)
        skip();
    rewind(manifest);
    while (fgets(line, sizeof line, manifest) != NULL) {
        if (sscanf(line, "%255[^,],%*[^,],%*[^,],%31[^,],%31[^,]", name, expect, format) != 3 ||
            is_picture(format) || strncmp(format, "http", 4) == 0 || strcmp(format, "text") == 0 ||
            strcmp(expect, "scan-safe") == 0 || strcmp(format, "format") == 0)
            continue;
        struct bytes in = read_hostile(name);
        run_both(&ways, host, in, name, false, &medium, &err);
        free((void *)(uintptr_t)in.p);
        files++;
    }
    expect_no_harm(host);
    worker_host_free(host);
    assert_true(files > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(made_pictures_are_hashed),
        CLEAN_TEST(made_media_of_newer_formats_are_hashed),
        CLEAN_TEST(a_cut_picture_is_refused_as_without_a_sandbox),
        CLEAN_TEST(a_picture_over_the_memory_is_refused_in_words),
        CLEAN_TEST(collected_pictures_come_out_as_without_a_sandbox),
        CLEAN_TEST(whatever_else_is_collected_is_no_medium_to_it),
    };
    manifest = fopen(SHARED_DATA "/hostile/manifest.csv", "re");
    if (manifest == NULL)
        puts("skipped: no ../shared/data");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (manifest == NULL)
        return failed != 0 ? failed : SKIPPED;
    fclose(manifest);
    return failed;
}
