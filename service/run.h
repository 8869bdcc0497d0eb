/* The service's life: everything started in order, served, and stopped in reverse. */
#ifndef SERVICE_RUN_H
#define SERVICE_RUN_H

#include "service/config.h"

/*
 * Serves until SIGTERM, SIGINT or SIGHUP, then stops gracefully.  Takes config.  An error means
 * that it could not start.
 */
MUST_CHECK enum rc run_service(struct config *config, struct err *err);

#endif
