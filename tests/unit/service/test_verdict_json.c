/* Does an answer tell what its reader may know, and not a byte more? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "service/json_in.h"
#include "service/upload_media.h"
#include "service/verdict_json.h"
#include "tests/support/oom.h"

static const struct frame_hashes one_frame = {
    .looks = 1, .look[0] = {.quality = 90, .hash[ORIENT_AS_IS].w[0] = 0xabc}};

/* A still, not yet hashed. */
static struct medium medium_bare(void)
{
    struct medium m = {.data = bytes_of("abc", 3), .name = "a.png", .ms = -1};
    memcpy(m.found.type, "image/png", sizeof "image/png");
    m.found.width = 640;
    m.found.height = 480;
    m.found.frames = 1;
    m.usable = true;
    memset(m.sha256, 0x11, sizeof m.sha256);
    return m;
}

static void medium_clear_scoped(struct medium *medium)
{
    medium_clear(medium);
}

static struct medium medium_made(void)
{
    struct medium m = medium_bare();
    struct err err;
    assert_int_equal(frame_list_add(&m.kept, -1, 0, &one_frame, &err), RC_OK);
    return m;
}

static void add_match(struct judged *j, uint32_t bank, const char *name, enum action action,
                      unsigned distance, uint8_t id)
{
    size_t i = j->lookup.n++;
    j->lookup.matches[i] = (struct match){.bank = bank,
                                          .entry = id,
                                          .type = SIGNAL_PDQ,
                                          .orientation = ORIENT_ROT90,
                                          .look = LOOK_ON_BLACK,
                                          .distance = (uint16_t)distance,
                                          .ms = -1,
                                          .entry_ms = 2000};
    j->lookup.rules[i] = (struct bank_rule){.name = name, .action = action, .threshold = 31};
    j->entry[i].b[15] = id;
    j->lookup.total++;
}

static char *told(const struct judged *j, bool detail)
{
    SCOPED(json_free) json_t *json = verdict_json_item(j, detail);
    assert_non_null(json);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_non_null(text);
    return text;
}

#define BARE_HEAD                                                                                  \
    "{\"verdict\":\"block\",\"examined\":\"all\",\"media\":{\"type\":\"image/png\",\"bytes\":3,"   \
    "\"width\":640,\"height\":480,\"frames\":1},"

static void without_detail_tells_banks_once(void **state)
{
    (void)state;
    SCOPED(medium_clear) struct medium m = medium_made();
    struct judged j = {.media = &m, .n = 1, .usable = true, .verdict = VERDICT_BLOCK};
    add_match(&j, 4, "B", ACTION_BLOCK, 2, 1);
    add_match(&j, 4, "B", ACTION_BLOCK, 9, 2);
    add_match(&j, 2, "A", ACTION_BLOCK, 12, 3);
    add_match(&j, 3, "W", ACTION_OBSERVE, 0, 4);
    SCOPED(mem_free) char *text = told(&j, false);
    assert_string_equal(text, BARE_HEAD "\"matches\":[{\"bank\":\"A\",\"action\":\"block\"},"
                                        "{\"bank\":\"B\",\"action\":\"block\"},"
                                        "{\"bank\":\"W\",\"action\":\"observe\"}]}");
}

/* Hill climbing needs an answer that moves with the distance: none may. */
static void without_detail_nothing_moves_with_the_match(void **state)
{
    (void)state;
    SCOPED(medium_clear) struct medium m = medium_made();
    struct judged near = {.media = &m, .n = 1, .usable = true, .verdict = VERDICT_BLOCK};
    struct judged far = near;
    char label[] = "is-propaganda";

    add_match(&near, 1, "B", ACTION_BLOCK, 0, 9);
    add_match(&near, 0, "A", ACTION_BLOCK, 31, 7);
    near.labels[0] = (struct labels){.n = 1, .label = {label}};
    for (unsigned i = 0; i < 40; i++)
        add_match(&far, 0, "A", ACTION_BLOCK, i % 32, (uint8_t)i);
    add_match(&far, 1, "B", ACTION_BLOCK, 31, 99);
    far.lookup.matches[3].orientation = ORIENT_FLIPX;
    far.lookup.matches[3].type = SIGNAL_SHA256;
    far.lookup.rules[2].threshold = 60;

    SCOPED(mem_free) char *a = told(&near, false);
    SCOPED(mem_free) char *b = told(&far, false);
    assert_string_equal(a, b);
}

static void with_detail_tells_all(void **state)
{
    (void)state;
    SCOPED(medium_clear) struct medium m = medium_made();
    struct judged j = {.media = &m, .n = 1, .usable = true, .verdict = VERDICT_BLOCK};
    char label[] = "is-propaganda";
    add_match(&j, 4, "B", ACTION_BLOCK, 2, 1);
    add_match(&j, 4, "B", ACTION_BLOCK, 0, 2);
    j.labels[0] = (struct labels){.n = 1, .label = {label}};
    j.lookup.matches[1].type = SIGNAL_SHA256;
    j.lookup.matches[1].look = LOOK_PLAIN;
    j.lookup.matches[1].orientation = ORIENT_AS_IS;
    j.lookup.matches[1].entry_ms = -1;
    SCOPED(mem_free) char *text = told(&j, true);
    assert_string_equal(
        text,
        BARE_HEAD "\"signals\":[{\"type\":\"pdq\",\"value\":"
                  "\"0000000000000000000000000000000000000000000000000000000000000abc\","
                  "\"quality\":90,\"usable\":true},{\"type\":\"sha256\",\"value\":"
                  "\"1111111111111111111111111111111111111111111111111111111111111111\"}],"
                  "\"matches\":[{\"bank\":\"B\",\"action\":\"block\","
                  "\"entry\":\"00000000000000000000000001\",\"type\":\"pdq\",\"distance\":2,"
                  "\"threshold\":31,\"orientation\":\"rot90\",\"look\":\"on-black\",\"ms\":null,"
                  "\"entry_ms\":2000,\"labels\":[\"is-propaganda\"]},"
                  "{\"bank\":\"B\",\"action\":\"block\","
                  "\"entry\":\"00000000000000000000000002\",\"type\":\"sha256\",\"distance\":0,"
                  "\"threshold\":0,\"orientation\":\"as-is\",\"ms\":null,"
                  "\"entry_ms\":null,\"labels\":[]}]}");
}

static void tells_orientations_looks_and_digests(void **state)
{
    (void)state;
    SCOPED(medium_clear) struct medium m = medium_bare();
    struct frame_hashes frame = one_frame;
    struct err err;
    frame.looks = LOOKS;
    frame.look[LOOK_ON_WHITE].quality = 49;
    assert_int_equal(frame_list_add(&m.kept, 40, 0, &frame, &err), RC_OK);
    m.all_digests = true;
    m.ms = 40;
    SCOPED(json_free) json_t *all = verdict_json_signals(&m, 1, true);
    assert_int_equal(json_array_size(all), LOOKS * ORIENTATIONS + 3);
    const json_t *turned = json_array_get(all, ORIENT_ROT90);
    assert_string_equal(json_string_value(json_object_get(turned, "orientation")), "rot90");
    assert_null(json_object_get(turned, "look"));
    const json_t *white = json_array_get(all, ORIENTATIONS);
    assert_string_equal(json_string_value(json_object_get(white, "look")), "on-white");
    assert_true(json_is_false(json_object_get(white, "usable")));
    assert_int_equal(json_integer_value(json_object_get(white, "ms")), 40);
    const json_t *md5 = json_array_get(all, LOOKS * ORIENTATIONS + 2);
    assert_string_equal(json_string_value(json_object_get(md5, "type")), "md5");
    assert_int_equal(strlen(json_string_value(json_object_get(md5, "value"))), 32);
}

static void tells_of_clips(void **state)
{
    (void)state;
    SCOPED(medium_clear) struct medium m = medium_made();
    m.found.duration_ms = 9500;
    m.found.upright = ORIENT_ROT270;
    struct judged j = {.media = &m, .n = 1, .usable = true, .cut_short = true};
    add_match(&j, 4, "B", ACTION_BLOCK, 2, 1);
    j.lookup.matches[0].clip = true;
    j.lookup.matches[0].clip_found = 4;
    j.lookup.matches[0].clip_of = 22;
    j.lookup.matches[0].run = 3;
    j.lookup.matches[0].offset_ms = -1500;
    SCOPED(json_free) json_t *json = verdict_json_item(&j, true);
    assert_string_equal(json_string_value(json_object_get(json, "examined")), "part");
    const json_t *media = json_object_get(json, "media");
    assert_int_equal(json_integer_value(json_object_get(media, "duration_ms")), 9500);
    assert_string_equal(json_string_value(json_object_get(media, "upright")), "rot270");
    const json_t *match = json_array_get(json_object_get(json, "matches"), 0);
    SCOPED(mem_free) char *clip = json_dumps(json_object_get(match, "clip"), JSON_COMPACT);
    assert_string_equal(clip, "{\"found\":4,\"of\":22,\"run\":3,\"offset_ms\":-1500}");
}

static void looks_up_usable_pictures_only(void **state)
{
    (void)state;
    struct lookup_signal signals[FRAME_SIGNALS_MAX];
    struct frame_hashes frame = one_frame;
    assert_int_equal(frame_signals(&frame, -1, true, signals), ORIENTATIONS);
    assert_int_equal(frame_signals(&frame, -1, false, signals), 1);
    frame.look[0].quality = 49;
    assert_int_equal(frame_signals(&frame, -1, true, signals), 0);
    frame.looks = LOOKS;
    frame.look[LOOK_ON_BLACK].quality = 50;
    assert_int_equal(frame_signals(&frame, 7, true, signals), ORIENTATIONS);
    assert_int_equal(signals[7].look, LOOK_ON_BLACK);
    assert_int_equal(signals[7].orientation, ORIENT_FLIPMINUS1);
    assert_int_equal(signals[7].ms, 7);
    for (unsigned l = 0; l < LOOKS; l++)
        frame.look[l].quality = 100;
    assert_int_equal(frame_signals(&frame, 7, true, signals), FRAME_SIGNALS_MAX);
}

static void looks_up_the_digests_that_were_made(void **state)
{
    (void)state;
    struct lookup_signal signals[MEDIUM_DIGESTS_MAX];
    struct medium m = medium_bare();
    assert_int_equal(medium_digests(&m, signals), 1);
    assert_int_equal(signals[0].type, SIGNAL_SHA256);
    m.all_digests = true;
    assert_int_equal(medium_digests(&m, signals), MEDIUM_DIGESTS_MAX);
}

/* Two files, the second of which is unnamed. */
static struct request two_files(void)
{
    static const char body[] = "--x\r\n"
                               "Content-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n"
                               "X-Frame-Ms: 1500\r\n\r\n"
                               "one\r\n"
                               "--x\r\n"
                               "Content-Disposition: form-data; name=\"g\"\r\n\r\n"
                               "three\r\n"
                               "--x--\r\n";
    return (struct request){.content_type = "multipart/form-data; boundary=x",
                            .body = bytes_of(body, sizeof body - 1)};
}

static void takes_each_part_as_a_medium(void **state)
{
    (void)state;
    struct request rq = two_files();
    struct err err = {0};
    SCOPED(upload_clear) struct upload upload = {0};
    assert_int_equal(upload_take(&rq, &upload, &err), RC_OK);
    assert_int_equal(upload.n, 2);
    assert_string_equal(upload.medium[0].name, "a.png");
    assert_int_equal(upload.medium[0].ms, 1500);
    assert_memory_equal(upload.medium[0].data.p, "one", upload.medium[0].data.n);
    assert_string_equal(upload.medium[1].name, "g");
    assert_int_equal(upload.medium[1].ms, -1);
    assert_int_equal(upload.medium[1].data.n, 5);
}

static void refuses_nothing_at_all(void **state)
{
    (void)state;
    struct request raw = {0};
    struct upload upload = {0};
    struct err err = {0};
    assert_int_equal(upload_take(&raw, &upload, &err), RC_INPUT);
    assert_string_equal(err.msg, "the body is empty: send one medium, or multipart/form-data");
    assert_null(upload.medium);
}

static void takes_survive_every_failed_allocation(void **state)
{
    (void)state;
    struct request rq = two_files();
    for (unsigned nth = 1;; nth++) {
        SCOPED(upload_clear) struct upload upload = {0};
        struct err err;
        oom_arm(nth);
        enum rc rc = upload_take(&rq, &upload, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 2);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(upload.medium);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_detail_tells_banks_once),
        cmocka_unit_test(without_detail_nothing_moves_with_the_match),
        cmocka_unit_test(with_detail_tells_all),
        cmocka_unit_test(tells_orientations_looks_and_digests),
        cmocka_unit_test(looks_up_usable_pictures_only),
        cmocka_unit_test(looks_up_the_digests_that_were_made),
        cmocka_unit_test(tells_of_clips),
        cmocka_unit_test(takes_each_part_as_a_medium),
        cmocka_unit_test(refuses_nothing_at_all),
        cmocka_unit_test(takes_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
