#include "hashing/base/ulid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include "hashing/base/clock.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void fill_random(uint8_t *p, size_t n)
{
    /* Up to 256 bytes come whole once the kernel's pool is ready; an id must never repeat. */
    if (getrandom(p, n, 0) != (ssize_t)n)
        abort();
}

/* The random part plus one; false when it was all ones. */
static bool add_one(struct ulid *id)
{
    for (int i = 15; i >= 6; i--)
        if (++id->b[i] != 0)
            return true;
    return false;
}

struct ulid ulid_new(void)
{
    static _Thread_local struct ulid last;
    static _Thread_local int64_t last_ms = -1;

    int64_t ms = clock_wall_ms();
    if (ms <= last_ms && add_one(&last)) /* same millisecond, or the wall clock went back */
        return last;
    if (ms <= last_ms)
        ms = last_ms + 1;

    last_ms = ms;
    for (int i = 0; i < 6; i++)
        last.b[i] = (uint8_t)(ms >> (40 - 8 * i));
    fill_random(last.b + 6, 10);
    return last;
}

void ulid_text(const struct ulid *id, char out[ULID_SIZE])
{
    /* 26 digits of 5 bits are 130: the first digit holds only 3. */
    for (int digit = 0; digit < 26; digit++) {
        unsigned v = 0;
        for (int bit = 0; bit < 5; bit++) {
            int at = digit * 5 + bit - 2;
            unsigned one = at < 0 ? 0 : ((unsigned)id->b[at / 8] >> (7 - at % 8)) & 1;
            v = v << 1 | one;
        }
        out[digit] = alphabet[v];
    }
    out[26] = '\0';
}

static int digit_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

bool ulid_parse(const char *s, struct ulid *ret)
{
    struct ulid id = {{0}};
    if (strnlen(s, 27) != 26 || s[0] < '0' || s[0] > '7')
        return false;
    for (int digit = 0; digit < 26; digit++) {
        int v = digit_value(s[digit]);
        if (v < 0)
            return false;
        for (int bit = 0; bit < 5; bit++) {
            int at = digit * 5 + bit - 2;
            if (at >= 0 && (v >> (4 - bit) & 1) != 0)
                id.b[at / 8] |= (uint8_t)(1 << (7 - at % 8));
        }
    }
    *ret = id;
    return true;
}
