/* The rules of clips, one by one, each on both sides of its edge. */
#include "tests/unit/db/clip_scene.h"

/* --- runs --- */

/* Frames of a film in which the clip begins at `at`, from one of its moments to another. */
static void play(struct scene *scene, int64_t at, int64_t from, int64_t to, int64_t frame_ms)
{
    for (int64_t ms = 0; ms < from; ms += 500)
        show(scene, 90000 + (uint64_t)ms, at - from + ms < 0 ? 0 : at - from + ms);
    for (int64_t c = from; c < to; c += frame_ms) {
        uint64_t n = (uint64_t)((c + 500) / 1000); /* a second's picture is seen around it */
        show(scene, n, at + c - from);
    }
    for (int64_t ms = 0; ms < 5000; ms += 500)
        show(scene, 95000 + (uint64_t)ms, at + to - from + ms);
}

static void five_seconds_of_a_clip_are_found_at_any_phase(void **state)
{
    (void)state;
    static const int64_t rates[] = {33, 40, 100};
    for (int64_t phase = 0; phase < 1000; phase += 83)
        for (size_t r = 0; r < 3; r++) {
            SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
            uint64_t entry = bank_clip(scene, 0, 60, 1000);
            int64_t from = 20000 + phase;
            play(scene, 30000 + 7 * phase, from, from + 5000, rates[r]);
            const struct match *m = look_up(scene);
            assert_non_null(m);
            assert_true(m->clip);
            assert_int_equal(m->entry, entry);
            assert_true(m->run >= 5 && m->run <= 7);
            assert_int_equal(m->clip_found, m->run);
            assert_int_equal(m->clip_of, 60);
            int64_t offset = 30000 + 7 * phase - from;
            assert_true(llabs(m->offset_ms - offset) <= 500);
            assert_int_equal(m->ms - m->entry_ms, m->offset_ms);
            assert_int_equal(m->distance, 0);
        }
}

static void show_at(struct scene *scene, const uint64_t *pictures, const int64_t *ms, size_t n)
{
    scene->n = 0;
    for (size_t i = 0; i < n; i++)
        show(scene, pictures[i], ms[i]);
}

static void only_order_and_pace_make_a_run(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    bank_clip(scene, 0, 20, 1000);
    static const uint64_t pictures[] = {4, 5, 6}, backwards[] = {6, 5, 4}, shuffled[] = {5, 4, 6},
                          gap[] = {4, 5, 7};
    static const int64_t even[] = {100, 1100, 2100}, slow[] = {100, 1600, 3100},
                         slower[] = {100, 1600, 3101}, fast[] = {100, 600, 1100},
                         faster[] = {100, 600, 1099}, equal[] = {100, 100, 1100},
                         untimed[] = {-1, -1, -1};
    show_at(scene, pictures, even, 3);
    assert_int_equal(look_up(scene)->run, 3);
    show_at(scene, pictures, even, 2);
    assert_null(look_up(scene));
    show_at(scene, backwards, even, 3);
    assert_null(look_up(scene));
    show_at(scene, shuffled, even, 3);
    assert_null(look_up(scene));
    show_at(scene, gap, even, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, slow, 3);
    assert_non_null(look_up(scene));
    show_at(scene, pictures, slower, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, fast, 3);
    assert_non_null(look_up(scene));
    show_at(scene, pictures, faster, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, equal, 3);
    assert_null(look_up(scene));
    show_at(scene, pictures, untimed, 3);
    assert_null(look_up(scene));
}

static void signals_of_one_time_need_frames_of_two(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(100, 0, 3);
    struct signal s[4] = {signal_of(1, 0), signal_of(2, 0), signal_of(3, 0), signal_of(4, 0)};
    fake_entry(scene->store, 0, s, 4);
    static const uint64_t pictures[] = {1, 2, 3};
    static const int64_t rising[] = {7, 8, 9}, equal[] = {7, 8, 8};
    show_at(scene, pictures, rising, 3);
    assert_int_equal(look_up(scene)->run, 3);
    show_at(scene, pictures, equal, 3);
    assert_null(look_up(scene));
}

/* What was one span while times rose must be seen frame by frame when one comes late. */
static void times_may_come_in_any_order(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(100, 100, 3);
    bank_clip(scene, 0, 4, 0);
    for (int64_t ms = 0; ms <= 950; ms += 50) {
        show(scene, 1, ms);
        if (ms == 550)
            show(scene, 0, ms);
        if (ms == 800)
            show(scene, 2, ms);
    }
    show(scene, 5000, 1900);
    show(scene, 1, 2000);
    show(scene, 5001, 2050);
    show(scene, 1, 500);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_int_equal(m->run, 3);
    assert_true(llabs(m->ms - 550) <= 1000);

    scene->n = 0;
    for (int64_t i = 3; i-- > 0;) /* the last frame first */
        show(scene, (uint64_t)i, i);
    assert_int_equal(look_up(scene)->run, 3);
}

static void a_mirrored_copy_is_mirrored_throughout(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    bank_clip(scene, 0, 20, 1000);
    for (uint64_t i = 0; i < 4; i++) {
        show(scene, 1000 + i, (int64_t)i * 1000 + 50);
        show_turned(scene, 3 + i, (int64_t)i * 1000 + 50, ORIENT_FLIPY);
    }
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_int_equal(m->run, 4);
    assert_int_equal(m->orientation, ORIENT_FLIPY);
    assert_int_equal(m->ms, 50);
    assert_int_equal(m->entry_ms, 3000);

    scene->n = 0;
    for (uint64_t i = 0; i < 4; i++)
        show_turned(scene, 3 + i, (int64_t)i * 1000, i % 2 == 0 ? ORIENT_FLIPY : ORIENT_FLIPX);
    assert_null(look_up(scene));
}

static void any_look_counts_for_a_run(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    bank_clip(scene, 0, 20, 1000);
    for (uint64_t i = 0; i < 3; i++) {
        show(scene, 3 + i, (int64_t)i * 1000);
        scene->signal[i].look = (enum look)i;
    }
    assert_int_equal(look_up(scene)->run, 3);
}

static void a_run_of_none_is_switched_off(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 0);
    bank_clip(scene, 0, 10, 1000);
    for (uint64_t i = 0; i < 7; i++)
        show(scene, i, (int64_t)i * 1000);
    assert_null(look_up(scene));
    show(scene, 7, 7000);
    assert_int_equal(look_up(scene)->run, 0);
}

static void a_run_is_as_long_as_the_bank_says(void **state)
{
    (void)state;
    for (unsigned run = 2; run <= 100; run += 14) {
        SCOPED(scene_free) struct scene *scene = scene_new(100, 100, run);
        bank_clip(scene, 0, 100, 40);
        show(scene, 5000, 0);
        for (unsigned i = 0; i + 1 < run; i++)
            show(scene, i, 1000 + 40 * i);
        assert_null(look_up(scene));
        show(scene, run - 1, 1000 + 40 * (run - 1));
        assert_int_equal(look_up(scene)->run, run);
    }
}

/* --- percents --- */

static void the_percent_of_a_clip_has_an_edge(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 0);
    bank_clip(scene, 0, 100, 1000);
    for (uint64_t i = 0; i < 79; i++)
        show_turned(scene, (i * 37) % 100, -1, (enum orientation)(i % ORIENTATIONS));
    show(scene, 5000, -1);
    assert_null(look_up(scene));
    show(scene, (79 * 37) % 100, -1);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_int_equal(m->clip_found, 80);
    assert_int_equal(m->ms, -1);
    assert_int_equal(m->offset_ms, 0);
}

static void equal_frames_count_once(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(50, 50, 0);
    struct signal s[12];
    for (size_t i = 0; i < 12; i++) /* nine times picture 0, then 1, 2, 3 */
        s[i] = signal_of(i < 9 ? 0 : i - 8, (int64_t)i * 1000);
    fake_entry(scene->store, 0, s, 12);
    for (uint64_t i = 0; i < 10; i++)
        show(scene, 0, (int64_t)i);
    assert_null(look_up(scene)); /* one of four */
    show(scene, 2, 500);
    assert_int_equal(look_up(scene)->clip_found, 2);
    assert_int_equal(look_up(scene)->clip_of, 4);
    show(scene, 800, 600); /* two of four different frames */
    for (int64_t i = 0; i < 10; i++)
        show(scene, 801, 700 + i);
    assert_non_null(look_up(scene));
    show(scene, 802, 900); /* two of five */
    assert_null(look_up(scene));
}

static void a_clip_of_one_signal_matches_by_it(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    uint64_t entry = bank_clip(scene, 7, 1, 1000);
    show_turned(scene, 7, -1, ORIENT_ROT90);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_true(m->clip);
    assert_int_equal(m->entry, entry);
    assert_int_equal(m->orientation, ORIENT_ROT90);
    assert_int_equal(m->run, 0);
}

static void a_frame_that_meets_a_picture_is_a_match(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    struct signal s[5] = {signal_of(1, 0), signal_of(2, 1000), signal_of(3, 2000),
                          signal_of(4, -1)};
    s[4] = (struct signal){.type = SIGNAL_SHA256, .value = {9}, .quality = -1, .ms = -1};
    fake_entry(scene->store, 0, s, 5);
    show(scene, 1, 0);
    assert_null(look_up(scene));
    show(scene, 4, 700);
    const struct match *m = look_up(scene);
    assert_non_null(m);
    assert_false(m->clip);
    assert_int_equal(m->ms, 700);
    assert_int_equal(m->entry_ms, -1);
    scene->n = 0;
    scene->signal[scene->n++] =
        (struct lookup_signal){.type = SIGNAL_SHA256, .digest = {9}, .ms = -1};
    assert_int_equal(look_up(scene)->type, SIGNAL_SHA256);
}

static void a_flat_signal_is_no_part_of_a_clip(void **state)
{
    (void)state;
    SCOPED(scene_free) struct scene *scene = scene_new(80, 0, 3);
    struct signal s[4] = {signal_of(1, 0), signal_of(2, 1000), signal_of(3, 2000),
                          signal_of(4, 3000)};
    s[1].quality = PDQ_MIN_QUALITY - 1;
    fake_entry(scene->store, 0, s, 4);
    static const uint64_t pictures[] = {1, 3, 4};
    static const int64_t ms[] = {0, 2000, 3000};
    show_at(scene, pictures, ms, 3);
    const struct match *m = look_up(scene);
    assert_int_equal(m->clip_of, 3);
    assert_int_equal(m->run, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_seconds_of_a_clip_are_found_at_any_phase),
        cmocka_unit_test(only_order_and_pace_make_a_run),
        cmocka_unit_test(signals_of_one_time_need_frames_of_two),
        cmocka_unit_test(times_may_come_in_any_order),
        cmocka_unit_test(a_mirrored_copy_is_mirrored_throughout),
        cmocka_unit_test(any_look_counts_for_a_run),
        cmocka_unit_test(a_run_of_none_is_switched_off),
        cmocka_unit_test(a_run_is_as_long_as_the_bank_says),
        cmocka_unit_test(the_percent_of_a_clip_has_an_edge),
        cmocka_unit_test(equal_frames_count_once),
        cmocka_unit_test(a_clip_of_one_signal_matches_by_it),
        cmocka_unit_test(a_frame_that_meets_a_picture_is_a_match),
        cmocka_unit_test(a_flat_signal_is_no_part_of_a_clip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
