/*
 * The codecs under libheif: HEVC and AV1 by libavcodec, in the one thread that there is.
 *
 * The decoders that libheif brings start threads whatever they are told (libde265 one for each
 * picture, dav1d one for each processor), and a thread is what the sandbox kills for.  These take
 * their place as plugins.  They also hold what libheif does not pass down to a codec: strictness,
 * for tiles and alpha planes too, and a limit to what is decoded.
 */
#ifndef HASHING_DECODE_DECODE_HEIF_CODEC_H
#define HASHING_DECODE_DECODE_HEIF_CODEC_H

#include "hashing/decode/decode.h"

/* One file's decode: libheif hands its plugins no context. */
struct heif_codec_job {
    const struct decode_limits *limits;
    const char *name; /* "HEIC", how messages call it */
    uint64_t work;    /* pixels decoded so far */
    enum rc rc;       /* why a codec failed, and *err says it in words; RC_OK: none did */
    struct err *err;
};

/* Makes job the one that libheif's decodes are for, until another is made it; NULL: none. */
void heif_codec_work_for(struct heif_codec_job *job);

#endif
