#include "hashing/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Messages quote hostile names; a terminal or a log line must never see their control bytes. */
static void hide_controls(char *s)
{
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || (unsigned char)*s == 0x7f)
            *s = '?';
}

__attribute__((format(printf, 5, 0))) static void
fill(struct err *err, enum rc rc, int sys, const char *at, const char *format, va_list args)
{
    memset(err, 0, sizeof *err);
    err->rc = rc;
    err->sys = sys;
    err->at = at;
    vsnprintf(err->msg, sizeof err->msg, format, args);
    hide_controls(err->msg);
}

enum rc err_set(struct err *err, enum rc rc, const char *at, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        fill(err, rc, 0, at, format, args);
        va_end(args);
    }
    return rc;
}

enum rc err_set_sys(struct err *err, int sys, const char *at, const char *format, ...)
{
    if (err != NULL) {
        char text[128];
        va_list args;
        va_start(args, format);
        fill(err, RC_SYS, sys, at, format, args);
        va_end(args);
        size_t used = strlen(err->msg);
        snprintf(err->msg + used, sizeof err->msg - used, ": %s",
                 strerror_r(sys, text, sizeof text));
    }
    return RC_SYS;
}

const char *rc_name(enum rc rc)
{
    static const char *const names[RC_COUNT] = {
        [RC_OK] = "ok",
        [RC_INPUT] = "input",
        [RC_AUTH] = "auth",
        [RC_DENIED] = "denied",
        [RC_NOTFOUND] = "not-found",
        [RC_CONFLICT] = "conflict",
        [RC_TOO_LARGE] = "too-large",
        [RC_NOT_MEDIA] = "not-media",
        [RC_UNDECODABLE] = "undecodable",
        [RC_LIMIT] = "limit",
        [RC_RATE] = "rate",
        [RC_BUSY] = "busy",
        [RC_TIMEOUT] = "timeout",
        [RC_NOMEM] = "no-memory",
        [RC_SYS] = "system",
        [RC_STORE] = "store",
        [RC_ELSEWHERE] = "elsewhere",
    };
    return (unsigned)rc < RC_COUNT ? names[rc] : "unknown";
}
