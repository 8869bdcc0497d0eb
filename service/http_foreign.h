/*
 * libmicrohttpd answers by itself what it cannot parse (a broken request line, another HTTP
 * version, a head that is too large): in HTML, and for a version with 505, which would tell an
 * operator that the service is at fault.  0.9 has no option that lets us say it instead.
 *
 * So its two ways out of the process, sendmsg() for plain connections and gnutls_record_send()
 * under TLS, are defined here in front of the libraries' own.  They pass everything on but an
 * answer that we did not make, which each of ours shows by its X-Request-Id: that one is replaced
 * whole by a problem document.  Such an answer is always the last one of its connection.
 */
#ifndef SERVICE_HTTP_FOREIGN_H
#define SERVICE_HTTP_FOREIGN_H

#include <stddef.h>

enum { FOREIGN_MAX = 1024 };

/* Keeps the linker from leaving this file out; call once before serving. */
void http_foreign_begin(void);

/* A whole answer as it goes over the wire; its length, 0 when it does not fit. */
size_t http_problem_text(unsigned status, const char *phrase, const char *detail,
                         const char *request_id, char ret[FOREIGN_MAX]);

/*
 * Whether these first bytes that are sent at once are the head of an answer which is not ours: then
 * the answer in our words is in ret, and its length is returned; else 0.
 */
size_t http_foreign_answer(const void *head, size_t n, char ret[FOREIGN_MAX]);

#endif
