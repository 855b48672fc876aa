/*
 * OpenSSL's own sockets raise SIGPIPE when the peer has gone, which a library may not leave to its program; so bytes go
 * through a BIO that sends with MSG_NOSIGNAL.
 */
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct tls {
    SSL_CTX *context;
    BIO_METHOD *socket;
    SSL_SESSION *session; /* of the last connection; NULL: none yet */
    char *host;
    bool is_address;
};

/* --- the socket --- */

static int on_write(BIO *bio, const char *at, int len)
{
    ssize_t sent = send((int)(intptr_t)BIO_get_data(bio), at, (size_t)len, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int on_read(BIO *bio, char *to, int room)
{
    ssize_t got = recv((int)(intptr_t)BIO_get_data(bio), to, (size_t)room, 0);
    BIO_clear_retry_flags(bio);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    else if (got == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)got;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "usher socket");
    if (!method)
        return NULL;
    BIO_meth_set_write(method, on_write);
    BIO_meth_set_read(method, on_read);
    BIO_meth_set_ctrl(method, on_control);
    return method;
}

/* --- sessions --- */

/* A server gives a session, or several. The last one is kept: 1 says that its reference is ours. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls *tls = SSL_get_app_data(ssl);
    SSL_SESSION_free(tls->session);
    tls->session = session;
    return 1;
}

/* --- opening and closing --- */

static int believe(SSL_CTX *context, const char *ca_file, struct err *err)
{
    ERR_clear_error();
    if (ca_file && SSL_CTX_load_verify_file(context, ca_file) != 1)
        return err_set(err, ERR_IO, "%s cannot be read as certificates (PEM)", ca_file);
    if (!ca_file && SSL_CTX_set_default_verify_paths(context) != 1)
        return err_memory(err);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return 0;
}

static void set_up(SSL_CTX *context)
{
    static const unsigned char http_1_1[] = "\x08http/1.1";
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_alpn_protos(context, http_1_1, sizeof(http_1_1) - 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, on_session);
}

int tls_new(struct tls **out, const char *host, const char *ca_file, struct err *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (openssl_ready(err) != 0)
        return -1;
    struct tls *tls = calloc(1, sizeof(*tls));
    if (!tls)
        return err_memory(err);
    tls->context = SSL_CTX_new(TLS_client_method());
    tls->socket = socket_method();
    tls->host = strdup(host);
    int result = tls->context && tls->socket && tls->host ? 0 : err_memory(err);
    if (result == 0)
        result = believe(tls->context, ca_file, err);
    if (result != 0) {
        tls_free(tls);
        return -1;
    }
    tls->is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    set_up(tls->context);
    *out = tls;
    return 0;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_SESSION_free(tls->session);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket);
    free(tls->host);
    free(tls);
}

/* --- connections --- */

/* Whose certificate it must be; a name is also told to the server (SNI). */
static bool expect_host(const struct tls *tls, SSL *ssl)
{
    if (tls->is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, tls->host) == 1 && SSL_set_tlsext_host_name(ssl, tls->host) == 1;
}

SSL *tls_connect(struct tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    BIO *bio = ssl ? BIO_new(tls->socket) : NULL;
    if (!bio) {
        SSL_free(ssl);
        return NULL;
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, tls);
    SSL_set_connect_state(ssl);
    if (!expect_host(tls, ssl)) {
        SSL_free(ssl);
        return NULL;
    }
    if (tls->session)
        SSL_set_session(ssl, tls->session);
    return ssl;
}

const char *tls_problem(const SSL *ssl, int result)
{
    int before = errno;
    long verified = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    if (reason)
        return reason;
    if (SSL_get_error(ssl, result) == SSL_ERROR_SYSCALL && before != 0)
        return strerror(before);
    return "the TLS connection broke";
}
