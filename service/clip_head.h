/*
 * Whether bytes begin as a clip does: only to choose the limit of an upload's size.  What it is,
 * the sandbox says.
 */
#ifndef SERVICE_CLIP_HEAD_H
#define SERVICE_CLIP_HEAD_H

#include "hashing/base/bytes.h"

enum { CLIP_HEAD = 16 }; /* bytes that are enough to tell */

bool clip_begins(struct bytes head);

#endif
