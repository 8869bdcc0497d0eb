/*
 * Reading JSON bodies strictly: duplicates, unknown fields, wrong types and out-of-range numbers
 * are RC_INPUT with the field's path.
 */
#ifndef SERVICE_JSON_IN_H
#define SERVICE_JSON_IN_H

#include <jansson.h>

#include "db/records.h"
#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"

static inline void json_free(json_t *json)
{
    json_decref(json);
}
SCOPED_DEFINE(json_free, json_t *)

/* The body as an object, nested at most 32 deep; RC_INPUT says where it is malformed. */
MUST_CHECK enum rc json_in_object(struct bytes body, json_t **ret, struct err *err);

/* RC_INPUT naming the first member that is not in the NULL-terminated list. where: "" or
 * "media[3]". */
MUST_CHECK enum rc json_in_only(const json_t *object, const char *const *allowed, const char *where,
                                struct err *err);

/*
 * Members: absent gives NULL / leaves *ret, unless required; null is no text and no number.
 * Text is at most max bytes of UTF-8 (0 = 4096) as text_in_check() wants it; required text is
 * not blank.  JSON has no infinite numbers, and an int is written without point and exponent.
 */
MUST_CHECK enum rc json_in_text(const json_t *object, const char *name, const char *where,
                                bool required, size_t max, const char **ret, struct err *err);
MUST_CHECK enum rc json_in_int(const json_t *object, const char *name, const char *where,
                               bool required, int64_t min, int64_t max, int64_t *ret,
                               bool *ret_given, struct err *err);
MUST_CHECK enum rc json_in_number(const json_t *object, const char *name, const char *where,
                                  double min, double max, double *ret, struct err *err);

/* An array of labels, each once, as label_in_check() wants them; borrowed from the JSON. */
MUST_CHECK enum rc json_in_labels(const json_t *object, const char *name, struct labels *ret,
                                  bool *ret_given, struct err *err);

/*
 * {"type","value","quality"?,"ms"?}: hex of either case or base64 of the raw bytes; quality with
 * pdq only.
 */
MUST_CHECK enum rc json_in_signal(const json_t *object, const char *where, struct signal *ret,
                                  struct err *err);

/*
 * A reason, case, query parameter …: may this text be stored and shown?  Valid UTF-8 of at most
 * max bytes (0 = 4096) without control characters (C0, DEL, C1) other than \t and \n.  Marks that
 * reorder text are kept as they came: whoever shows text on a terminal escapes them.
 */
MUST_CHECK enum rc text_in_check(const char *text, size_t max, const char *name, struct err *err);

/* A label: such text of 1 to 128 bytes without blanks and commas, which separate labels. */
MUST_CHECK enum rc label_in_check(const char *label, const char *name, struct err *err);

#endif
