/* docs/openapi.json, embedded at build. */
#ifndef SERVICE_OPENAPI_H
#define SERVICE_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_json[];
extern const size_t openapi_json_length;

#endif
