/*
 * The way of an upload: take, hash in the sandbox and look up, decide, record, answer.
 */
#ifndef SERVICE_UPLOAD_H
#define SERVICE_UPLOAD_H

#include "service/request.h"

/* POST /v1/check */
route_handler upload_check;

#endif
