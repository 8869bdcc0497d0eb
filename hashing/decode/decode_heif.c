/*
 * HEIC, HEIF and AVIF: libheif reads the container and puts pictures together (grids, overlays,
 * crops, turns, alpha, conversion to RGB); decode_heif_codec.c decodes what is coded.
 *
 * Every picture that a viewer may show is hashed: the primary one first, then the others in their
 * order in the file, each as a track.  Not thumbnails, not depth maps or other auxiliary planes.
 * Pictures come as viewers show them, turned and cropped; an EXIF orientation does not count in
 * HEIF.  A file may hold moving pictures beside its stills: see decode_moving().
 *
 * libheif is C++ and throws std::bad_alloc through us when memory ends, which ends the worker.  So
 * what a picture will need is asked for first, in one piece.
 */
#include "hashing/decode/video_decoders.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libheif/heif.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/decode_heif_boxes.h"
#include "hashing/decode/decode_heif_codec.h"
#include "hashing/decode/decode_heif_items.h"
#include "hashing/decode/picture.h"

struct reader {
    struct heif_context *heif;
    const struct heif_layout *layout;
    const struct decode_limits *limits;
    const struct frame_sink *sink;
    struct heif_codec_job job;
    uint64_t shown; /* pixels of the pictures so far */
    struct medium_info *info;
    struct err *err;
};

static void reader_close(struct reader *r)
{
    heif_codec_work_for(NULL);
    heif_context_free(r->heif);
}

static void reader_close_scoped(struct reader *r)
{
    reader_close(r);
}

static void handle_free(struct heif_image_handle *handle)
{
    heif_image_handle_release(handle);
}
SCOPED_DEFINE(handle_free, struct heif_image_handle *)

static void image_free(struct heif_image *image)
{
    heif_image_release(image);
}
SCOPED_DEFINE(image_free, struct heif_image *)

static void options_free(struct heif_decoding_options *options)
{
    heif_decoding_options_free(options);
}
SCOPED_DEFINE(options_free, struct heif_decoding_options *)

/* libheif's words, which may end in a newline; a codec's reason is better than its. */
static enum rc check(struct reader *r, struct heif_error e)
{
    if (r->job.rc != RC_OK)
        return r->job.rc;
    if (e.code == heif_error_Ok)
        return RC_OK;
    const char *text = e.message == NULL || e.message[0] == '\0' ? "unknown error" : e.message;
    int n = (int)strcspn(text, "\r\n");
    if (e.code == heif_error_Memory_allocation_error)
        FAIL(r->err, RC_LIMIT, "%s: %.*s (memory)", r->layout->name, n, text);
    FAIL(r->err, RC_UNDECODABLE, "%s: %.*s", r->layout->name, n, text);
}

/*
 * At its worst libheif holds the coded planes, the same at full chroma, and RGB; then RGB twice
 * while it turns the picture; and alpha.
 */
static enum rc check_memory(const struct reader *r, uint64_t pixels, bool deep)
{
    enum { SHALLOW_BYTES = 9 };
    SCOPED(mem_free) void *p = malloc((size_t)pixels * SHALLOW_BYTES * (deep ? 2 : 1));
    __asm__ volatile("" : : "r"(p)); /* compilers leave out what is never looked at */
    if (p == NULL)
        FAIL(r->err, RC_LIMIT, "%s: needs more memory than one medium may have (memory)",
             r->layout->name);
    return RC_OK;
}

/* libheif drops an alpha plane of another size; viewers may show the picture with it. */
static enum rc check_alpha(const struct reader *r, const struct heif_image_handle *handle)
{
    enum { SEVERAL = 16 };
    heif_item_id ids[SEVERAL];
    if (heif_image_handle_has_alpha_channel(handle))
        return RC_OK;
    int n = heif_image_handle_get_list_of_auxiliary_image_IDs(
        handle, LIBHEIF_AUX_IMAGE_FILTER_OMIT_DEPTH, ids, SEVERAL);
    for (int i = 0; i < n; i++) {
        SCOPED(handle_free) struct heif_image_handle *aux = NULL;
        const char *type = NULL;
        bool alpha = false;
        if (heif_image_handle_get_auxiliary_image_handle(handle, ids[i], &aux).code !=
                heif_error_Ok ||
            heif_image_handle_get_auxiliary_type(aux, &type).code != heif_error_Ok)
            continue;
        alpha = strstr(type, "alpha") != NULL || strcmp(type, "urn:mpeg:hevc:2015:auxid:1") == 0;
        heif_image_handle_free_auxiliary_types(aux, &type);
        if (alpha)
            FAIL(r->err, RC_UNDECODABLE, "%s: its alpha plane is not of the picture's size",
                 r->layout->name);
    }
    return RC_OK;
}

struct plane {
    const uint8_t *p;
    int stride, bits;
};

/* R, G, B and perhaps A, of 8 to 16 bits, all of one size. */
struct planes {
    struct plane plane[4];
    unsigned n;
    uint32_t width, height;
    bool premultiplied;
};

static enum rc read_planes(const struct reader *r, struct heif_image *image, struct planes *ret)
{
    static const enum heif_channel channels[] = {heif_channel_R, heif_channel_G, heif_channel_B,
                                                 heif_channel_Alpha};
    int width = heif_image_get_width(image, heif_channel_R);
    int height = heif_image_get_height(image, heif_channel_R);
    struct planes planes = {.n = heif_image_has_channel(image, heif_channel_Alpha) ? 4 : 3};
    for (unsigned i = 0; i < planes.n; i++) {
        struct plane *p = &planes.plane[i];
        p->bits = heif_image_get_bits_per_pixel_range(image, channels[i]);
        p->p = heif_image_get_plane_readonly(image, channels[i], &p->stride);
        /* An alpha plane is as large as it was coded, whatever its item says. */
        if (p->p == NULL || width <= 0 || height <= 0 || p->bits < 8 || p->bits > 16 ||
            heif_image_get_width(image, channels[i]) != width ||
            heif_image_get_height(image, channels[i]) != height)
            FAIL(r->err, RC_UNDECODABLE, "%s: its planes do not fit together", r->layout->name);
    }
    planes.premultiplied = planes.n == 4 && heif_image_is_premultiplied_alpha(image);
    planes.width = (uint32_t)width;
    planes.height = (uint32_t)height;
    *ret = planes;
    return RC_OK;
}

/* The high eight bits, as libheif itself makes 8 of more. */
static void fill_row(const struct planes *planes, uint32_t y, uint8_t *row)
{
    for (unsigned i = 0; i < planes->n; i++) {
        const struct plane *p = &planes->plane[i];
        const uint8_t *in = p->p + (ptrdiff_t)y * p->stride;
        if (p->bits == 8) {
            for (uint32_t x = 0; x < planes->width; x++)
                row[x * planes->n + i] = in[x];
            continue;
        }
        for (uint32_t x = 0; x < planes->width; x++) {
            uint16_t v;
            memcpy(&v, in + 2 * (size_t)x, sizeof v);
            row[x * planes->n + i] = (uint8_t)(v >> (p->bits - 8));
        }
    }
}

/* Colours that were stored as what alpha leaves of them. */
static void unmultiply_row(uint8_t *rgba, uint32_t width)
{
    for (; width > 0; width--, rgba += 4)
        for (unsigned i = 0; i < 3 && rgba[3] != 0; i++) {
            unsigned v = (rgba[i] * 255u + rgba[3] / 2u) / rgba[3];
            rgba[i] = (uint8_t)(v > 255 ? 255 : v);
        }
}

static enum rc hash_planes(const struct reader *r, const struct planes *planes, uint32_t track)
{
    SCOPED(mem_free) uint8_t *row = malloc((size_t)planes->width * planes->n);
    if (row == NULL)
        FAIL(r->err, RC_NOMEM, "%s: no memory for a row", r->layout->name);
    TRY(frame_begin(r->sink->hasher, planes->width, planes->height,
                    planes->n == 4 ? PIXEL_RGBA8 : PIXEL_RGB8, r->err));
    for (uint32_t y = 0; y < planes->height; y++) {
        fill_row(planes, y, row);
        if (planes->premultiplied)
            unmultiply_row(row, planes->width);
        frame_row(r->sink->hasher, y, row);
    }
    const struct frame_place place = {.track = track, .key = true};
    struct frame_hashes hashes;
    frame_end(r->sink->hasher, &hashes);
    return r->sink->on_frame(r->sink->ctx, &hashes, &place, r->err);
}

static enum rc check_handle(struct reader *r, const struct heif_image_handle *handle)
{
    int width = heif_image_handle_get_width(handle), height = heif_image_handle_get_height(handle);
    if (width <= 0 || height <= 0)
        FAIL(r->err, RC_UNDECODABLE, "%s: a picture without a size", r->layout->name);
    TRY(picture_check_size((uint32_t)width, (uint32_t)height, r->limits, r->err));
    uint64_t pixels = (uint64_t)width * (uint64_t)height;
    r->shown += pixels;
    if (r->shown > r->limits->max_work)
        FAIL(r->err, RC_LIMIT, "%s: its pictures are %" PRIu64 " pixels, over max_work %" PRIu64,
             r->layout->name, r->shown, r->limits->max_work);
    TRY(check_memory(r, pixels, heif_image_handle_get_luma_bits_per_pixel(handle) > 8));
    return check_alpha(r, handle);
}

static enum rc decode_picture(struct reader *r, heif_item_id id)
{
    SCOPED(handle_free) struct heif_image_handle *handle = NULL;
    SCOPED(image_free) struct heif_image *image = NULL;
    struct planes planes = {0};

    TRY(check(r, heif_context_get_image_handle(r->heif, id, &handle)));
    TRY(check_handle(r, handle));
    SCOPED(options_free) struct heif_decoding_options *options = heif_decoding_options_alloc();
    if (options == NULL)
        FAIL(r->err, RC_NOMEM, "%s: no memory for options", r->layout->name);
    options->strict_decoding = 1;
    TRY(check(r, heif_decode_image(handle, &image, heif_colorspace_RGB, heif_chroma_444, options)));
    TRY(read_planes(r, image, &planes));
    TRY(picture_check_size(planes.width, planes.height, r->limits, r->err));
    TRY(hash_planes(r, &planes, r->info->frames));
    if (r->info->frames++ == 0) {
        r->info->width = planes.width;
        r->info->height = planes.height;
    }
    return RC_OK;
}

static enum rc decode_pictures(struct reader *r)
{
    heif_item_id primary;
    int n = heif_context_get_number_of_top_level_images(r->heif);
    if (n <= 0)
        FAIL(r->err, RC_UNDECODABLE, "%s: it holds no picture", r->layout->name);
    if ((uint32_t)n > r->limits->max_frames)
        FAIL(r->err, RC_LIMIT, "%s: %d pictures are over max_frames %" PRIu32, r->layout->name, n,
             r->limits->max_frames);
    SCOPED(mem_free) heif_item_id *ids = calloc((size_t)n, sizeof *ids);
    if (ids == NULL)
        FAIL(r->err, RC_NOMEM, "%s: no memory for %d pictures", r->layout->name, n);
    n = heif_context_get_list_of_top_level_image_IDs(r->heif, ids, n);
    TRY(check(r, heif_context_get_primary_image_ID(r->heif, &primary)));
    TRY(decode_picture(r, primary));
    for (int i = 0; i < n; i++)
        if (ids[i] != primary)
            TRY(decode_picture(r, ids[i]));
    return RC_OK;
}

static enum rc decode_stills(const struct heif_layout *layout, const struct decode_limits *limits,
                             const struct frame_sink *sink, struct medium_info *info,
                             struct err *err)
{
    TRY(heif_items_check(layout, limits, err));
    SCOPED(reader_close)
    struct reader r = {.layout = layout, .limits = limits, .sink = sink, .info = info, .err = err};
    r.job = (struct heif_codec_job){.limits = limits, .name = layout->name, .err = err};
    heif_codec_work_for(&r.job);
    r.heif = heif_context_alloc();
    if (r.heif == NULL)
        FAIL(err, RC_NOMEM, "%s: no memory for the reader", layout->name);
    heif_context_set_max_decoding_threads(r.heif, 0);
    TRY(check(&r, heif_context_read_from_memory_without_copy(r.heif, layout->stills.p,
                                                             layout->stills.n, NULL)));
    return decode_pictures(&r);
}

/* The frames of a clip behind stills: its tracks are counted on from theirs. */
struct moving {
    const struct frame_sink *sink;
    uint32_t first_track;
};

static enum rc on_moving_frame(void *ctx, const struct frame_hashes *hashes,
                               const struct frame_place *place, struct err *err)
{
    const struct moving *moving = ctx;
    struct frame_place after = *place;

    after.track += moving->first_track;
    return moving->sink->on_frame(moving->sink->ctx, hashes, &after, err);
}

/*
 * The one place for what moves in a HEIF file and libheif does not show: `in` is a file for the
 * video decoder, either the HEIF file itself with its picture sequence, or the clip behind it.
 */
static enum rc decode_moving(struct bytes in, const struct decode_limits *limits,
                             const struct frame_sink *sink, struct medium_info *info,
                             struct err *err)
{
    struct moving moving = {.sink = sink, .first_track = info->frames};
    const struct frame_sink after = {
        .hasher = sink->hasher, .on_frame = on_moving_frame, .ctx = &moving};
    struct medium_info clip;

    TRY(decoder_isobmff.decode(in, limits, &after, &clip, err));
    if (info->frames == 0) {
        info->width = clip.width;
        info->height = clip.height;
        info->upright = clip.upright;
    }
    info->frames += clip.frames;
    if (clip.duration_ms > info->duration_ms)
        info->duration_ms = clip.duration_ms;
    return RC_OK;
}

static enum rc decode(struct bytes in, const struct decode_limits *limits,
                      const struct frame_sink *sink, struct medium_info *ret, struct err *err)
{
    struct heif_layout layout;
    TRY(heif_layout_read(in, &layout, err));
    struct medium_info info = {.type = layout.type};
    if (layout.meta.n > 0)
        TRY(decode_stills(&layout, limits, sink, &info, err));
    if (layout.sequence)
        TRY(decode_moving(layout.stills, limits, sink, &info, err));
    if (layout.clip.n > 0)
        TRY(decode_moving(layout.clip, limits, sink, &info, err));
    if (info.frames == 0)
        FAIL(err, RC_UNDECODABLE, "%s: it holds no picture", layout.name);
    *ret = info;
    return RC_OK;
}

const struct decoder decoder_heif = {
    .type = "image/heif", .sniff = heif_has_brand, .decode = decode};
