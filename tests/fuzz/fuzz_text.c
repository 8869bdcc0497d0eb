/* The text forms that every layer shares: what is read, written again, reads the same. */
#include "tests/fuzz/fuzz.h"

static void hex_and_base64(struct bytes in)
{
    uint8_t raw[32];
    char hex[2 * sizeof raw + 1];
    const char *text = (const char *)in.p;
    for (size_t n = 1; n <= sizeof raw; n++) {
        uint8_t again[sizeof raw];
        if (!text_unhex(text, in.n, raw, n) && !text_unbase64(text, in.n, raw, n))
            continue;
        text_hex(raw, n, hex);
        MUST(strlen(hex) == 2 * n && text_unhex(hex, 2 * n, again, n));
        MUST(memcmp(raw, again, n) == 0);
    }
}

/* What is read as a time can be written, and is of the day that was written. */
static void times(const char *text)
{
    int64_t ms = 0, again = 0;
    char shown[TEXT_TIME_SIZE];
    size_t n = strlen(text);
    if (!text_untime(text, &ms))
        return;
    MUST(n >= 20 && strncmp(text + 5, "12-31", 5) <= 0 && strncmp(text + 5, "01-01", 5) >= 0);
    text_time(ms, shown);
    MUST(strlen(shown) == TEXT_TIME_SIZE - 1 && text_untime(shown, &again) && again == ms);
    bool here = text[n - 1] == 'Z' || text[n - 1] == 'z';
    bool leap = strncmp(text + 17, "60", 2) == 0; /* the next minute's first second */
    if (here && !leap)
        MUST(strncmp(text, shown, 10) == 0 && strncmp(text + 11, shown + 11, 8) == 0);
}

static void amounts(const char *text)
{
    uint64_t size = 0, count = 0;
    int64_t ms = -1, number = 0;
    char shown[32];
    bool bare = text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
    bool is_size = text_size(text, &size), is_count = text_count(text, &count);
    if (bare)
        MUST(is_size == is_count && size == count);
    if (text_duration(text, &ms))
        MUST(ms >= 0 && !bare);
    if (!text_number(text, INT64_MIN, INT64_MAX, &number))
        return;
    int64_t again = 0;
    snprintf(shown, sizeof shown, "%lld", (long long)number);
    MUST(text_number(shown, number, number, &again) && again == number);
    MUST(number == INT64_MIN || !text_number(shown, INT64_MIN, number - 1, &again));
}

static void printable(struct bytes in, size_t room)
{
    SCOPED(mem_free) char *out = malloc(room);
    MUST(out != NULL);
    size_t n = text_printable((const char *)in.p, in.n, out, room);
    MUST(n < room && strlen(out) == n && text_is_utf8(out, n));
    for (size_t i = 0; i < n; i++)
        MUST((unsigned char)out[i] >= 0x20 && out[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(mem_free) char *text = text_of(bytes_of(data, size));
    size_t n = strlen(text);
    struct bytes in = bytes_of(data, size);
    MUST(!text_is_utf8(text, n) || text_is_utf8(text, 0));
    MUST(!text_is_utf8((const char *)data, size) || n == size);
    hex_and_base64(in);
    times(text);
    amounts(text);
    printable(in, 1 + size % 7);
    printable(in, 4 * size + 1);
    return 0;
}
