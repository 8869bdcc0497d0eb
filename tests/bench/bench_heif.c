/*
 * Measures: the hash of a HEIC or AVIF picture in process, as the worker makes it.
 * Against: libheif's decode of the same bytes to planar RGB with the same codecs in the same one
 * thread: the least that anyone who reads full pixels has to do.
 *
 *     bench_heif ROUNDS FILE…    a row for each file
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include <libheif/heif.h>

#include "hashing/base/scoped.h"
#include "hashing/decode/decode_heif_codec.h"
#include "hashing/decode/video_decoders.h"
#include "tests/bench/bench.h"

static const struct decode_limits limits = {
    .max_pixels = UINT32_MAX, .max_work = UINT64_MAX, .max_frames = 16};

static enum rc on_frame(void *ctx, const struct frame_hashes *hashes,
                        const struct frame_place *place, struct err *err)
{
    (void)ctx, (void)hashes, (void)place, (void)err;
    return RC_OK;
}

static void hash(void *ctx)
{
    const struct bytes *file = ctx;
    SCOPED(frame_hasher_free) struct frame_hasher *hasher = NULL;
    struct medium_info info;
    struct err err;
    bench_must(frame_hasher_new(true, &hasher, &err), &err);
    const struct frame_sink sink = {.hasher = hasher, .on_frame = on_frame};
    bench_must(decode_medium(video_decoders, *file, &limits, &sink, &info, &err), &err);
}

static void must(struct heif_error e)
{
    if (e.code != heif_error_Ok)
        bench_die("libheif", e.message);
}

static void decode_alone(void *ctx)
{
    const struct bytes *file = ctx;
    struct err err;
    struct heif_codec_job job = {.limits = &limits, .name = "bench", .err = &err};
    struct heif_image_handle *handle;
    struct heif_image *image;
    heif_codec_work_for(&job);
    struct heif_context *heif = heif_context_alloc();
    heif_context_set_max_decoding_threads(heif, 0);
    must(heif_context_read_from_memory_without_copy(heif, file->p, file->n, NULL));
    must(heif_context_get_primary_image_handle(heif, &handle));
    must(heif_decode_image(handle, &image, heif_colorspace_RGB, heif_chroma_444, NULL));
    heif_image_release(image);
    heif_image_handle_release(handle);
    heif_context_free(heif);
    heif_codec_work_for(NULL);
}

int main(int argc, char **argv)
{
    const char *disagreed;
    (void)frame_hasher_self_test(&disagreed);
    for (int i = 2; i < argc; i++) {
        char row[128];
        struct bytes file = bench_read_file(argv[i]);
        snprintf(row, sizeof row, "hash of %s, 8 orientations", basename(argv[i]));
        const struct bench_pair pair = {.row = row,
                                        .peer_is = "libheif RGB decode, one thread",
                                        .aim = "<= 1.3",
                                        .ours = hash,
                                        .peer = decode_alone,
                                        .ctx = &file,
                                        .repeat = 3};
        bench_pair(&pair, bench_number(argv[1], BENCH_ROUNDS_MAX));
        free((void *)(uintptr_t)file.p);
    }
    return 0;
}
