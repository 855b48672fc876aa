#include "trickle/mac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

size_t mac_sha2(unsigned bits, struct text key, struct text message, uint8_t to[MAC_MAX])
{
    const EVP_MD *hash = bits == 256 ? EVP_sha256() : bits == 384 ? EVP_sha384() : EVP_sha512();
    unsigned len = 0;
    if (!HMAC(hash, key.at ? key.at : "", (int)key.len, (const uint8_t *)message.at, message.len,
              to, &len))
        return 0;
    return len;
}
