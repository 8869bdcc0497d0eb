/*
 * A thread that follows the store every [store] follow_ms: banks, entries and keys that another
 * process changed count here, too.  While the store fails the list in memory goes on serving.
 */
#ifndef SERVICE_FOLLOWER_H
#define SERVICE_FOLLOWER_H

#include "service/service.h"

struct follower;

MUST_CHECK enum rc follower_new(struct service *service, struct follower **ret, struct err *err);
void follower_free(struct follower *f);
SCOPED_DEFINE(follower_free, struct follower *)

#endif
