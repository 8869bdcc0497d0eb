/* Signals of a state against exported lists: the part of match.h that asks no service. */
#ifndef TOOLS_SCAN_MATCH_OFFLINE_H
#define TOOLS_SCAN_MATCH_OFFLINE_H

#include "tools/scan/match.h"

/* Looks one content up and puts what it matched into the state.  *found is the caller's room. */
MUST_CHECK enum rc match_offline_one(const struct match_config *config,
                                     const struct state_asked *asked, struct offline_found *found,
                                     struct err *err);

/* All contents behind number `after`, by config->jobs threads.  RC_BUSY when stopped. */
MUST_CHECK enum rc match_offline_all(const struct match_config *config, int64_t after,
                                     struct err *err);

#endif
