/* Uploads of any kind: the choice of the decoder, and the formats that are known and not decoded.
 */
#include "tests/fuzz/fuzz_picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_picture(NULL, data, size);
}
