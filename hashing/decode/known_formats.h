/*
 * Names of formats that people upload and that are not decoded, told by their first bytes: so
 * that a refusal says "GIF" and not "unknown".
 */
#ifndef HASHING_DECODE_KNOWN_FORMATS_H
#define HASHING_DECODE_KNOWN_FORMATS_H

#include "hashing/base/bytes.h"

/* A static name, or NULL. */
const char *known_format(struct bytes in);

#endif
