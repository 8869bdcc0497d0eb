#include "hashing/decode/video_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>

static struct video_log said;

__attribute__((format(printf, 3, 0))) static void on_line(void *context, int level,
                                                          const char *format, va_list arguments)
{
    char text[200];
    (void)context;
    if (level > AV_LOG_ERROR)
        return;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    if (said.errors++ == 0)
        snprintf(said.text, sizeof said.text, "%.*s", (int)sizeof said.text - 1, text);
    said.too_large |= strstr(text, "exceeds specified max pixel count") != NULL ||
                      strstr(text, "Frame size limit") != NULL;
    said.too_many |= strstr(text, "max_streams") != NULL;
}

void video_log_reset(void)
{
    av_log_set_callback(on_line);
    memset(&said, 0, sizeof said);
}

const struct video_log *video_log(void)
{
    return &said;
}
