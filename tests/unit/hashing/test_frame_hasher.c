#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tests/support/oom.h"
#include "tests/unit/hashing/frames.h"

static struct rnd rnd;

static struct picture any_picture_of(uint32_t w, uint32_t h)
{
    static const enum synthetic_kind kinds[] = {NOISE, GRADIENT, SMOOTH, RECTANGLES};
    enum pixel_format format = rnd_below(&rnd, 2) ? PIXEL_RGB8 : PIXEL_GRAY8;
    enum synthetic_kind kind = kinds[rnd_below(&rnd, 4)];
    uint8_t *px = synthetic_picture(kind, rnd_next(&rnd), w, h, channels_of[format]);
    return (struct picture){.w = w, .h = h, .format = format, .px = px};
}

static struct picture any_picture(void)
{
    uint32_t w = any_side(&rnd);
    return any_picture_of(w, any_side(&rnd));
}

static void assert_hashes_near(const struct frame_hashes *hashes, const struct picture *p)
{
    SCOPED(mem_free)
    float *luma = synthetic_luma(p->px, (size_t)p->w * p->h, channels_of[p->format]);
    assert_int_equal(hashes->width, p->w);
    assert_int_equal(hashes->height, p->h);
    assert_int_equal(hashes->looks, 1);
    assert_look_near(&hashes->look[LOOK_PLAIN], luma, p->w, p->h);
}

static void hashes_each_orientation_as_if_really_turned(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct picture p = any_picture();
        struct frame_hashes hashes = picture_hash(&p);
        assert_hashes_near(&hashes, &p);
        free(p.px);
    }
}

/* Where windows change their length, and repeated or skipped pixels begin. */
static void hashes_every_awkward_side(void **state)
{
    (void)state;
    static const uint32_t sides[] = {5,   6,   7,   31,  32,  33,  63,  64,  65,  127,
                                     128, 129, 130, 255, 256, 257, 383, 384, 385, 513};
    const size_t n = sizeof(sides) / sizeof(sides[0]);

    for (size_t i = 0; i < n; i++) {
        struct picture p = any_picture_of(sides[i], sides[(i * 7 + 3) % n]);
        struct frame_hashes hashes = picture_hash(&p);
        assert_hashes_near(&hashes, &p);
        free(p.px);
    }
}

static void small_pictures_hash_to_zero(void **state)
{
    (void)state;
    for (uint32_t w = 1; w <= 6; w++) {
        for (uint32_t h = 1; h <= 6; h++) {
            struct picture p = any_picture_of(w, h);
            struct frame_hashes hashes = picture_hash(&p);
            struct pdq_hash zero = {0};
            if (w < PDQ_MIN_SIDE || h < PDQ_MIN_SIDE) {
                assert_int_equal(hashes.looks, 1);
                assert_int_equal(hashes.look[LOOK_PLAIN].quality, 0);
                for (int o = 0; o < ORIENTATIONS; o++)
                    assert_true(pdq_equal(&hashes.look[LOOK_PLAIN].hash[o], &zero));
            } else {
                assert_hashes_near(&hashes, &p);
            }
            free(p.px);
        }
    }
}

/* One pass of Adam7: rows y0, y0+dy, …, in each the pixels x0, x0+dx, …. */
static void feed_pass(struct frame_hasher *h, const struct picture *p, const uint32_t pass[4])
{
    uint32_t channels = channels_of[p->format];
    SCOPED(mem_free) uint8_t *row = malloc(picture_stride(p));

    for (uint32_t y = pass[1]; y < p->h; y += pass[3]) {
        uint32_t n = 0;
        for (uint32_t x = pass[0]; x < p->w; x += pass[2])
            memcpy(row + n++ * channels, p->px + y * picture_stride(p) + x * channels, channels);
        frame_row_sparse(h, y, pass[0], pass[2], row, n);
    }
}

static void interlaced_pictures_hash_as_plain_ones(void **state)
{
    (void)state;
    static const uint32_t adam7[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                         {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

    for (int round = 0; round < 20; round++) {
        SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(true);
        struct picture p = any_picture();
        struct frame_hashes hashes;
        picture_begin(h, &p);
        for (int pass = 0; pass < 7; pass++)
            feed_pass(h, &p, adam7[pass]);
        frame_end(h, &hashes);
        assert_hashes_near(&hashes, &p);
        free(p.px);
    }
}

static void rows_come_in_any_order(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(true);
        struct picture p = any_picture();
        struct frame_hashes hashes;
        uint32_t order[400];
        for (uint32_t y = 0; y < p.h; y++) {
            uint32_t other = (uint32_t)rnd_below(&rnd, y + 1);
            order[y] = order[other];
            order[other] = y;
        }
        picture_begin(h, &p);
        for (uint32_t y = 0; y < p.h; y++)
            frame_row(h, order[y], p.px + order[y] * picture_stride(&p));
        frame_end(h, &hashes);
        assert_hashes_near(&hashes, &p);
        free(p.px);
    }
}

static void luma_rows_equal_their_pixels(void **state)
{
    (void)state;
    SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(true);
    struct picture p = any_picture();
    SCOPED(mem_free) float *luma = synthetic_luma(p.px, (size_t)p.w * p.h, channels_of[p.format]);
    struct frame_hashes by_pixels = picture_hash(&p);
    struct frame_hashes by_luma;

    picture_begin(h, &p);
    for (uint32_t y = 0; y < p.h; y++)
        frame_row_luma(h, y, luma + (size_t)y * p.w);
    frame_end(h, &by_luma);
    assert_memory_equal(&by_luma, &by_pixels, sizeof(by_luma));
    free(p.px);
}

/* A hasher that has seen other frames, whole or forgotten, hashes like a fresh one. */
/* A range that is stretched afterwards is one that was stretched pixel by pixel. */
static void a_scaled_frame_is_one_of_scaled_rows(void **state)
{
    (void)state;
    enum { SIDE = 90 };
    const float scale = 255.0f / 219.0f;
    uint8_t px[SIDE][SIDE];
    float luma[SIDE];
    struct frame_hashes scaled, rows;
    struct err err;
    for (uint32_t y = 0; y < SIDE; y++)
        for (uint32_t x = 0; x < SIDE; x++)
            px[y][x] = (uint8_t)(16 + (x * 5 + y * 3 + rnd_below(&rnd, 40)) % 220);
    SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(true);
    assert_int_equal(frame_begin(h, SIDE, SIDE, PIXEL_GRAY8, &err), RC_OK);
    for (uint32_t y = 0; y < SIDE; y++)
        frame_row(h, y, px[y]);
    frame_scale(h, scale);
    frame_end(h, &scaled);
    assert_int_equal(frame_begin(h, SIDE, SIDE, PIXEL_GRAY8, &err), RC_OK);
    for (uint32_t y = 0; y < SIDE; y++) {
        for (uint32_t x = 0; x < SIDE; x++)
            luma[x] = (float)px[y][x] * scale;
        frame_row_luma(h, y, luma);
    }
    frame_end(h, &rows);
    assert_in_range(scaled.look[0].quality + 1, rows.look[0].quality, rows.look[0].quality + 2);
    for (int o = 0; o < ORIENTATIONS; o++)
        assert_in_range(pdq_distance(&scaled.look[0].hash[o], &rows.look[0].hash[o]), 0, 2);
}

static void hashers_are_used_again(void **state)
{
    (void)state;
    SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(true);

    for (int round = 0; round < 12; round++) {
        struct picture p = round % 3 ? any_picture_of(150, 140) : any_picture();
        struct frame_hashes fresh = picture_hash(&p);
        picture_begin(h, &p);
        frame_row(h, 0, p.px);
        struct frame_hashes again = picture_hash_with(h, &p);
        assert_memory_equal(&again, &fresh, sizeof(again));
        free(p.px);
    }
}

static void only_as_is_when_no_more_was_asked(void **state)
{
    (void)state;
    SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(false);

    for (int round = 0; round < 10; round++) {
        struct picture p = any_picture();
        struct frame_hashes all = picture_hash(&p);
        struct frame_hashes one = picture_hash_with(h, &p);
        const struct look_hash *look = &one.look[LOOK_PLAIN];
        assert_true(pdq_equal(&look->hash[0], &all.look[LOOK_PLAIN].hash[0]));
        assert_int_equal(look->quality, all.look[LOOK_PLAIN].quality);
        for (int o = 1; o < ORIENTATIONS; o++)
            assert_true(pdq_equal(&look->hash[o], &(struct pdq_hash){0}));
        free(p.px);
    }
}

static void very_wide_and_very_high_pictures(void **state)
{
    (void)state;
    static const uint32_t sides[2][2] = {{150001, 5}, {6, 130003}};
    for (int i = 0; i < 2; i++) {
        struct picture p = any_picture_of(sides[i][0], sides[i][1]);
        struct frame_hashes hashes = picture_hash(&p);
        SCOPED(mem_free)
        float *luma = synthetic_luma(p.px, (size_t)p.w * p.h, channels_of[p.format]);
        struct pdq_reference ref = reference_of(luma, p.w, p.h, ORIENT_AS_IS);
        /* The reference's own running sums drift over such lengths. */
        if (ref.quality >= PDQ_MIN_QUALITY)
            assert_true(pdq_distance(&ref.hash, &hashes.look[LOOK_PLAIN].hash[0]) <= 4);
        free(p.px);
    }
}

static void every_kernel_gives_the_same_bits(void **state)
{
    (void)state;
    static const char *const fast[] = {"avx2", "avx512", "neon"};

    for (int round = 0; round < 40; round++) {
        enum pixel_format format = (enum pixel_format)(round % 4);
        uint32_t w = any_side(&rnd);
        uint32_t h = any_side(&rnd);
        uint8_t *px = synthetic_picture(NOISE, rnd_next(&rnd), w, h, channels_of[format]);
        struct picture p = {.w = w, .h = h, .format = format, .px = px};
        assert_true(frame_hasher_use("plain"));
        struct frame_hashes expected = picture_hash(&p);
        for (int k = 0; k < 2; k++) {
            if (!frame_hasher_use(fast[k]))
                continue;
            struct frame_hashes hashes = picture_hash(&p);
            assert_memory_equal(&hashes, &expected, sizeof(hashes));
        }
        free(px);
    }
}

static void chooses_a_kernel_that_agrees(void **state)
{
    (void)state;
    const char *disagreed = "unset";
    const char *name = frame_hasher_self_test(&disagreed);

    assert_null(disagreed);
    assert_true(frame_hasher_use(name));
    assert_false(frame_hasher_use("abacus"));
}

/* The second frame is larger: what the first one left must survive its refusal. */
static enum rc two_frames(struct frame_hasher **h, struct err *err)
{
    TRY(frame_hasher_new(true, h, err));
    TRY(frame_begin(*h, 100, 100, PIXEL_GRAY8, err));
    return frame_begin(*h, 200, 300, PIXEL_RGBA8, err);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    struct picture p = any_picture_of(200, 300);
    struct frame_hashes fresh = picture_hash(&p);

    for (unsigned nth = 1;; nth++) {
        SCOPED(frame_hasher_free) struct frame_hasher *h = NULL;
        struct err err;

        oom_arm(nth);
        enum rc rc = two_frames(&h, &err);
        bool failed = oom_disarm();
        if (h != NULL) {
            struct frame_hashes again = picture_hash_with(h, &p);
            assert_memory_equal(&again, &fresh, sizeof(again));
        }
        assert_int_equal(rc, failed ? RC_NOMEM : RC_OK);
        if (!failed) {
            assert_int_equal(nth, 10);
            break;
        }
        assert_int_equal(strncmp(err.msg, "frame: no memory for ", 21), 0);
    }
    free(p.px);
}

enum outside { ROW_BELOW, PIXEL_BEYOND, PIXEL_FAR_BEYOND, NO_STEP, OUTSIDES };

static void feed_outside(enum outside what)
{
    static const uint8_t px[100];
    struct picture p = {.w = 30, .h = 20, .format = PIXEL_GRAY8};
    SCOPED(frame_hasher_free) struct frame_hasher *h = hasher_new(true);

    picture_begin(h, &p);
    if (what == ROW_BELOW)
        frame_row(h, 20, px);
    else if (what == PIXEL_BEYOND)
        frame_row_sparse(h, 3, 1, 1, px, 30);
    else if (what == PIXEL_FAR_BEYOND)
        frame_row_sparse(h, 3, 2, UINT32_MAX, px, 3);
    else
        frame_row_sparse(h, 3, 0, 0, px, 2);
}

static void pixels_outside_of_the_frame_abort(void **state)
{
    (void)state;
    for (int what = 0; what < OUTSIDES; what++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            fclose(stderr);
            feed_outside((enum outside)what);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const char *disagreed;
    rnd = rnd_from_environment();
    frame_hasher_self_test(&disagreed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_each_orientation_as_if_really_turned),
        cmocka_unit_test(hashes_every_awkward_side),
        cmocka_unit_test(small_pictures_hash_to_zero),
        cmocka_unit_test(interlaced_pictures_hash_as_plain_ones),
        cmocka_unit_test(rows_come_in_any_order),
        cmocka_unit_test(luma_rows_equal_their_pixels),
        cmocka_unit_test(a_scaled_frame_is_one_of_scaled_rows),
        cmocka_unit_test(hashers_are_used_again),
        cmocka_unit_test(only_as_is_when_no_more_was_asked),
        cmocka_unit_test(very_wide_and_very_high_pictures),
        cmocka_unit_test(every_kernel_gives_the_same_bits),
        cmocka_unit_test(chooses_a_kernel_that_agrees),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(pixels_outside_of_the_frame_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
