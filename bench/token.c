/*
 * bench-token: session tokens, POST /v1/sessions/{id}/tokens over keep-alive connections.
 *
 *   CPU   what the sandbox uses for a token, held against what a bare RSA-2048 signature of OpenSSL uses, made on all
 *         cores at once as the sandbox does: how much of the server's work is the signing
 *   rate  tokens a second over what `openssl speed` signs on all cores, though this program, which asks, takes its part
 *         of them; only printed
 *
 * In short turns; the median of the rounds' ratios, as what else runs on the machine takes from either.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define CONNECTIONS 64
#define ROUNDS      15
#define SECONDS     1
#define RATIO_MIN   0.90
#define SIGNATURES  1000 /* bare ones of each thread */
#define THREADS_MAX 64

static void post(const struct sandbox *sandbox, const char *path, const char *body,
                 char answer[BENCH_ROOM])
{
    char request[BENCH_ROOM];
    size_t got;
    int fd = bench_connect(sandbox->port);
    bench_write(fd, request, bench_request(request, "POST", path, body));
    if (bench_answer(fd, answer, BENCH_ROOM, &got) != 200)
        bench_die(path);
    close(fd);
}

/*
 * A user, a session with a first token, so that the key is there, and the request for another one; returns the
 * request's length.
 */
static size_t make_session(const struct sandbox *sandbox, char request[BENCH_ROOM])
{
    char answer[BENCH_ROOM], body[128], path[128];
    post(sandbox, "/v1/users", "{\"username\":\"bench\",\"skip_password_requirement\":true}",
         answer);
    snprintf(body, sizeof(body), "{\"user_id\":\"%.32s\"}", strstr(answer, "user_"));
    post(sandbox, "/v1/sessions", body, answer);
    snprintf(path, sizeof(path), "/v1/sessions/%.32s/tokens", strstr(answer, "sess_"));
    post(sandbox, path, "{}", answer);
    return bench_request(request, "POST", path, "{}");
}

/* What a token takes. */
struct pace {
    double rate, cpu_us; /* tokens a second over all connections; the sandbox's CPU */
};

static struct pace mint(const struct sandbox *sandbox, const char *request, size_t len)
{
    static char answer[BENCH_ROOM];
    int fds[CONNECTIONS], loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[CONNECTIONS];
    size_t got;
    uint64_t count = 0;
    double cpu = bench_cpu(sandbox->pid);
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = bench_connect(sandbox->port);
        epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){EPOLLIN, {.fd = fds[i]}});
        bench_write(fds[i], request, len);
    }
    int64_t began = clock_now_us(), now = began;
    while ((now = clock_now_us()) - began < SECONDS * 1000000) {
        int ready = epoll_wait(loop, events, CONNECTIONS, 1000);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (bench_answer(fd, answer, sizeof(answer), &got) != 200 ||
                !strstr(answer, "\"jwt\":\"ey"))
                bench_die("no token");
            count++;
            bench_write(fd, request, len);
        }
    }
    cpu = bench_cpu(sandbox->pid) - cpu;
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    close(loop);
    return (struct pace){(double)count * 1e6 / (double)(now - began), cpu * 1e6 / (double)count};
}

static double thread_cpu(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

/* One that signs with a key of its own, all made ready before. */
struct signer {
    pthread_t thread;
    EVP_PKEY *key;
    double us; /* of CPU for a signature */
};

static void *sign(void *arg)
{
    struct signer *signer = arg;
    unsigned char digest[32] = {0}, signature[256];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(signer->key, NULL);
    if (!context || EVP_PKEY_sign_init(context) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1)
        bench_die("OpenSSL");
    double began = thread_cpu();
    for (int i = 0; i < SIGNATURES; i++) {
        size_t len = sizeof(signature);
        if (EVP_PKEY_sign(context, signature, &len, digest, sizeof(digest)) != 1)
            bench_die("EVP_PKEY_sign");
    }
    signer->us = (thread_cpu() - began) / SIGNATURES;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

/* Microseconds of CPU of a signature while all cores sign. */
static double bare_signature(EVP_PKEY *key)
{
    struct signer signers[THREADS_MAX];
    size_t cores = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = cores < THREADS_MAX ? cores : THREADS_MAX;
    double us = 0;
    for (size_t i = 0; i < count; i++) {
        signers[i].key = EVP_PKEY_dup(key);
        if (!signers[i].key || pthread_create(&signers[i].thread, NULL, sign, &signers[i]) != 0)
            bench_die("pthread_create");
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(signers[i].thread, NULL);
        EVP_PKEY_free(signers[i].key);
        us += signers[i].us / (double)count;
    }
    return us;
}

/* Signatures a second that openssl makes on all cores. */
static double openssl(void)
{
    char command[160], line[512];
    double verifies, signs = 0;
    snprintf(command, sizeof(command),
             "openssl speed -elapsed -seconds %d -multi %ld rsa2048 2>/dev/null | grep '^rsa 2048'",
             SECONDS, sysconf(_SC_NPROCESSORS_ONLN));
    FILE *out = popen(command, "r");
    while (out && fgets(line, sizeof(line), out))
        if (sscanf(line, "rsa 2048 bits %*fs %*fs %lf %lf", &signs, &verifies) != 2)
            signs = 0;
    if (!out || pclose(out) != 0 || signs <= 0)
        bench_die("openssl speed");
    return signs;
}

int main(void)
{
    struct sandbox sandbox;
    char request[BENCH_ROOM], against[96];
    double ratios[ROUNDS], cpu[ROUNDS], bare[ROUNDS], rates[ROUNDS], shares[ROUNDS];
    const char *quick = getenv("QUICK");
    size_t rounds = quick && *quick && *quick != '0' ? 1 : ROUNDS;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    sandbox_start(&sandbox);
    size_t len = make_session(&sandbox, request);
    for (size_t i = 0; i < rounds; i++) {
        struct pace pace = mint(&sandbox, request, len);
        cpu[i] = pace.cpu_us;
        bare[i] = bare_signature(key);
        ratios[i] = bare[i] / cpu[i];
        rates[i] = pace.rate;
        shares[i] = pace.rate / openssl();
    }
    EVP_PKEY_free(key);
    sandbox_stop(&sandbox);
    double ratio = bench_median(ratios, rounds);
    bool good = ratio >= RATIO_MIN;
    snprintf(against, sizeof(against), "is signing (%.0f us of CPU bare); %.2f is asked",
             bench_median(bare, rounds), RATIO_MIN);
    bench_claim("a session token, CPU of the server", bench_median(cpu, rounds), "us", ratio,
                against, good);
    printf(
        "  %.0f tokens/s end to end, %.2f x openssl speed on all cores, of which the asking takes"
        " its part\n",
        bench_median(rates, rounds), bench_median(shares, rounds));
    return good ? 0 : 1;
}
