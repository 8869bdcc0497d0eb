/*
 * One event, one line, one write to standard error; UTC; every field escaped.  Text for people
 * or one JSON object a line.  Any thread.  Never log a listed hash, a key or an upload.
 */
#ifndef SERVICE_LOG_H
#define SERVICE_LOG_H

#include <stdbool.h>

#include "hashing/base/err.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_setup(enum log_level max, bool json);
bool log_level_parse(const char *s, enum log_level *ret);

/* event: a few fixed words; the rest: printf detail.  One line whatever it contains. */
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An err with its kind, place and text. */
void log_err(enum log_level level, const char *event, const struct err *err);

#endif
