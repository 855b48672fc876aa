#include "trickle/certificate.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *to, int size, int writing, void *arg)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static FILE *open_file(const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (!file)
        err_set(err, ERR_IO, "%s cannot be opened: %s", path, strerror(errno));
    return file;
}

static X509 *read_certificate(const char *path, struct err *err)
{
    FILE *file = open_file(path, err);
    X509 *found = file ? PEM_read_X509(file, NULL, no_passphrase, NULL) : NULL;
    if (file && !found)
        err_set(err, ERR_USAGE, "%s has no certificate in PEM", path);
    if (file)
        fclose(file);
    return found;
}

static EVP_PKEY *read_key(const char *path, struct err *err)
{
    FILE *file = open_file(path, err);
    EVP_PKEY *found = file ? PEM_read_PrivateKey(file, NULL, no_passphrase, NULL) : NULL;
    if (file && !found)
        err_set(err, ERR_USAGE, "%s has no private key in PEM that needs no passphrase", path);
    if (file)
        fclose(file);
    return found;
}

int certificate_check(const char *cert, const char *key, struct err *err)
{
    X509 *certificate = read_certificate(cert, err);
    EVP_PKEY *its_key = certificate ? read_key(key, err) : NULL;
    int result = its_key ? 0 : -1;
    if (its_key && X509_check_private_key(certificate, its_key) != 1)
        result = err_set(err, ERR_USAGE, "the key is not that of the certificate in %s", cert);
    EVP_PKEY_free(its_key);
    X509_free(certificate);
    return result;
}
