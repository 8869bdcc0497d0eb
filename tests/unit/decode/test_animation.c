/*
 * Are the frames of an animation those that a viewer shows, in every format that has some, and are
 * the right ones of them hashed?
 *
 * Expected frames are composed here in the plainest way, on whole canvases.
 */
#include "tests/unit/decode/fixture.h"

#include <stdio.h>

#include <webp/demux.h>

#include "tests/support/made_media.h"
#include "tests/support/oom.h"

enum { W = 96, H = 72, FRAMES = 8, NEAR = 2 };
enum format { GIF, APNG, WEBP, FORMATS };

static const char *const types[] = {"image/gif", "image/png", "image/webp"};

static struct rnd rnd;

/* A film, and the canvases that it must show. */
struct film {
    size_t n;
    struct made_frame frame[FRAMES];
    struct picture pixels[FRAMES];
    struct picture shown[FRAMES];
};

static void film_free_scoped(struct film *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->pixels[i].rgba);
        free(f->shown[i].rgba);
    }
}

static struct picture blank(void)
{
    struct picture p = {W, H, calloc((size_t)W * H, 4)};
    assert_non_null(p.rgba);
    return p;
}

static struct picture copy_of(const struct picture *p)
{
    struct picture copy = blank();
    memcpy(copy.rgba, p->rgba, (size_t)W * H * 4);
    return copy;
}

/*
 * Pixels that are there or are not: how to mix two that both are is tested by itself.  A third of
 * the pictures has holes anywhere, a third in one row, the rest has none.
 */
static struct picture hard_edged(uint32_t width, uint32_t height)
{
    struct picture p = picture_new(&rnd, width, height);
    unsigned kind = (unsigned)rnd_below(&rnd, 3);
    size_t row = rnd_below(&rnd, height);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        bool may_be_hole = kind == 0 || (kind == 1 && i / width == row);
        p.rgba[4 * i + 3] = p.rgba[4 * i + 3] < 100 && may_be_hole ? 0 : 255;
        made_gif_pixel(p.rgba + 4 * i);
    }
    return p;
}

static struct made_frame any_frame(enum format format, bool first)
{
    struct made_frame f = {.width = W, .height = H};
    bool whole = first || rnd_below(&rnd, 3) == 0;
    if (!whole) {
        f.x = (uint32_t)rnd_below(&rnd, W / 2) & ~1u;
        f.y = (uint32_t)rnd_below(&rnd, H / 2) & ~1u;
        f.width = 1 + (uint32_t)rnd_below(&rnd, W - f.x);
        f.height = 1 + (uint32_t)rnd_below(&rnd, H - f.y);
    }
    f.ms = 110 + 10 * (int)rnd_below(&rnd, 30);
    f.after = (enum made_after)rnd_below(&rnd, format == WEBP ? 2 : 3);
    f.over = format == GIF || rnd_below(&rnd, 2) == 0;
    return f;
}

static void paint(struct picture *canvas, const struct made_frame *f)
{
    for (uint32_t y = 0; y < f->height && f->y + y < H; y++)
        for (uint32_t x = 0; x < f->width && f->x + x < W; x++) {
            const uint8_t *px = f->rgba + ((size_t)y * f->width + x) * 4;
            if (!f->over || px[3] != 0)
                memcpy(picture_at(canvas, f->x + x, f->y + y), px, 4);
        }
}

static void clear(struct picture *canvas, const struct made_frame *f)
{
    for (uint32_t y = 0; y < f->height; y++)
        memset(picture_at(canvas, f->x, f->y + y), 0, (size_t)f->width * 4);
}

static struct film any_film(enum format format, size_t n)
{
    struct film film = {.n = n};
    struct picture canvas = blank();
    for (size_t i = 0; i < n; i++) {
        film.frame[i] = any_frame(format, i == 0);
        film.pixels[i] = hard_edged(film.frame[i].width, film.frame[i].height);
        film.frame[i].rgba = film.pixels[i].rgba;
        struct picture before = copy_of(&canvas);
        paint(&canvas, &film.frame[i]);
        film.shown[i] = copy_of(&canvas);
        if (film.frame[i].after == MADE_CLEAR)
            clear(&canvas, &film.frame[i]);
        if (film.frame[i].after == MADE_RESTORE)
            memcpy(canvas.rgba, before.rgba, (size_t)W * H * 4);
        free(before.rgba);
    }
    free(canvas.rgba);
    return film;
}

static struct file file_of(struct made m)
{
    return (struct file){.p = m.p, .n = m.n};
}

static struct file film_file(const struct film *f, enum format format)
{
    return file_of(format == GIF    ? made_gif(W, H, f->frame, f->n, rnd_below(&rnd, 2) == 0)
                   : format == APNG ? made_apng(W, H, NULL, f->frame, f->n)
                                    : made_webp_film(W, H, f->frame, f->n));
}

static bool has_holes(const struct picture *p)
{
    for (size_t i = 0; i < (size_t)W * H; i++)
        if (p->rgba[4 * i + 3] != 255)
            return true;
    return false;
}

static void expect_shown(const struct outcome *o, size_t i, const struct picture *shown)
{
    struct frame_hashes want = picture_hashes(shown, has_holes(shown) ? PIXEL_RGBA8 : PIXEL_RGB8);
    const struct frame_hashes *got = &o->frame[i].hashes;
    assert_int_equal(got->looks, want.looks);
    for (int look = 0; look < want.looks; look++)
        for (int t = 0; t < ORIENTATIONS; t++)
            assert_in_range(pdq_distance(&got->look[look].hash[t], &want.look[look].hash[t]), 0,
                            NEAR);
}

static void shows_what_viewers_show(void **state)
{
    (void)state;
    for (enum format format = GIF; format < FORMATS; format++)
        for (int round = 0; round < 24; round++) {
            SCOPED(film_free) struct film film = any_film(format, 1 + (size_t)round % FRAMES);
            SCOPED(file_free) struct file f = film_file(&film, format);
            struct outcome o = decoded(file_bytes(&f));
            assert_int_equal(o.rc, RC_OK);
            assert_string_equal(o.info.type, types[format]);
            /* A single frame of an APNG is the picture that is no animation. */
            assert_int_equal(o.frames, film.n);
            int64_t ms = 0;
            for (size_t i = 0; i < film.n; i++) {
                assert_int_equal(o.frame[i].place.ms, ms);
                assert_int_equal(o.frame[i].place.track, 0);
                expect_shown(&o, i, &film.shown[i]);
                ms += film.frame[i].ms;
            }
            assert_int_equal(o.info.duration_ms, film.n > 1 ? ms : 0);
        }
}

/* Another program's composition, of pixels that let others through. */
static void mixes_colours_as_libwebp(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct picture pixels[4];
        struct made_frame frames[4];
        for (size_t i = 0; i < 4; i++) {
            frames[i] = any_frame(WEBP, i == 0);
            pixels[i] = picture_new(&rnd, frames[i].width, frames[i].height);
            frames[i].rgba = pixels[i].rgba;
        }
        SCOPED(file_free) struct file f = file_of(made_webp_film(W, H, frames, 4));
        struct outcome o = decoded(file_bytes(&f));
        assert_int_equal(o.rc, RC_OK);
        assert_int_equal(o.frames, 4);
        const WebPData data = {.bytes = f.p, .size = f.n};
        WebPAnimDecoder *witness = WebPAnimDecoderNew(&data, NULL);
        assert_non_null(witness);
        for (size_t i = 0; i < 4; i++) {
            struct picture shown = {.width = W, .height = H};
            int ends_ms;
            assert_true(WebPAnimDecoderGetNext(witness, &shown.rgba, &ends_ms));
            struct frame_hashes want = picture_hashes(&shown, PIXEL_RGBA8);
            const struct frame_hashes *got = &o.frame[i].hashes;
            assert_int_equal(got->looks, want.looks);
            for (int look = LOOK_ON_WHITE; look < want.looks; look++)
                assert_in_range(pdq_distance(&got->look[look].hash[0], &want.look[look].hash[0]), 0,
                                8);
        }
        WebPAnimDecoderDelete(witness);
        for (size_t i = 0; i < 4; i++)
            free(pixels[i].rgba);
    }
}

/* n frames of these times; each of another picture. */
static struct outcome timed(enum format format, const int *ms, size_t n,
                            struct decode_limits limits)
{
    struct film film = any_film(format, n);
    for (size_t i = 0; i < n; i++)
        film.frame[i].ms = ms[i];
    SCOPED(file_free) struct file f = film_file(&film, format);
    struct outcome o = decoded_within(file_bytes(&f), limits);
    film_free_scoped(&film);
    return o;
}

static void leaves_out_what_its_neighbours_stand_for(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        int ms[FRAMES];
        size_t hashed;
        int64_t at[FRAMES], duration;
    } cases[] = {
        {4, {100, 100, 100, 100}, 4, {0, 100, 200, 300}, 400},
        {8, {40, 40, 40, 40, 40, 40, 40, 40}, 5, {0, 80, 160, 240, 280}, 320},
        {8, {20, 20, 20, 20, 20, 20, 20, 20}, 3, {0, 100, 140}, 160},
        {3, {30, 500, 30}, 3, {0, 30, 530}, 560},
        {3, {500, 30, 30}, 3, {0, 500, 530}, 560},
        {2, {20, 20}, 2, {0, 20}, 40},
        /* At most 10 ms are held for 100. */
        {4, {0, 10, 0, 20}, 4, {0, 100, 200, 300}, 320},
    };
    for (enum format format = GIF; format < FORMATS; format++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct outcome o = timed(format, cases[i].ms, cases[i].n, ample);
            assert_int_equal(o.rc, RC_OK);
            assert_int_equal(o.frames, cases[i].hashed);
            for (size_t k = 0; k < cases[i].hashed; k++)
                assert_int_equal(o.frame[k].place.ms, cases[i].at[k]);
            assert_int_equal(o.info.duration_ms, cases[i].duration);
        }
}

static void names_the_limit_that_it_is_over(void **state)
{
    (void)state;
    static const int ms[4] = {200, 200, 200, 200};
    for (enum format format = GIF; format < FORMATS; format++) {
        struct decode_limits limits = ample;
        limits.max_pixels = W * H - 1;
        assert_refused(timed(format, ms, 4, limits), RC_LIMIT,
                       "96x72 is 6912 pixels, over max_pixels 6911");
        limits = ample;
        limits.max_frames = 3;
        assert_refused(timed(format, ms, 4, limits), RC_LIMIT,
                       "it has more pictures to hash, over max_frames 3");
        limits.max_frames = 4;
        limits.max_duration_ms = 800;
        limits.max_work = (uint64_t)W * H * 4;
        assert_int_equal(timed(format, ms, 4, limits).rc, RC_OK);
        limits.max_duration_ms--;
        assert_refused(timed(format, ms, 4, limits), RC_LIMIT,
                       "an animation that takes longer, over max_duration 799");
        limits.max_duration_ms++;
        limits.max_work--;
        assert_refused(timed(format, ms, 4, limits), RC_LIMIT,
                       "its pictures have more pixels together, over max_work 27647");
        assert_int_equal(timed(format, (const int[]){60000}, 1, limits).rc, RC_OK);
    }
}

static void refuses_what_is_cut_short(void **state)
{
    (void)state;
    for (enum format format = GIF; format < FORMATS; format++) {
        SCOPED(film_free) struct film film = any_film(format, 5);
        SCOPED(file_free) struct file f = film_file(&film, format);
        assert_refused_when_cut(&f, 1);
    }
}

static void survives_flipped_bytes(void **state)
{
    (void)state;
    for (enum format format = GIF; format < FORMATS; format++) {
        SCOPED(film_free) struct film film = any_film(format, 4);
        SCOPED(file_free) struct file f = film_file(&film, format);
        assert_survives_flips(&f, &rnd, 100);
    }
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    for (enum format format = GIF; format < FORMATS; format++) {
        SCOPED(film_free) struct film film = any_film(format, 3);
        film.frame[1].after = format == WEBP ? MADE_CLEAR : MADE_RESTORE;
        SCOPED(file_free) struct file f = film_file(&film, format);
        survives_failed_allocations(file_bytes(&f), 3);
    }
}

/* Programs that know of no animation show the picture before it. */
static void hashes_the_picture_that_is_not_in_the_animation(void **state)
{
    (void)state;
    SCOPED(film_free) struct film film = any_film(APNG, 3);
    SCOPED(picture_free) struct picture still = hard_edged(W, H);
    SCOPED(file_free) struct file f = file_of(made_apng(W, H, still.rgba, film.frame, film.n));
    struct outcome o = decoded(file_bytes(&f));
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(o.frames, 4);
    assert_int_equal(o.frame[0].place.track, 0);
    expect_shown(&o, 0, &still);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(o.frame[i + 1].place.track, 1);
        expect_shown(&o, i + 1, &film.shown[i]);
    }
}

/* The screen's size is that of the file's header; browsers make it hold the first frame. */
static void gif_grows_to_hold_the_first_frame_only(void **state)
{
    (void)state;
    SCOPED(film_free) struct film film = any_film(GIF, 1);
    struct made_frame frames[2] = {film.frame[0], film.frame[0]};
    frames[0].ms = frames[1].ms = 100;
    frames[0].after = MADE_KEEP;
    frames[1].x = 40;
    SCOPED(file_free) struct file f = file_of(made_gif(8, 8, frames, 2, false));
    struct picture second = copy_of(&film.shown[0]);
    paint(&second, &frames[1]);
    struct outcome o = decoded(file_bytes(&f));
    assert_int_equal(o.rc, RC_OK);
    assert_int_equal(o.info.width, W);
    assert_int_equal(o.info.height, H);
    assert_int_equal(o.frames, 2);
    expect_shown(&o, 0, &film.shown[0]);
    expect_shown(&o, 1, &second);
    free(second.rgba);
}

int main(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    rnd = rnd_from_environment();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_viewers_show),
        cmocka_unit_test(mixes_colours_as_libwebp),
        cmocka_unit_test(leaves_out_what_its_neighbours_stand_for),
        cmocka_unit_test(names_the_limit_that_it_is_over),
        cmocka_unit_test(refuses_what_is_cut_short),
        cmocka_unit_test(survives_flipped_bytes),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(hashes_the_picture_that_is_not_in_the_animation),
        cmocka_unit_test(gif_grows_to_hold_the_first_frame_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
