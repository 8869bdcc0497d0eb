/*
 * The values inside the headers of multipart/form-data: media type, parameters, quoted strings,
 * percent signs of filename*.  Used by multipart.c.
 */
#ifndef SERVICE_PART_HEADER_H
#define SERVICE_PART_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "hashing/base/bytes.h"

/* One "; name=value" of a header. */
struct header_param {
    struct bytes name;
    char value[256]; /* unquoted */
};

/* Takes a token ([!#$%&'*+-.^_`|~0-9A-Za-z]+); empty when none stands there. */
struct bytes header_token(struct bytes *left);

/* Whether two names are the same but for the case of A-Z. */
bool header_is(struct bytes name, const char *lower_case);

void header_skip_blanks(struct bytes *left);

/*
 * Takes "; name=value", the value a token or quoted; loose: an unquoted value may hold whatever a
 * boundary may.  1 when taken, 0 at the end of the header, -1 when it is malformed or too long.
 */
int header_param(struct bytes *left, bool loose, struct header_param *ret);

/* UTF-8''percent%20encoded of RFC 8187, decoded in place; false when it is not that. */
bool header_decode_extended(char *value);

#endif
