#include "service/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hashing/base/clock.h"
#include "hashing/base/text.h"

/*
 * A line fits PIPE_BUF (4096 on Linux), so that lines of several threads and processes never mix
 * in a pipe: JSON's escapes may double what text_printable() made.
 */
enum { DETAIL_MAX = 1600, EVENT_MAX = 128, LINE_MAX_BYTES = 4096 };

static atomic_int max_level = LOG_INFO;
static atomic_bool as_json;
static atomic_bool to_journal;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* $JOURNAL_STREAM names the journal's socket; standard error may have been sent elsewhere since. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)device &&
           st.st_ino == (ino_t)inode;
}

void log_setup(enum log_level max, bool json)
{
    atomic_store(&max_level, (int)max);
    atomic_store(&as_json, json);
    atomic_store(&to_journal, stderr_is_journal());
}

bool log_level_parse(const char *s, enum log_level *ret)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++)
        if (strcmp(level_names[i], s) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    return false;
}

/* Quotes and backslashes are all that is left to escape in printable text. */
static void json_escape(const char *s, char *out, size_t size)
{
    size_t made = 0;
    for (; *s != '\0' && made + 3 <= size; s++) {
        if (*s == '"' || *s == '\\')
            out[made++] = '\\';
        out[made++] = *s;
    }
    out[made] = '\0';
}

static int format_text(char out[LINE_MAX_BYTES], enum log_level level, const char *time,
                       const char *event, const char *detail)
{
    static const int syslog_priority[] = {3, 4, 6, 7};
    char prefix[8] = "";
    if (atomic_load(&to_journal))
        snprintf(prefix, sizeof prefix, "<%d>", syslog_priority[level]);
    return snprintf(out, LINE_MAX_BYTES, "%s%s %s %s%s%s\n", prefix, time, level_names[level],
                    event, detail[0] != '\0' ? ": " : "", detail);
}

static int format_json(char out[LINE_MAX_BYTES], enum log_level level, const char *time,
                       const char *event, const char *detail)
{
    char event_json[2 * EVENT_MAX], detail_json[2 * DETAIL_MAX];
    json_escape(event, event_json, sizeof event_json);
    json_escape(detail, detail_json, sizeof detail_json);
    return snprintf(out, LINE_MAX_BYTES,
                    "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"detail\":\"%s\"}\n", time,
                    level_names[level], event_json, detail_json);
}

static void write_line(enum log_level level, const char *event, const char *detail)
{
    char time[TEXT_TIME_SIZE], line[LINE_MAX_BYTES];
    char event_safe[EVENT_MAX], detail_safe[DETAIL_MAX];
    text_time(clock_wall_ms(), time);
    text_printable(event, strlen(event), event_safe, sizeof event_safe);
    text_printable(detail, strlen(detail), detail_safe, sizeof detail_safe);

    int n = atomic_load(&as_json) ? format_json(line, level, time, event_safe, detail_safe)
                                  : format_text(line, level, time, event_safe, detail_safe);
    /* A log that cannot be written has nowhere to complain; the service goes on. */
    while (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0 && errno == EINTR)
        continue;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    if ((int)level > atomic_load(&max_level))
        return;
    int saved = errno;
    char detail[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    if (vsnprintf(detail, sizeof detail, format, args) < 0)
        detail[0] = '\0';
    va_end(args);
    write_line(level, event, detail);
    errno = saved;
}

void log_err(enum log_level level, const char *event, const struct err *err)
{
    log_line(level, event, "%s: %s (%s)", rc_name(err->rc), err->msg,
             err->at != NULL ? err->at : "?");
}
