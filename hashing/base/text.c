#include "hashing/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

bool text_copy(char *out, size_t size, const char *s)
{
    size_t n = strlen(s);
    if (n >= size) {
        if (size > 0)
            *out = '\0';
        return false;
    }
    memcpy(out, s, n + 1);
    return true;
}

void text_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_unhex(const char *s, size_t len, uint8_t *out, size_t n)
{
    if (len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(s[2 * i]), low = hex_value(s[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

bool text_unbase64(const char *s, size_t len, uint8_t *out, size_t n)
{
    size_t digits = (n * 4 + 2) / 3; /* without padding */
    size_t padded = (n + 2) / 3 * 4;
    if (len != digits && len != padded)
        return false;
    for (size_t i = digits; i < len; i++)
        if (s[i] != '=')
            return false;

    uint32_t bits = 0;
    unsigned have = 0;
    size_t made = 0;
    for (size_t i = 0; i < digits; i++) {
        int v = base64_value(s[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[made++] = (uint8_t)(bits >> have);
        }
    }
    /* Left-over bits must be zero, or two texts would mean the same bytes. */
    return made == n && (bits & ((1u << have) - 1)) == 0;
}

/* Length of the UTF-8 sequence at s and its code point; 0 when it is none. */
static size_t utf8_step(const unsigned char *s, size_t left, uint32_t *ret_point)
{
    unsigned char c = s[0];
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;

    uint32_t point = n == 1 ? c : c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return n;
}

bool text_is_utf8(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    while (len > 0) {
        uint32_t point;
        size_t n = utf8_step(p, len, &point);
        if (n == 0 || point == 0)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

void text_time(int64_t wall_ms, char out[TEXT_TIME_SIZE])
{
    int64_t seconds = wall_ms / 1000, ms = wall_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999) {
        memcpy(out, "0000-00-00T00:00:00.000Z", TEXT_TIME_SIZE);
        return;
    }
    /* %Y would write the year 999 with three digits. */
    size_t n = (size_t)snprintf(out, TEXT_TIME_SIZE, "%04d", tm.tm_year + 1900);
    n += strftime(out + n, TEXT_TIME_SIZE - n, "-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, TEXT_TIME_SIZE - n, ".%03dZ", (int)ms);
}

/* Exactly `digits` decimal digits. */
static bool take_digits(const char **s, int digits, int *ret)
{
    int v = 0;
    for (int i = 0; i < digits; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        v = v * 10 + (**s - '0');
    }
    *ret = v;
    return true;
}

static bool take_char(const char **s, const char *any_of)
{
    if (**s == '\0' || strchr(any_of, **s) == NULL)
        return false;
    (*s)++;
    return true;
}

static bool take_fraction(const char **s, int *ret_ms)
{
    *ret_ms = 0;
    if (**s != '.')
        return true;
    (*s)++;
    int digits = 0, scale = 100;
    for (; **s >= '0' && **s <= '9'; (*s)++, digits++, scale /= 10)
        *ret_ms += (**s - '0') * scale;
    return digits > 0 && digits <= 9;
}

static bool take_zone(const char **s, int *ret_minutes)
{
    *ret_minutes = 0;
    if (take_char(s, "Zz"))
        return true;
    int sign = **s == '-' ? -1 : 1, hours, minutes;
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours) || !take_char(s, ":") ||
        !take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

/* Their first seconds. */
#define YEAR_0     (-62167219200ll)
#define YEAR_10000 253402300800ll

bool text_untime(const char *s, int64_t *ret_wall_ms)
{
    struct tm tm = {0};
    int ms, zone;
    if (!take_digits(&s, 4, &tm.tm_year) || !take_char(&s, "-") ||
        !take_digits(&s, 2, &tm.tm_mon) || !take_char(&s, "-") ||
        !take_digits(&s, 2, &tm.tm_mday) || !take_char(&s, "Tt ") ||
        !take_digits(&s, 2, &tm.tm_hour) || !take_char(&s, ":") ||
        !take_digits(&s, 2, &tm.tm_min) || !take_char(&s, ":") || !take_digits(&s, 2, &tm.tm_sec) ||
        !take_fraction(&s, &ms) || !take_zone(&s, &zone) || *s != '\0')
        return false;
    if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int second = tm.tm_sec; /* 60 may be the next day's first: it says nothing about the date */
    tm.tm_sec = 0;
    struct tm asked = tm;
    time_t t = timegm(&tm) + second;
    /* timegm() turns 30 February into March; such a date is refused. */
    if (tm.tm_mday != asked.tm_mday || tm.tm_mon != asked.tm_mon)
        return false;
    int64_t seconds = (int64_t)t - (int64_t)zone * 60;
    if (seconds < YEAR_0 || seconds >= YEAR_10000)
        return false; /* its offset takes it to a year that text_time() cannot write */
    *ret_wall_ms = seconds * 1000 + ms;
    return true;
}

bool text_number(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = *s == '-';
    s += negative;
    if (*s == '\0')
        return false;
    int64_t v = 0;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, *s - '0', &v)) /* counts down: INT64_MIN fits too */
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
        return false;
    if (v < min || v > max)
        return false;
    *ret = v;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* Digits followed by one of the units. */
static bool number_with_unit(const char *s, const struct unit *units, uint64_t *ret)
{
    uint64_t v = 0;
    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
    for (; units->name != NULL; units++)
        if (strcmp(units->name, s) == 0)
            return !__builtin_mul_overflow(v, units->factor, ret);
    return false;
}

bool text_size(const char *s, uint64_t *ret)
{
    static const struct unit units[] = {
        {"", 1},
        {"B", 1},
        {"KiB", 1ull << 10},
        {"MiB", 1ull << 20},
        {"GiB", 1ull << 30},
        {"TiB", 1ull << 40},
        {NULL, 0},
    };
    return number_with_unit(s, units, ret);
}

bool text_count(const char *s, uint64_t *ret)
{
    static const struct unit units[] = {
        {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {"T", 1000000000000}, {NULL, 0},
    };
    return number_with_unit(s, units, ret);
}

bool text_duration(const char *s, int64_t *ret_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
    };
    uint64_t ms;
    if (!number_with_unit(s, units, &ms) || ms > INT64_MAX)
        return false;
    *ret_ms = (int64_t)ms;
    return true;
}

/* Controls, and the marks that reorder or hide text on a terminal. */
static bool is_dangerous(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
           point == 0x200e || point == 0x200f || point == 0x2028 || point == 0x2029 ||
           point == 0xfeff;
}

size_t text_printable(const char *s, size_t len, char *out, size_t size)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t made = 0;
    if (size == 0)
        return 0;
    while (len > 0) {
        uint32_t point = 0;
        size_t n = utf8_step(p, len, &point);
        bool show = n > 0 && !is_dangerous(point);
        if (n == 0)
            n = 1;
        if (made + (show ? n : 4 * n) >= size)
            break;
        for (size_t i = 0; i < n; i++) {
            if (show)
                out[made++] = (char)p[i];
            else
                made += (size_t)snprintf(out + made, size - made, "\\x%02x", p[i]);
        }
        p += n;
        len -= n;
    }
    out[made] = '\0';
    return made;
}
