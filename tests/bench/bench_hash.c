/*
 * Measures: a JPEG's hash in process, as the worker makes it: decode_medium() into a new
 * frame_hasher, with all eight orientations and with the picture as it is alone.
 * Against: libjpeg-turbo's decode of the same bytes to RGB with the same settings, a few rows at a
 * time into a buffer that is used again: the least that anyone who reads full pixels has to do.
 * The same for a made GIF and WebP against giflib's and libwebp's decode of the same bytes.
 * And: the chosen kernel of frame_hasher on decoded rows against the plain one.
 *
 *     bench_hash [ROUNDS [FOLDER]]          FOLDER: of *.jpg that are measured too
 *     bench_hash write WIDTHxHEIGHT FILE    the made picture, for the other benches
 */
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include <gif_lib.h>
#include <jpeglib.h>
#include <webp/decode.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/decode.h"
#include "tests/bench/bench.h"
#include "tests/bench/made_jpeg.h"
#include "tests/support/made_media.h"

enum {
    PICTURES_MAX = 256,
    PEER_ROWS = 16,
    SAMPLE_PIXELS = 12000000, /* small sets are repeated up to this in one sample */
    BIG_PIXELS = 8000000,     /* between the "1080p" and the "12 MP" of a folder */
    MAX_JPEG_SCANS = 100
};

/* Pictures of one row, decoded one after the other. */
struct set {
    size_t n;
    struct bytes jpeg[PICTURES_MAX];
    uint64_t pixels;
};

struct work {
    struct set *set;
    size_t next; /* ours and the peer walk the set each in its own time */
    size_t peer_next;
    bool all_orientations;
};

static enum rc on_frame(void *ctx, const struct frame_hashes *hashes,
                        const struct frame_place *place, struct err *err)
{
    (void)hashes, (void)place, (void)err;
    ++*(unsigned *)ctx;
    return RC_OK;
}

static void hash(struct bytes jpeg, bool all_orientations)
{
    const struct decode_limits limits = {.max_pixels = UINT32_MAX,
                                         .max_work = UINT64_MAX,
                                         .max_frames = 1,
                                         .max_duration_ms = 1,
                                         .max_jpeg_scans = MAX_JPEG_SCANS};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info;
    struct err err;
    unsigned frames = 0;

    bench_must(frame_hasher_new(all_orientations, &hasher, &err), &err);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = on_frame, .ctx = &frames};
    bench_must(decode_medium(picture_decoders, jpeg, &limits, &sink, &info, &err), &err);
    if (frames != 1)
        bench_die("hash", "no frame");
}

static void hash_next(void *ctx)
{
    struct work *w = ctx;
    hash(w->set->jpeg[w->next++ % w->set->n], w->all_orientations);
}

/* Decodes to RGB; rows: room for the whole picture, or for PEER_ROWS rows that are used again. */
static void decode_rgb(struct bytes data, uint8_t **rows, bool whole, JDIMENSION *ret_width,
                       JDIMENSION *ret_height)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    JSAMPROW row[PEER_ROWS];

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, data.p, data.n);
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = JCS_RGB;
    jpeg.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&jpeg);
    size_t row_size = 3 * (size_t)jpeg.output_width;
    if ((*rows = malloc(row_size * (whole ? jpeg.output_height + PEER_ROWS : PEER_ROWS))) == NULL)
        bench_die("decode", "no memory");
    while (jpeg.output_scanline < jpeg.output_height) {
        size_t base = whole ? jpeg.output_scanline : 0;
        for (size_t i = 0; i < PEER_ROWS; i++)
            row[i] = *rows + (base + i) * row_size;
        jpeg_read_scanlines(&jpeg, row, PEER_ROWS);
    }
    *ret_width = jpeg.output_width;
    *ret_height = jpeg.output_height;
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

static void decode_next(void *ctx)
{
    struct work *w = ctx;
    SCOPED(mem_free) uint8_t *rows = NULL;
    JDIMENSION width, height;
    decode_rgb(w->set->jpeg[w->peer_next++ % w->set->n], &rows, false, &width, &height);
}

/* Two rows for a set: with all orientations, and with none. */
static void compare(const char *name, struct set *set, unsigned rounds)
{
    char row[64];
    for (int all = 1; all >= 0; all--) {
        struct work work = {.set = set, .all_orientations = all};
        uint64_t runs = SAMPLE_PIXELS * set->n / set->pixels;
        snprintf(row, sizeof row, "hash of %s, %s", name, all ? "8 orientations" : "as-is");
        const struct bench_pair pair = {.row = row,
                                        .peer_is = "libjpeg-turbo RGB decode",
                                        .aim = all ? "<= 1.4" : "",
                                        .ours = hash_next,
                                        .peer = decode_next,
                                        .ctx = &work,
                                        .repeat = (unsigned)(runs > set->n ? runs : set->n)};
        bench_pair(&pair, rounds);
    }
}

static void set_add(struct set *set, struct bytes jpeg, uint64_t pixels)
{
    if (set->n == PICTURES_MAX)
        bench_die("pictures", "too many");
    set->jpeg[set->n++] = jpeg;
    set->pixels += pixels;
}

static void set_clear(struct set *set)
{
    for (size_t i = 0; i < set->n; i++)
        free((void *)set->jpeg[i].p);
    *set = (struct set){0};
}

static void compare_made(uint32_t width, uint32_t height, const char *name, unsigned rounds)
{
    struct set set = {0};
    set_add(&set, made_jpeg(width, height), (uint64_t)width * height);
    compare(name, &set, rounds);
    set_clear(&set);
}

static void compare_folder(const char *folder, unsigned rounds)
{
    struct set hd = {0}, big = {0};
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0)
        bench_die(folder, strerrordesc_np(errno));
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        bool jpeg = fnmatch("*.jpg", names[i]->d_name, 0) == 0;
        free(names[i]);
        if (!jpeg)
            continue;
        SCOPED(mem_free) uint8_t *rows = NULL;
        JDIMENSION width, height;
        struct bytes data = bench_read_file(path);
        decode_rgb(data, &rows, false, &width, &height);
        uint64_t pixels = (uint64_t)width * height;
        set_add(pixels < BIG_PIXELS ? &hd : &big, data, pixels);
    }
    free(names);
    if (hd.n > 0)
        compare("photographs, 1080p", &hd, rounds);
    if (big.n > 0)
        compare("photographs, 12 MP", &big, rounds);
    set_clear(&hd);
    set_clear(&big);
}

/* The other formats: one picture each, against what reads all its pixels with the library alone. */
struct other {
    struct bytes file;
    size_t at; /* giflib's place in it */
};

static void hash_other(void *ctx)
{
    hash(((struct other *)ctx)->file, true);
}

static int gif_read(GifFileType *gif, GifByteType *out, int n)
{
    struct other *o = gif->UserData;
    size_t take = (size_t)n < o->file.n - o->at ? (size_t)n : o->file.n - o->at;
    memcpy(out, o->file.p + o->at, take);
    o->at += take;
    return (int)take;
}

static void decode_gif(void *ctx)
{
    struct other *o = ctx;
    int why;
    o->at = 0;
    GifFileType *gif = DGifOpen(o, gif_read, &why);
    if (gif == NULL || DGifSlurp(gif) != GIF_OK)
        bench_die("GIF", "does not decode");
    (void)!DGifCloseFile(gif, &why);
}

static void decode_webp(void *ctx)
{
    const struct other *o = ctx;
    int width, height;
    uint8_t *rgb = WebPDecodeRGB(o->file.p, o->file.n, &width, &height);
    if (rgb == NULL)
        bench_die("WebP", "does not decode");
    WebPFree(rgb);
}

static void compare_other(const char *row, const char *peer_is, struct made made,
                          void (*peer)(void *), unsigned rounds)
{
    struct other other = {.file = bytes_of(made.p, made.n)};
    const struct bench_pair pair = {.row = row,
                                    .peer_is = peer_is,
                                    .aim = "<= 1.3",
                                    .ours = hash_other,
                                    .peer = peer,
                                    .ctx = &other,
                                    .repeat = 5};
    bench_pair(&pair, rounds);
    free(made.p);
}

/* The made photograph, in other formats. */
static void compare_others(unsigned rounds)
{
    SCOPED(mem_free) uint8_t *rgb = NULL;
    JDIMENSION width, height;
    struct bytes jpeg = made_jpeg(1920, 1080);
    decode_rgb(jpeg, &rgb, true, &width, &height);
    free((void *)jpeg.p);
    size_t n = (size_t)width * height;
    SCOPED(mem_free) uint8_t *rgba = malloc(4 * n);
    if (rgba == NULL)
        bench_die("made picture", "no memory");
    for (size_t i = 0; i < n; i++) {
        memcpy(rgba + 4 * i, rgb + 3 * i, 3);
        rgba[4 * i + 3] = 255;
    }
    const struct made_frame whole = {.width = width, .height = height, .rgba = rgba};
    compare_other("hash of a GIF, 1080p, 8 orientations", "giflib decode",
                  made_gif(width, height, &whole, 1, false), decode_gif, rounds);
    compare_other("hash of a lossy WebP, 1080p, 8 orientations", "libwebp RGB decode",
                  made_webp(width, height, rgba, false, 80), decode_webp, rounds);
    compare_other("hash of a lossless WebP, 1080p, 8 orientations", "libwebp RGB decode",
                  made_webp(width, height, rgba, false, -1), decode_webp, rounds);
}

/* The kernels, without a codec. */
struct rows {
    struct frame_hasher *hasher;
    const char *chosen;
    const uint8_t *rgb;
    uint32_t width, height;
};

static void hash_rows(const struct rows *r, const char *kernel)
{
    struct frame_hashes hashes;
    struct err err;
    if (!frame_hasher_use(kernel))
        bench_die("kernel", kernel);
    bench_must(frame_begin(r->hasher, r->width, r->height, PIXEL_RGB8, &err), &err);
    for (uint32_t y = 0; y < r->height; y++)
        frame_row(r->hasher, y, r->rgb + 3 * (size_t)y * r->width);
    frame_end(r->hasher, &hashes);
}

static void hash_rows_chosen(void *ctx)
{
    const struct rows *r = ctx;
    hash_rows(r, r->chosen);
}

static void hash_rows_plain(void *ctx)
{
    hash_rows(ctx, "plain");
}

static void compare_kernels(const char *chosen, unsigned rounds)
{
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    SCOPED(mem_free) uint8_t *rgb = NULL;
    struct bytes jpeg = made_jpeg(1920, 1080);
    struct rows rows = {.chosen = chosen};
    char row[64];
    struct err err;

    bench_must(frame_hasher_new(true, &hasher, &err), &err);
    decode_rgb(jpeg, &rgb, true, &rows.width, &rows.height);
    free((void *)jpeg.p);
    rows.hasher = hasher;
    rows.rgb = rgb;
    snprintf(row, sizeof row, "PDQ of 1080p rows, kernel %s", chosen);
    const struct bench_pair pair = {.row = row,
                                    .peer_is = "kernel plain",
                                    .aim = "",
                                    .ours = hash_rows_chosen,
                                    .peer = hash_rows_plain,
                                    .ctx = &rows,
                                    .repeat = 10};
    bench_pair(&pair, rounds);
    (void)frame_hasher_use(chosen);
}

static void write_made(const char *size, const char *path)
{
    unsigned width, height;
    if (sscanf(size, "%ux%u", &width, &height) != 2)
        bench_die(size, "is no WIDTHxHEIGHT");
    struct bytes jpeg = made_jpeg(width, height);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(jpeg.p, 1, jpeg.n, file) != jpeg.n || fclose(file) != 0)
        bench_die(path, "cannot be written");
    free((void *)jpeg.p);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        write_made(argv[2], argv[3]);
        return 0;
    }
    const char *disagreed;
    const char *chosen = frame_hasher_self_test(&disagreed);
    unsigned rounds = argc > 1 ? bench_number(argv[1], BENCH_ROUNDS_MAX) : BENCH_ROUNDS;

    compare_made(1920, 1080, "a made JPEG, 1080p", rounds);
    compare_made(4000, 3000, "a made JPEG, 12 MP", rounds);
    if (argc > 2)
        compare_folder(argv[2], rounds);
    compare_others(rounds);
    compare_kernels(chosen, rounds);
    return 0;
}
