/* The service's life: everything started in order, served, and stopped in reverse. */
#ifndef SERVICE_RUN_H
#define SERVICE_RUN_H

#include "service/config.h"

/*
 * Serves until SIGTERM, SIGINT or SIGHUP, then stops gracefully.  Takes config.  An error means
 * that it could not start.
 */
MUST_CHECK enum rc run_service(struct config *config, struct err *err);

/* Path of hashgate-worker: as configured, else where it is installed or built.  RC_INPUT. */
enum { RUN_PATH_SIZE = 4096 };
MUST_CHECK enum rc run_find_worker(const struct config *config, char ret[RUN_PATH_SIZE],
                                   struct err *err);

#endif
