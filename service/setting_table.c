#include "service/setting.h"

#define KIB 1024ll
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define MILLISECONDS 1ll
#define SECONDS      (1000 * MILLISECONDS)
#define MINUTES      (60 * SECONDS)
#define HOURS        (60 * MINUTES)
#define DAYS         (24 * HOURS)

static const char *const plain_words[] = {"loopback", "anywhere", NULL};
static const char *const index_words[] = {"fast", "small", NULL};
static const char *const unusable_words[] = {"allow", "review", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};
static const char *const format_words[] = {"text", "json", NULL};

#define AT(member) offsetof(struct config, member)

/* section, key, type, member, default, least, most, words, help */
const struct setting settings[] = {
    {"http", "listen", SETTING_TEXT, AT(listen), "127.0.0.1:8480", 0, 0, NULL,
     "Where to listen, comma separated: address:port, [::1]:port, unix:/path; port 0 picks one"},
    {"http", "address_file", SETTING_TEXT, AT(address_file), "", 0, 0, NULL,
     "File that gets the addresses once the service listens, one a line"},
    {"http", "tls_certificate", SETTING_TEXT, AT(tls_certificate), "", 0, 0, NULL,
     "PEM file with the certificate chain; goes with tls_key"},
    {"http", "tls_key", SETTING_TEXT, AT(tls_key), "", 0, 0, NULL,
     "PEM file with the certificate's private key"},
    {"http", "plain", SETTING_SWITCH, AT(plain_anywhere), "loopback", 0, 0, plain_words,
     "Where plain HTTP may listen: loopback, or anywhere (behind a TLS proxy)"},
    {"http", "admin_socket", SETTING_TEXT, AT(admin_socket), "", 0, 0, NULL,
     "Path of a unix socket of mode 0600 on which every caller is admin"},
    {"http", "max_upload", SETTING_SIZE, AT(max_upload), "32MiB", KIB, 16 * GIB, NULL,
     "Largest body that is a picture or a list of signals; larger: 413"},
    {"http", "max_video_upload", SETTING_SIZE, AT(max_video_upload), "512MiB", KIB, 16 * GIB, NULL,
     "Largest body that is a clip; larger: 413"},
    {"http", "max_import", SETTING_SIZE, AT(max_import), "256MiB", KIB, 16 * GIB, NULL,
     "Largest body of an import; larger: 413"},
    {"http", "max_json", SETTING_SIZE, AT(max_json), "1MiB", KIB, GIB, NULL,
     "Largest JSON body of any other request; larger: 413"},
    {"http", "header_timeout", SETTING_DURATION, AT(header_timeout_ms), "10s", 10 * MILLISECONDS,
     10 * MINUTES, NULL, "Time for a request's headers, from first byte to last"},
    {"http", "body_timeout", SETTING_DURATION, AT(body_timeout_ms), "20s", 10 * MILLISECONDS, HOURS,
     NULL, "Time for a request's body, besides what it may take at min_rate"},
    {"http", "min_rate", SETTING_SIZE, AT(min_rate), "32KiB", 1, GIB, NULL,
     "Bytes a second at which a body must come in, once body_timeout is used up"},
    {"http", "idle_timeout", SETTING_DURATION, AT(idle_timeout_ms), "30s", 10 * MILLISECONDS, HOURS,
     NULL, "Time that a connection may stay open between two requests"},
    {"http", "max_connections", SETTING_NUMBER, AT(max_connections), "4096", 1, 65535, NULL,
     "Connections open at once"},
    {"http", "queue", SETTING_NUMBER, AT(queue), "256", 1, 65535, NULL,
     "Requests that may wait for one kind of worker thread; beyond: 503"},
    {"http", "stop_timeout", SETTING_DURATION, AT(stop_timeout_ms), "25s", 0, HOURS, NULL,
     "Time for the requests under way when the service is told to stop"},
    {"http", "sync_limit", SETTING_DURATION, AT(sync_limit_ms), "10s", 0, HOURS, NULL,
     "A check of a clip that takes longer is answered with 202 and goes on"},

    {"store", "database", SETTING_TEXT, AT(database), "sqlite:/var/lib/hashgate/hashgate.db", 0, 0,
     NULL, "The database, made by hashgated init: sqlite:/path"},
    {"store", "snapshot", SETTING_TEXT, AT(snapshot), "beside", 0, 0, NULL,
     "File for a quick start, written now and then: beside (the database's path and .snapshot), "
     "none or a path"},
    {"store", "index", SETTING_SWITCH, AT(small_index), "fast", 0, 0, index_words,
     "Memory of the index for each hash: fast (154 bytes) or small (122)"},
    {"store", "follow", SETTING_DURATION, AT(follow_ms), "1s", 10 * MILLISECONDS, HOURS, NULL,
     "How often to look for changes that other programs made to the database"},

    {"hashing", "workers", SETTING_NUMBER, AT(workers), "0", 0, 256, NULL,
     "Sandboxed decoder processes; 0: as many as there are processors"},
    {"hashing", "timeout", SETTING_DURATION, AT(hashing_timeout_ms), "20s", 10 * MILLISECONDS,
     HOURS, NULL, "Time for one medium in one worker"},
    {"hashing", "cpu_limit", SETTING_DURATION, AT(hashing_cpu_ms), "20s", SECONDS, HOURS, NULL,
     "Processor time for one medium in one worker"},
    {"hashing", "max_pixels", SETTING_COUNT, AT(max_pixels), "100M", 1, 4000000000, NULL,
     "Pixels of one picture, or of one frame of a clip; more: 422 media-limit"},
    {"hashing", "max_frames", SETTING_NUMBER, AT(max_frames), "5000", 1, 1 << 24, NULL,
     "Frames of one animation, pictures of one file; more: 422 media-limit"},
    {"hashing", "max_work", SETTING_COUNT, AT(max_work), "4G", 1, 1ll << 50, NULL,
     "Pixels of all frames of one animation together; more: 422 media-limit"},
    {"hashing", "max_duration", SETTING_DURATION, AT(max_duration_ms), "1h", SECONDS, 365 * DAYS,
     NULL, "Length of one animation; longer: 422 media-limit"},
    {"hashing", "max_jpeg_scans", SETTING_NUMBER, AT(max_jpeg_scans), "100", 1, 65535, NULL,
     "Progressive scans of one JPEG; more: 422 media-limit"},
    {"hashing", "memory", SETTING_SIZE, AT(memory), "1GiB", 16 * MIB, 1024 * GIB, NULL,
     "Address space of one worker"},
    {"hashing", "worker_program", SETTING_TEXT, AT(worker_program), "", 0, 0, NULL,
     "Path of hashgate-worker; empty: beside hashgated, or where the package puts it"},

    {"video", "workers", SETTING_NUMBER, AT(video_workers), "0", 0, 256, NULL,
     "Clips that are decoded at a time; 0: as many as there are processors"},
    {"video", "interval", SETTING_DURATION, AT(video_interval_ms), "1s", 0, HOURS, NULL,
     "Time between two listed frames of a clip, beside cuts and key frames; 0s: every frame"},
    {"video", "timeout", SETTING_DURATION, AT(video_timeout_ms), "10m", 10 * MILLISECONDS,
     24 * HOURS, NULL, "Time for one clip in one worker"},
    {"video", "cpu_limit", SETTING_DURATION, AT(video_cpu_ms), "10m", SECONDS, 24 * HOURS, NULL,
     "Processor time for one clip in one worker"},
    {"video", "memory", SETTING_SIZE, AT(video_memory), "2GiB", 256 * MIB, 1024 * GIB, NULL,
     "Address space of one worker for clips"},
    {"video", "max_frames", SETTING_NUMBER, AT(video_max_frames), "1000000", 1, 1 << 24, NULL,
     "Frames of one clip; more: 422 media-limit"},
    {"video", "max_duration", SETTING_DURATION, AT(video_max_duration_ms), "6h", SECONDS,
     365 * DAYS, NULL, "Length of one clip; longer: 422 media-limit"},
    {"video", "preview_after", SETTING_DURATION, AT(video_preview_ms), "10s", 0, 24 * HOURS, NULL,
     "Longer clips have their key frames looked at first; 0s: none has"},
    {"video", "worker_program", SETTING_TEXT, AT(video_worker_program), "", 0, 0, NULL,
     "Path of hashgate-worker-video; empty: beside hashgated, or where the package puts it"},

    {"check", "unusable", SETTING_SWITCH, AT(unusable_review), "allow", 0, 0, unusable_words,
     "Verdict of a picture too flat to hash when its digests match nothing: allow or review"},
    {"check", "keep", SETTING_DURATION, AT(keep_ms), "30d", MINUTES, 3650 * DAYS, NULL,
     "How long the answer to a check that was answered with 202 can be asked for"},

    {"limits", "rate", SETTING_RATE, AT(rate), "none", 0, 1000000000, NULL,
     "Requests a second for one key that has no rate of its own; over it: 429"},
    {"limits", "burst", SETTING_RATE, AT(burst), "none", 0, 1000000000, NULL,
     "Requests that such a key may save up; none: those of one second"},

    {"metrics", "listen", SETTING_TEXT, AT(metrics_listen), "", 0, 0, NULL,
     "A listener of its own for /metrics, in the form of [http] listen; it asks for no key"},

    {"log", "level", SETTING_WORD, AT(log_level), "info", 0, 0, level_words,
     "What to log: error, warning, info or debug"},
    {"log", "format", SETTING_SWITCH, AT(log_json), "text", 0, 0, format_words,
     "How to log to standard error: text, or json (one object a line)"},
    {.section = NULL},
};
