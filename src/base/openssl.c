#include "base/openssl.h"

#include <openssl/crypto.h>

int openssl_ready(struct err *err)
{
    return OSSL_LIB_CTX_get0_global_default() ? 0 : err_memory(err);
}
