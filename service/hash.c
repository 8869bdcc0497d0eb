/* POST /v1/hash: the hashes of one medium, looked up nowhere. */
#include "service/ask.h"
#include "service/examine.h"
#include "service/handlers.h"
#include "service/upload_media.h"
#include "service/verdict_json.h"

enum rc hash_medium(struct service *service, struct request *rq, unsigned member, struct err *err)
{
    SCOPED(upload_clear) struct upload upload = {0};
    unsigned orientations = 0;

    TRY(ask_word(rq, "orientations", (const char *const[]){"as-is", "all", NULL}, &orientations,
                 err));
    bool all = orientations == 1;
    TRY(upload_take(rq, &upload, err));
    if (upload.n != 1)
        FAIL(err, RC_INPUT, "%zu files: send one at a time", upload.n);
    const struct examine_how how = {.all_orientations = all, .all_digests = true};
    TRY(examine_medium(service, member, rq, &how, &upload.medium[0], err));
    return answer_json(rq, 200,
                       json_pack("{s:o, s:o}", "media", verdict_json_media(upload.medium, 1),
                                 "signals", verdict_json_signals(upload.medium, 1, all)),
                       err);
}
