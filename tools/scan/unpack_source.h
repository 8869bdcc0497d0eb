/*
 * An archive as a part of a source: its members are items (tools/scan/source.h).
 */
#ifndef TOOLS_SCAN_UNPACK_SOURCE_H
#define TOOLS_SCAN_UNPACK_SOURCE_H

#include "tools/scan/source.h"
#include "tools/scan/unpack.h"

/*
 * Visits the members of a container of which unpack_look() says so: size bytes of fd, as
 * unpack_open() wants them.  `container` is the item that the caller has for it; its members are
 * called "CONTAINER!MEMBER" and have its `under` and identity.  Members that cannot be read, and
 * what ends an archive early, are told as trouble under their names.
 *
 * *ret_is_one: false when it turned out not to be an archive, so that its bytes are only a file's.
 * Fails as a source does: with what a visitor's call returned, or RC_BUSY when it was stopped.
 */
MUST_CHECK enum rc unpack_visit(const struct unpack_config *config,
                                const struct source_item *container, int fd, uint64_t size,
                                const struct source_visitor *visitor, bool *ret_is_one,
                                struct err *err);

#endif
