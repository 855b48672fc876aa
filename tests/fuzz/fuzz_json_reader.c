/* The JSON reader (and the choice of a reader): any bytes, the same rows however they come. */
#include "rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    rows_compare(NULL, at, len);
    return 0;
}
