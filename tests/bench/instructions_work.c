/*
 * The small fixed works whose instructions tests/bench/instructions counts.  Each prepares what it
 * needs, then calls measured_work() once: only what is executed within it counts.
 *
 *     instructions_work NAME     does one; 77 when this processor has not the kernels that count
 *     instructions_work list     their names
 */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/digests.h"
#include "hashing/base/text.h"
#include "hashing/decode/decode.h"
#include "hashing/ham.h"
#include "hashing/sift.h"
#include "service/json_in.h"
#include "service/multipart.h"
#include "tests/bench/made_jpeg.h"
#include "tests/bench/made_list.h"

enum {
    WIDTH = 640,
    HEIGHT = 480,
    LISTED = 50000,
    SEARCHES = 2000,
    SEARCHES_IN_A_CALL = 200,
    DIGESTS = 50000,
    FINDS = 20000,
    MEDIA = 1000,
    PARTS = 32,
    PART_SIZE = 20000,
    SKIPPED = 77
};

static const char kernels[] = "avx2"; /* valgrind knows no AVX-512, wherever it runs */

/* What is measured, and what it is given. */
typedef void work(void *ctx);

/* By its name callgrind finds it: not to be inlined, and in no other way called. */
__attribute__((noinline)) void measured_work(work *run, void *ctx);
void measured_work(work *run, void *ctx)
{
    run(ctx);
    __asm__ volatile("" ::: "memory"); /* no tail call: the counting ends when this returns */
}

/* --- a picture's hash, eight orientations --- */

static enum rc on_frame(void *ctx, const struct frame_hashes *hashes,
                        const struct frame_place *place, struct err *err)
{
    (void)ctx, (void)hashes, (void)place, (void)err;
    return RC_OK;
}

static void hash(void *ctx)
{
    const struct bytes *file = ctx;
    const struct decode_limits limits = {.max_pixels = UINT32_MAX,
                                         .max_work = UINT64_MAX,
                                         .max_frames = 1,
                                         .max_duration_ms = 1,
                                         .max_jpeg_scans = 100};
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info;
    struct err err;
    bench_must(frame_hasher_new(true, &hasher, &err), &err);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = on_frame};
    bench_must(decode_medium(picture_decoders, *file, &limits, &sink, &info, &err), &err);
}

static void hash_jpeg(void)
{
    struct bytes file = made_jpeg(WIDTH, HEIGHT);
    measured_work(hash, &file);
    free((void *)file.p);
}

/* Shades with a little noise: what PNG's filters are for. */
static void hash_png(void)
{
    SCOPED(mem_free) uint8_t *rgb = malloc(3 * WIDTH * HEIGHT);
    SCOPED(mem_free) uint8_t *file = NULL;
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = PNG_FORMAT_RGB};
    struct rnd r = {.state = 1};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);

    if (rgb == NULL || (file = malloc(size)) == NULL)
        bench_die("PNG", "no memory");
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        for (unsigned c = 0; c < 3; c++)
            rgb[3 * i + c] =
                (uint8_t)(i % WIDTH / 4 + i / WIDTH / (c + 2) + rnd_below(&r, 3) * (i / 64 % 5));
    if (!png_image_write_to_memory(&image, file, &size, 0, rgb, 0, NULL))
        bench_die("PNG", image.message);
    struct bytes bytes = bytes_of(file, size);
    measured_work(hash, &bytes);
}

/* --- the list --- */

struct searches {
    struct made_list list;
    struct pdq_hash query[SEARCHES];
    uint64_t hits;
};

static bool count(void *ctx, const struct index_hit *hit)
{
    (void)hit;
    ++*(uint64_t *)ctx;
    return true;
}

static void search(void *ctx)
{
    struct searches *s = ctx;
    struct made_rule rule;
    made_rule(&rule, PDQ_THRESHOLD, 0);
    for (unsigned i = 0; i < SEARCHES; i += SEARCHES_IN_A_CALL)
        index_search(s->list.index, &s->query[i], SEARCHES_IN_A_CALL, &rule.rule, count, &s->hits);
}

static void search_index(void)
{
    static struct searches s;
    static const uint64_t seed = 1;
    struct rnd r = {.state = 2};
    made_list_new(&s.list, LISTED, made_random, &seed, 0);
    made_queries(&s.list, &r, s.query, SEARCHES);
    measured_work(search, &s);
    if (s.hits < SEARCHES / 2)
        bench_die("index", "did not find what is listed");
    made_list_free(&s.list);
}

static void digest_value(uint64_t number, uint8_t ret[32])
{
    static const uint64_t seed = 3;
    struct pdq_hash h = made_random(&seed, number);
    memcpy(ret, &h, sizeof h);
}

static void find(void *ctx)
{
    const struct digests *digests = ctx;
    struct made_rule rule;
    uint64_t found = 0;
    made_rule(&rule, PDQ_THRESHOLD, 0);
    for (uint64_t i = 0; i < FINDS; i++) {
        uint8_t v[32];
        digest_value(i * 5, v); /* the first half is listed */
        digests_find(digests, DIGEST_SHA256, v, &rule.rule, count, &found);
    }
    if (found != DIGESTS / 5)
        bench_die("digests", "did not find what is listed");
}

static void find_digests(void)
{
    SCOPED(digests_free) struct digests *digests = NULL;
    SCOPED(mem_free) struct digest_item *items = calloc(DIGESTS, sizeof *items);
    struct err err;
    if (items == NULL)
        bench_die("digests", "no memory");
    for (uint64_t i = 0; i < DIGESTS; i++) {
        items[i] = (struct digest_item){.type = DIGEST_SHA256, .entry = i, .generation = i + 1};
        digest_value(i, items[i].value);
    }
    bench_must(digests_new(&digests, &err), &err);
    bench_must(digests_add(digests, items, DIGESTS, &err), &err);
    measured_work(find, digests);
}

/* --- bodies --- */

/* As /v1/match reads it. */
static void read_match(void *ctx)
{
    static const char *const fields[] = {"id", "signals", NULL};
    const struct bytes *body = ctx;
    SCOPED(json_free) json_t *object = NULL;
    struct signal signal;
    struct err err;

    bench_must(json_in_object(*body, &object, &err), &err);
    const json_t *media = json_object_get(object, "media");
    if (json_array_size(media) != MEDIA)
        bench_die("body", "lost a medium");
    for (size_t i = 0; i < MEDIA; i++) {
        const json_t *one = json_array_get(media, i);
        const char *id = NULL;
        bench_must(json_in_only(one, fields, "media[0]", &err), &err);
        bench_must(json_in_text(one, "id", "media[0]", false, 0, &id, &err), &err);
        bench_must(json_in_signal(json_array_get(json_object_get(one, "signals"), 0),
                                  "media[0].signals[0]", &signal, &err),
                   &err);
    }
}

static void match_body(void)
{
    static const uint64_t seed = 4;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        bench_die("body", "no memory");
    fputs("{\"media\":[", out);
    for (unsigned i = 0; i < MEDIA; i++) {
        struct pdq_hash h = made_random(&seed, i);
        char hex[PDQ_HEX + 1];
        pdq_hex(&h, hex);
        fprintf(out,
                "%s{\"id\":\"upload-%06u\",\"signals\":[{\"type\":\"pdq\",\"value\":\"%s\","
                "\"quality\":100}]}",
                i > 0 ? "," : "", i, hex);
    }
    fputs("]}", out);
    fclose(out);
    json_object_seed(1); /* else another order of members in each run */
    struct bytes body = bytes_of(text, size);
    measured_work(read_match, &body);
    free(text);
}

static void read_parts(void *ctx)
{
    static struct multipart parts;
    const struct bytes *body = ctx;
    struct err err;
    bench_must(multipart_parse("multipart/form-data; boundary=b0undary", *body, &parts, &err),
               &err);
    if (parts.n != PARTS)
        bench_die("multipart", "lost a part");
}

static void multipart_body(void)
{
    struct rnd r = {.state = 5};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        bench_die("body", "no memory");
    for (unsigned i = 0; i < PARTS; i++) {
        fprintf(out,
                "--b0undary\r\nContent-Disposition: form-data; name=\"media\"; "
                "filename=\"%u.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n",
                i);
        for (unsigned k = 0; k < PART_SIZE; k++)
            fputc((int)(rnd_next(&r) >> 56), out);
        fputs("\r\n", out);
    }
    fputs("--b0undary--\r\n", out);
    fclose(out);
    struct bytes body = bytes_of(text, size);
    measured_work(read_parts, &body);
    free(text);
}

static const struct {
    const char *name;
    void (*run)(void);
} works[] = {
    {"hash-jpeg", hash_jpeg},       {"hash-png", hash_png},     {"search-index", search_index},
    {"find-digests", find_digests}, {"match-body", match_body}, {"multipart-body", multipart_body},
};

static bool choose_kernels(void)
{
    const char *disagreed;
    frame_hasher_self_test(&disagreed);
    ham_self_test(&disagreed);
    sift_self_test(&disagreed);
    if (frame_hasher_use(kernels) && ham_use(kernels))
        return true;
    printf("this processor has no kernels %s\n", kernels);
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        bench_die("usage", "instructions_work NAME|list");
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(argv[1], "list") == 0) {
            puts(works[i].name);
        } else if (strcmp(argv[1], works[i].name) == 0) {
            if (!choose_kernels())
                return SKIPPED;
            works[i].run();
            return 0;
        }
    }
    if (strcmp(argv[1], "list") != 0)
        bench_die(argv[1], "is no such work");
    return 0;
}
