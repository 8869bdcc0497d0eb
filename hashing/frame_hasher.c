#include "hashing/frame_hasher.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/frame_grid.h"

enum { BLOCK = 1024 }; /* pixels converted at a time; three planes stay in the first cache */

struct frame_hasher {
    uint32_t width, height;
    enum pixel_format format;
    bool too_small;
    float scale; /* of the luma, see frame_scale() */
    struct frame_grid grid;
};

static size_t bytes_per_pixel(enum pixel_format format)
{
    static const size_t bytes[PIXEL_FORMATS] = {[PIXEL_GRAY8] = 1,
                                                [PIXEL_RGB8] = 3,
                                                [PIXEL_GRAYA8] = 2,
                                                [PIXEL_RGBA8] = 4,
                                                [PIXEL_RGBX8] = 4};
    return bytes[format];
}

static bool has_alpha(enum pixel_format format)
{
    return format == PIXEL_GRAYA8 || format == PIXEL_RGBA8;
}

enum rc frame_hasher_new(bool all_orientations, struct frame_hasher **ret, struct err *err)
{
    struct frame_hasher *h = calloc(1, sizeof(*h));
    if (h == NULL)
        FAIL(err, RC_NOMEM, "frame: no memory for a hasher");
    h->grid.turned = all_orientations;
    *ret = h;
    return RC_OK;
}

void frame_hasher_free(struct frame_hasher *h)
{
    if (h == NULL)
        return;
    frame_grid_clear(&h->grid);
    free(h);
}

enum rc frame_begin(struct frame_hasher *h, uint32_t width, uint32_t height,
                    enum pixel_format format, struct err *err)
{
    h->width = width;
    h->height = height;
    h->format = format;
    h->scale = 1.0f;
    h->too_small = width < PDQ_MIN_SIDE || height < PDQ_MIN_SIDE;
    if (h->too_small)
        return RC_OK;
    h->grid.kernel = frame_kernel_active();
    return frame_grid_begin(&h->grid, width, height, has_alpha(format) ? LOOKS : 1, err);
}

/* Where the pixels of a block lie in row y: at x0, x0+step, …. */
struct place {
    size_t x0, step;
    struct frame_share shares[OPEN_SUMS];
    unsigned n_shares;
};

static void add_values(const struct frame_grid *g, const struct place *place, enum look look,
                       const float *values, size_t n)
{
    for (unsigned s = 0; s < place->n_shares; s++) {
        float *sum = place->shares[s].sum->plane[look] + place->x0;
        float weight = place->shares[s].weight;
        if (place->step == 1) {
            g->kernel->add(sum, values, weight, n);
            continue;
        }
        for (size_t i = 0; i < n; i++)
            sum[i * place->step] += weight * values[i];
    }
}

/* Whether any of n pixels is not opaque; eight bytes at a time, as opaque pictures are common. */
static bool any_translucent(const uint8_t *pixels, size_t n, size_t channels)
{
    static const uint8_t alpha[2][8] = {{0, 255, 0, 255, 0, 255, 0, 255},
                                        {0, 0, 0, 255, 0, 0, 0, 255}};
    uint64_t mask;
    uint64_t word;
    uint64_t common = UINT64_MAX;
    size_t size = n * channels;
    size_t i = 0;

    memcpy(&mask, alpha[channels == 4], sizeof(mask));
    for (; i + sizeof(word) <= size; i += sizeof(word)) {
        memcpy(&word, pixels + i, sizeof(word));
        common &= word;
    }
    if ((common & mask) != mask)
        return true;
    for (; i < size; i += channels)
        if (pixels[i + channels - 1] != 255)
            return true;
    return false;
}

/*
 * What compositing adds to the luma: with h = 1 - alpha, on white (255 - Y)h, on black -Yh.  The
 * luma of white is 255, so compositing the luma is compositing the channels.
 */
static void add_differences(struct frame_grid *g, const struct place *place, const uint8_t *pixels,
                            size_t channels, const float *luma, size_t n)
{
    float on_white[BLOCK];
    float on_black[BLOCK];

    g->translucent = true;
    for (size_t i = 0; i < n; i++) {
        float hidden = (float)(255 - pixels[i * channels + channels - 1]) / 255.0f;
        on_white[i] = (255.0f - luma[i]) * hidden;
        on_black[i] = -luma[i] * hidden;
    }
    add_values(g, place, LOOK_ON_WHITE, on_white, n);
    add_values(g, place, LOOK_ON_BLACK, on_black, n);
}

_Static_assert((int)OPEN_SUMS <= (int)ADD_SUMS_MAX,
               "a row belongs to more sums than are added at once");

static void add_gray_row(struct frame_grid *g, uint32_t y, const uint8_t *pixels, uint32_t n)
{
    struct frame_share shares[OPEN_SUMS];
    float *sums[OPEN_SUMS];
    float weights[OPEN_SUMS];
    unsigned n_shares = frame_grid_open(g, y, shares);

    for (unsigned s = 0; s < n_shares; s++) {
        sums[s] = shares[s].sum->plane[LOOK_PLAIN];
        weights[s] = shares[s].weight;
    }
    if (n_shares > 0)
        g->kernel->add_gray(sums, weights, n_shares, pixels, n);
}

void frame_row(struct frame_hasher *h, uint32_t y, const uint8_t *pixels)
{
    assert(y < h->height);
    if (h->format == PIXEL_GRAY8 && !h->too_small && h->grid.kernel->add_gray != NULL) {
        add_gray_row(&h->grid, y, pixels, h->width);
        return;
    }
    frame_row_sparse(h, y, 0, 1, pixels, h->width);
}

void frame_row_sparse(struct frame_hasher *h, uint32_t y, uint32_t x0, uint32_t step,
                      const uint8_t *pixels, uint32_t n)
{
    struct frame_grid *g = &h->grid;
    struct place place = {.x0 = x0, .step = step};
    size_t channels = bytes_per_pixel(h->format);
    float luma[BLOCK];

    assert(y < h->height && step > 0);
    assert(n == 0 || (uint64_t)x0 + (uint64_t)(n - 1) * step < h->width);
    if (h->too_small)
        return;
    place.n_shares = frame_grid_open(g, y, place.shares);
    if (place.n_shares == 0)
        return;
    for (size_t done = 0; done < n; done += BLOCK) {
        size_t m = n - done < BLOCK ? n - done : BLOCK;
        const uint8_t *p = pixels + done * channels;
        g->kernel->luma[h->format](p, m, luma);
        add_values(g, &place, LOOK_PLAIN, luma, m);
        if (has_alpha(h->format) && any_translucent(p, m, channels))
            add_differences(g, &place, p, channels, luma, m);
        place.x0 += m * step;
    }
}

void frame_row_luma(struct frame_hasher *h, uint32_t y, const float *luma)
{
    struct place place = {.x0 = 0, .step = 1};

    assert(y < h->height);
    if (h->too_small)
        return;
    place.n_shares = frame_grid_open(&h->grid, y, place.shares);
    add_values(&h->grid, &place, LOOK_PLAIN, luma, h->width);
}

void frame_scale(struct frame_hasher *h, float scale)
{
    h->scale = scale;
}

/* One product for each of the 64x64 values, not for each pixel: the operators are linear. */
static void scale_buffers(struct frame_grid *g, float scale)
{
    for (unsigned p = 0; p < g->planes; p++)
        for (unsigned k = 0; k < (g->turned ? 4u : 1u); k++)
            for (int i = 0; i < 64; i++)
                for (int j = 0; j < 64; j++)
                    g->buffer[p][k / 2][k % 2].v[i][j] *= scale;
}

/*
 * The 64x64 buffer of one look at the picture, turned upside down or mirrored or both: the grid's,
 * or made in room.
 */
static const struct pdq_buffer64 *look_buffer(const struct frame_grid *g, enum look look,
                                              int upside_down, int mirrored,
                                              struct pdq_buffer64 *room)
{
    const struct pdq_buffer64 *plain = &g->buffer[LOOK_PLAIN][upside_down][mirrored];
    const struct pdq_buffer64 *difference = &g->buffer[look][upside_down][mirrored];

    if (look == LOOK_PLAIN)
        return plain;
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++)
            room->v[i][j] = plain->v[i][j] + difference->v[i][j];
    return room;
}

static struct pdq_hash hash_buffer(const struct frame_grid *g, const struct pdq_buffer64 *a)
{
    struct pdq_buffer16 b;
    pdq_dct_by(g->kernel->multiply, a, &b);
    return pdq_bits(&b);
}

/*
 * PDQ's names: flipx is upside down, flipy mirrored, flipplus1 the transpose, rot90 a quarter turn
 * counter-clockwise (the transpose of the mirrored picture).
 */
static void hash_look(const struct frame_grid *g, enum look look, struct look_hash *ret)
{
    static const enum orientation upright[2][2] = {{ORIENT_AS_IS, ORIENT_FLIPY},
                                                   {ORIENT_FLIPX, ORIENT_ROT180}};
    static const enum orientation transposed[2][2] = {{ORIENT_FLIPPLUS1, ORIENT_ROT90},
                                                      {ORIENT_ROT270, ORIENT_FLIPMINUS1}};
    struct pdq_buffer64 room;
    const struct pdq_buffer64 *a = look_buffer(g, look, 0, 0, &room);

    ret->quality = (uint8_t)pdq_quality(a);
    ret->hash[ORIENT_AS_IS] = hash_buffer(g, a);
    if (!g->turned)
        return;
    for (int upside_down = 0; upside_down < 2; upside_down++) {
        for (int mirrored = 0; mirrored < 2; mirrored++) {
            struct pdq_hash *hash = &ret->hash[upright[upside_down][mirrored]];
            if (upside_down || mirrored)
                *hash = hash_buffer(g, look_buffer(g, look, upside_down, mirrored, &room));
            ret->hash[transposed[upside_down][mirrored]] = pdq_transposed(hash);
        }
    }
}

static bool looks_same(const struct look_hash *a, const struct look_hash *b)
{
    for (int o = 0; o < ORIENTATIONS; o++)
        if (!pdq_equal(&a->hash[o], &b->hash[o]))
            return false;
    return a->quality == b->quality;
}

void frame_end(struct frame_hasher *h, struct frame_hashes *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->width = h->width;
    ret->height = h->height;
    ret->looks = 1;
    if (h->too_small)
        return;

    frame_grid_end(&h->grid);
    if (h->scale != 1.0f)
        scale_buffers(&h->grid, h->scale);
    hash_look(&h->grid, LOOK_PLAIN, &ret->look[LOOK_PLAIN]);
    if (!h->grid.translucent)
        return;
    hash_look(&h->grid, LOOK_ON_WHITE, &ret->look[LOOK_ON_WHITE]);
    hash_look(&h->grid, LOOK_ON_BLACK, &ret->look[LOOK_ON_BLACK]);
    if (!looks_same(&ret->look[LOOK_PLAIN], &ret->look[LOOK_ON_WHITE]) ||
        !looks_same(&ret->look[LOOK_PLAIN], &ret->look[LOOK_ON_BLACK]))
        ret->looks = LOOKS;
}
