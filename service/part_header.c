#include "service/part_header.h"

#include <string.h>
#include <strings.h>

#include "hashing/base/text.h"

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_token(uint8_t c)
{
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_loose(uint8_t c)
{
    return is_alnum(c) || (c != '\0' && strchr("'()+_,-./:=?", c) != NULL);
}

static void advance(struct bytes *left, size_t n)
{
    left->p += n;
    left->n -= n;
}

static struct bytes take_while(struct bytes *left, bool (*wanted)(uint8_t))
{
    size_t n = 0;
    while (n < left->n && wanted(left->p[n]))
        n++;
    struct bytes taken = bytes_of(left->p, n);
    advance(left, n);
    return taken;
}

struct bytes header_token(struct bytes *left)
{
    return take_while(left, is_token);
}

bool header_is(struct bytes name, const char *lower_case)
{
    return name.n == strlen(lower_case) &&
           strncasecmp((const char *)name.p, lower_case, name.n) == 0;
}

void header_skip_blanks(struct bytes *left)
{
    while (left->n > 0 && (left->p[0] == ' ' || left->p[0] == '\t'))
        advance(left, 1);
}

static bool take_char(struct bytes *left, char c)
{
    if (left->n == 0 || left->p[0] != (uint8_t)c)
        return false;
    advance(left, 1);
    return true;
}

/*
 * The inside of a quoted string and its closing quote.  A backslash escapes a quote or itself;
 * before anything else it is a character (browsers once sent C:\path unescaped).  Browsers now
 * write a quote as %22.
 */
static bool take_quoted(struct bytes *left, char *out, size_t size)
{
    size_t made = 0;
    while (left->n > 0 && left->p[0] != '"') {
        const uint8_t *p = left->p;
        size_t used = 1;
        char c = (char)p[0];
        if (c == '\\' && left->n > 1 && (p[1] == '"' || p[1] == '\\')) {
            c = (char)p[1];
            used = 2;
        } else if (c == '%' && left->n > 2 && p[1] == '2' && p[2] == '2') {
            c = '"';
            used = 3;
        }
        if (made + 1 >= size)
            return false;
        out[made++] = c;
        advance(left, used);
    }
    out[made] = '\0';
    return take_char(left, '"');
}

static bool take_unquoted(struct bytes *left, bool loose, char *out, size_t size)
{
    struct bytes value = take_while(left, loose ? is_loose : is_token);
    if (value.n == 0 || value.n >= size)
        return false;
    memcpy(out, value.p, value.n);
    out[value.n] = '\0';
    return true;
}

int header_param(struct bytes *left, bool loose, struct header_param *ret)
{
    header_skip_blanks(left);
    if (left->n == 0)
        return 0;
    if (!take_char(left, ';'))
        return -1;
    header_skip_blanks(left);
    if (left->n == 0)
        return 0; /* a semicolon at the end is common */

    ret->name = header_token(left);
    if (ret->name.n == 0 || !take_char(left, '='))
        return -1;
    bool ok = take_char(left, '"') ? take_quoted(left, ret->value, sizeof ret->value)
                                   : take_unquoted(left, loose, ret->value, sizeof ret->value);
    return ok ? 1 : -1;
}

bool header_decode_extended(char *value)
{
    static const char charset[] = "UTF-8'";
    if (strncasecmp(value, charset, sizeof charset - 1) != 0)
        return false;
    const char *from = strchr(value + sizeof charset - 1, '\'');
    if (from == NULL)
        return false;
    char *to = value;
    for (from++; *from != '\0'; to++) {
        uint8_t byte = (uint8_t)*from;
        size_t used = 1;
        if (*from == '%') {
            if (strlen(from) < 3 || !text_unhex(from + 1, 2, &byte, 1))
                return false;
            used = 3;
        }
        if (byte < 0x20 || byte == 0x7f)
            return false;
        *to = (char)byte;
        from += used;
    }
    *to = '\0';
    return true;
}
