/*
 * The service's configuration: one typed table of options (config.c) gives the file's keys, the
 * environment's names, ranges, defaults, --check-config and the man page's list.
 *
 * Order: flag, environment (HASHGATE_SECTION_KEY), file, default.  An unknown key or a bad value
 * is RC_INPUT with file, line and reason.
 */
#ifndef SERVICE_CONFIG_H
#define SERVICE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

struct config {
    /* [http] */
    char *listen;       /* comma separated: address:port, [::1]:port, unix:/path */
    char *address_file; /* "" for none */
    char *tls_certificate, *tls_key;
    bool plain_anywhere; /* plain = anywhere; default loopback */
    char *admin_socket;
    uint64_t max_upload, max_video_upload;
    uint64_t max_import;       /* body of an import */
    uint64_t max_json;         /* body of any JSON request but /v1/match's, which is max_upload */
    int64_t header_timeout_ms; /* first byte to end of headers */
    int64_t body_timeout_ms;   /* plus received bytes / min_rate */
    int64_t idle_timeout_ms;   /* keep-alive */
    uint64_t min_rate;         /* bytes a second a body must come in at */
    unsigned max_connections;
    unsigned queue;          /* requests waiting for one kind of worker thread; beyond: 503 */
    int64_t stop_timeout_ms; /* graceful stop */
    int64_t sync_limit_ms;   /* a clip's check that takes longer is answered with 202 */
    /* [store] */
    char *database;
    bool small_index;  /* "fast" or "small": index_keep_small() */
    char *snapshot;    /* "beside", "none" or a path: snapshot_path() */
    int64_t follow_ms; /* how often to look for others' changes */
    /* [hashing] */
    unsigned workers; /* 0 = processors */
    int64_t hashing_timeout_ms, hashing_cpu_ms;
    uint64_t max_pixels, max_work, memory;
    unsigned max_frames, max_jpeg_scans;
    int64_t max_duration_ms;
    char *worker_program; /* "" = beside hashgated */
    /* [video] */
    unsigned video_workers; /* 0 = processors */
    int64_t video_interval_ms;
    int64_t video_timeout_ms, video_cpu_ms;
    uint64_t video_memory;
    unsigned video_max_frames;
    int64_t video_max_duration_ms, video_preview_ms;
    char *video_worker_program; /* "" = beside hashgated */
    /* [check] */
    bool unusable_review;
    int64_t keep_ms; /* how long the answer to a long check is kept */
    /* [limits] */
    double rate, burst; /* 0 = none */
    /* [metrics] */
    char *metrics_listen;
    /* [log] */
    int log_level; /* enum log_level */
    bool log_json;
};

/* All defaults. */
MUST_CHECK enum rc config_new(struct config **ret, struct err *err);

/*
 * path NULL: /etc/hashgate/hashgated.conf, which may be absent; a named file must exist.  Ends
 * with config_check().
 */
MUST_CHECK enum rc config_load(const char *path, struct config **ret, struct err *err);
void config_free(struct config *config);
SCOPED_DEFINE(config_free, struct config *)

/* Do the settings fit together?  Call it again after a flag has changed one. */
MUST_CHECK enum rc config_check(const struct config *config, struct err *err);

/*
 * Reads INI text over what config holds (made by config_new()); name is for messages.  After a
 * failure some settings are read, so throw it away.
 */
MUST_CHECK enum rc config_parse(const char *text, const char *name, struct config *config,
                                struct err *err);

/* Every key with its value, default and meaning, as an INI file (--check-config prints it). */
void config_print(const struct config *config, FILE *out);

#endif
