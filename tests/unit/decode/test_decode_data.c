/*
 * Do real pictures hash as PDQ's other programs hash them, and does every odd, corrupt and
 * oversized file get the answer that it must?
 */
#include "tests/unit/decode/fixture.h"

#include <stdio.h>
#include <unistd.h>

#include "hashing/pdq.h"

enum { COLUMNS = 17, QUALITY = 80, TOLERANCE = 2 };

/* A service's limits: bombs have to end. */
static const struct decode_limits as_served = {.max_pixels = 50000000,
                                               .max_work = 250000000,
                                               .max_frames = 1000,
                                               .max_duration_ms = 3600000,
                                               .max_jpeg_scans = 100};

static struct frame_hasher *hasher;

/* One line of a manifest, cut at its commas; columns behind the last hold the rest. */
struct row {
    char line[4096];
    const char *column[COLUMNS];
};

static bool next_row(FILE *csv, struct row *row)
{
    if (fgets(row->line, sizeof row->line, csv) == NULL)
        return false;
    row->line[strcspn(row->line, "\r\n")] = '\0';
    char *rest = row->line;
    for (size_t i = 0; i < COLUMNS; i++) {
        row->column[i] = rest;
        char *comma = strchr(rest, ',');
        if (comma != NULL)
            *comma = '\0';
        rest = comma != NULL ? comma + 1 : rest + strlen(rest);
    }
    return true;
}

/* Opens a manifest behind its heading. */
static FILE *open_manifest(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, SHARED_DATA "/%s/manifest.csv", folder);
    FILE *csv = fopen(path, "r");
    assert_non_null(csv);
    struct row heading;
    assert_true(next_row(csv, &heading));
    assert_string_equal(heading.column[0], "file");
    return csv;
}

static struct file read_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, SHARED_DATA "/%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    struct file f = {0};
    char part[1 << 16];
    size_t n;
    file_append(&f, "", 0);
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        file_append(&f, part, n);
    fclose(in);
    return f;
}

static bool is_decoded_format(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcmp(dot, ".jpg") == 0 || strcmp(dot, ".png") == 0);
}

static void expect_hash(const char *folder, const char *name, const char *hex)
{
    struct pdq_hash want;
    assert_true(pdq_parse_hex(hex, strlen(hex), &want));
    SCOPED(file_free) struct file f = read_file(folder, name);
    struct outcome o = outcome_of(hasher, file_bytes(&f), ample);
    unsigned distance =
        o.rc == RC_OK ? pdq_distance(&o.hashes.look[LOOK_PLAIN].hash[ORIENT_AS_IS], &want) : 256;
    if (distance > TOLERANCE)
        fail_msg("%s/%s: %s, distance %u", folder, name, rc_name(o.rc), distance);
}

static void photographs_hash_as_listed(void **state)
{
    (void)state;
    enum { FILE_NAME, PDQ = 5, PDQ_QUALITY };
    FILE *csv = open_manifest("photos");
    struct row row;
    int n = 0;
    while (next_row(csv, &row))
        if (atoi(row.column[PDQ_QUALITY]) >= QUALITY) {
            expect_hash("photos", row.column[FILE_NAME], row.column[PDQ]);
            n++;
        }
    fclose(csv);
    assert_true(n >= 30);
}

/* Of the colour modes, those that the listed program gets wrong must hash as the RGB picture. */
static void sample_pictures_hash_as_listed(void **state)
{
    (void)state;
    enum { FILE_NAME, HMA_HASH = 15, HMA_QUALITY };
    char rgb[PDQ_HEX + 1] = "";
    struct row row;
    FILE *csv = open_manifest("pdq");
    while (next_row(csv, &row))
        if (strcmp(row.column[FILE_NAME], "modes/RGB.jpg") == 0)
            snprintf(rgb, sizeof rgb, "%s", row.column[HMA_HASH]);
    fclose(csv);

    csv = open_manifest("pdq");
    int n = 0;
    while (next_row(csv, &row)) {
        bool mode = strncmp(row.column[FILE_NAME], "modes/", 6) == 0;
        if (!is_decoded_format(row.column[FILE_NAME]) ||
            (!mode && atoi(row.column[HMA_QUALITY]) < QUALITY))
            continue;
        expect_hash("pdq", row.column[FILE_NAME], mode ? rgb : row.column[HMA_HASH]);
        n++;
    }
    fclose(csv);
    assert_true(n >= 25);
}

/* The other program's formats: this one only says so. */
static bool is_elsewhere(const char *format)
{
    static const char *const formats[] = {"mp4", "webm", "heif"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(format, formats[i]) == 0)
            return true;
    return false;
}

/* Whether the answer to a hostile file is the one that its manifest asks for. */
static bool is_right(const struct outcome *o, const char *format, const char *expect)
{
    if (o->rc == RC_OK && o->frames == 0)
        return is_elsewhere(format) || strcmp(expect, "hash") != 0;
    if (strcmp(expect, "hash") == 0)
        return o->rc == RC_OK;
    bool refused = o->rc == RC_UNDECODABLE || o->rc == RC_LIMIT || o->rc == RC_NOT_MEDIA;
    return refused || (o->rc == RC_OK && strcmp(expect, "hash-or-4xx") == 0);
}

/* Answers by format and by what was asked for. */
struct tally {
    char name[64];
    unsigned hashed, refused, elsewhere;
};

static void count(struct tally *tallies, size_t n, const struct outcome *o, const char *format,
                  const char *expect)
{
    char name[64];
    snprintf(name, sizeof name, "%s %s", format, expect);
    for (size_t i = 0; i < n; i++) {
        if (tallies[i].name[0] != '\0' && strcmp(tallies[i].name, name) != 0)
            continue;
        snprintf(tallies[i].name, sizeof tallies[i].name, "%s", name);
        tallies[i].refused += o->rc != RC_OK;
        tallies[i].elsewhere += o->rc == RC_OK && o->frames == 0;
        tallies[i].hashed += o->rc == RC_OK && o->frames > 0;
        return;
    }
}

static void hostile_files_get_the_answer_they_must(void **state)
{
    (void)state;
    enum { FILE_NAME, EXPECT = 3, FORMAT };
    FILE *csv = open_manifest("hostile");
    struct row row;
    unsigned files = 0;
    unsigned wrong = 0;
    unsigned answers[RC_COUNT] = {0};
    static struct tally tallies[64];
    while (next_row(csv, &row)) {
        SCOPED(file_free) struct file f = read_file("hostile", row.column[FILE_NAME]);
        struct outcome o = outcome_of(hasher, file_bytes(&f), as_served);
        files++;
        answers[o.rc]++;
        count(tallies, 64, &o, row.column[FORMAT], row.column[EXPECT]);
        if (!is_right(&o, row.column[FORMAT], row.column[EXPECT])) {
            print_error("%s: wanted %s, got %s: %s\n", row.column[FILE_NAME], row.column[EXPECT],
                        rc_name(o.rc), o.err.msg);
            wrong++;
        }
    }
    fclose(csv);
    printf("%u files: %u hashed, %u undecodable, %u over a limit, %u not media\n", files,
           answers[RC_OK], answers[RC_UNDECODABLE], answers[RC_LIMIT], answers[RC_NOT_MEDIA]);
    for (size_t i = 0; i < 64 && tallies[i].name[0] != '\0'; i++)
        printf("%-24s %4u hashed, %4u refused, %4u elsewhere\n", tallies[i].name, tallies[i].hashed,
               tallies[i].refused, tallies[i].elsewhere);
    assert_true(files > 2000);
    assert_true(answers[RC_OK] > 800);
    assert_int_equal(wrong, 0);
}

/* One picture, stored in eight ways in three formats. */
static void pictures_with_an_orientation_agree_when_upright(void **state)
{
    (void)state;
    enum { NEAR = 4 };
    static const char *const types[] = {"jpg", "png", "webp"};
    struct pdq_hash upright[24];
    size_t n = 0;
    for (size_t t = 0; t < 3; t++)
        for (unsigned exif = 1; exif <= 8; exif++) {
            char name[64];
            snprintf(name, sizeof name, "gen/orient/exif-%u.%s", exif, types[t]);
            SCOPED(file_free) struct file f = read_file("hostile", name);
            struct outcome o = outcome_of(hasher, file_bytes(&f), ample);
            assert_int_equal(o.rc, RC_OK);
            assert_true((exif == 1) == (o.info.upright == ORIENT_AS_IS));
            upright[n++] = o.hashes.look[LOOK_PLAIN].hash[o.info.upright];
        }
    unsigned farthest = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++) {
            unsigned distance = pdq_distance(&upright[i], &upright[k]);
            farthest = distance > farthest ? distance : farthest;
        }
    printf("%zu pictures, at most %u bits apart\n", n, farthest);
    assert_in_range(farthest, 0, NEAR);

    SCOPED(file_free) struct file two = read_file("hostile", "gen/orient/exif-two-segments.jpg");
    struct outcome o = outcome_of(hasher, file_bytes(&two), ample);
    assert_int_equal(o.info.upright, ORIENT_ROT270); /* the first counts */
}

int main(void)
{
    if (access(SHARED_DATA "/README.md", R_OK) != 0) {
        puts("skipped: no ../shared/data");
        return 77;
    }
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    if (frame_hasher_new(true, &hasher, NULL) != RC_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photographs_hash_as_listed),
        cmocka_unit_test(sample_pictures_hash_as_listed),
        cmocka_unit_test(pictures_with_an_orientation_agree_when_upright),
        cmocka_unit_test(hostile_files_get_the_answer_they_must),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    frame_hasher_free(hasher);
    return failed;
}
