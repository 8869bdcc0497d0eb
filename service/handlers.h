/* Every handler of the table in routes.c; upload_check() is in upload.h. */
#ifndef SERVICE_HANDLERS_H
#define SERVICE_HANDLERS_H

#include "service/request.h"

route_handler long_check_show; /* GET /v1/checks/{check} */
route_handler match_ask;       /* POST /v1/match */
route_handler hash_medium;     /* POST /v1/hash */
route_handler bank_list;       /* GET /v1/banks */
route_handler bank_create;     /* POST /v1/banks */
route_handler bank_show;       /* GET /v1/banks/{bank} */
route_handler bank_change;     /* PATCH /v1/banks/{bank} */
route_handler entry_add;       /* POST /v1/banks/{bank}/entries */
route_handler entry_list;      /* GET /v1/banks/{bank}/entries */
route_handler entry_show;      /* GET /v1/entries/{entry} */
route_handler entry_change;    /* PATCH /v1/entries/{entry} */
route_handler list_import;     /* POST /v1/banks/{bank}/import */
route_handler list_export;     /* GET /v1/banks/{bank}/export */
route_handler audit_list;      /* GET /v1/audit */
route_handler audit_verify;    /* GET /v1/audit/verify */
route_handler key_create;      /* POST /v1/keys */
route_handler key_list;        /* GET /v1/keys */
route_handler key_revoke;      /* DELETE /v1/keys/{key} */
route_handler health_alive;    /* GET /livez */
route_handler health_ready;    /* GET /readyz */
route_handler health_metrics;
route_handler health_openapi;

#endif
