/* The table of routes: what may be asked, by whom, and who answers on which threads. */
#include "service/handlers.h"
#include "service/upload.h"

#define PARAMS(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct route routes[] = {
    {"POST", "/v1/check", SCOPE_CHECK, CREW_MEDIA, BODY_MEDIA,
     PARAMS("banks", "orientations", "ref", "as", "examine"), upload_check},
    {"GET", "/v1/checks/{check}", SCOPE_CHECK, CREW_DESK, BODY_NONE, NULL, long_check_show},
    {"POST", "/v1/match", SCOPE_MATCH, CREW_LOOKUP, BODY_SIGNALS, PARAMS("banks"), match_ask},
    {"POST", "/v1/hash", SCOPE_CHECK, CREW_MEDIA, BODY_MEDIA, PARAMS("orientations"), hash_medium},

    {"GET", "/v1/banks", SCOPE_MODERATE, CREW_DESK, BODY_NONE, NULL, bank_list},
    {"POST", "/v1/banks", SCOPE_MODERATE, CREW_DESK, BODY_JSON, NULL, bank_create},
    {"GET", "/v1/banks/{bank}", SCOPE_MODERATE, CREW_DESK, BODY_NONE, NULL, bank_show},
    {"PATCH", "/v1/banks/{bank}", SCOPE_MODERATE, CREW_DESK, BODY_JSON, NULL, bank_change},

    {"GET", "/v1/banks/{bank}/entries", SCOPE_MODERATE, CREW_DESK, BODY_NONE,
     PARAMS("limit", "after", "state", "label", "signal"), entry_list},
    {"POST", "/v1/banks/{bank}/entries", SCOPE_MODERATE, CREW_MEDIA, BODY_MEDIA,
     PARAMS("reason", "label", "case", "source"), entry_add},
    {"GET", "/v1/entries/{entry}", SCOPE_MODERATE, CREW_DESK, BODY_NONE, NULL, entry_show},
    {"PATCH", "/v1/entries/{entry}", SCOPE_MODERATE, CREW_DESK, BODY_JSON, NULL, entry_change},

    {"POST", "/v1/banks/{bank}/import", SCOPE_MODERATE, CREW_DESK, BODY_LIST,
     PARAMS("reason", "on_error"), list_import},
    {"GET", "/v1/banks/{bank}/export", SCOPE_MODERATE, CREW_DESK, BODY_NONE, PARAMS("format"),
     list_export},

    {"GET", "/v1/audit", SCOPE_MODERATE, CREW_DESK, BODY_NONE,
     PARAMS("limit", "before", "bank", "actor", "action", "target"), audit_list},
    {"GET", "/v1/audit/verify", SCOPE_MODERATE, CREW_DESK, BODY_NONE, NULL, audit_verify},

    {"GET", "/v1/keys", SCOPE_ADMIN, CREW_DESK, BODY_NONE, NULL, key_list},
    {"POST", "/v1/keys", SCOPE_ADMIN, CREW_DESK, BODY_JSON, NULL, key_create},
    {"DELETE", "/v1/keys/{key}", SCOPE_ADMIN, CREW_DESK, BODY_NONE, NULL, key_revoke},

    {"GET", "/livez", 0, CREW_NONE, BODY_NONE, NULL, health_alive},
    /* Not the desk: a long import there must not make a working service look broken. */
    {"GET", "/readyz", 0, CREW_LOOKUP, BODY_NONE, NULL, health_ready},
    {"GET", "/metrics", SCOPE_METRICS, CREW_NONE, BODY_NONE, NULL, health_metrics},
    {"GET", "/openapi.json", 0, CREW_NONE, BODY_NONE, NULL, health_openapi},
    {0},
};
