/*
 * What digest_verify costs against the bare primitive of its library, and how many digests are parsed a
 * second. For each hasher the two take turns, one batch each a round; printed are the medians of the batches
 * and the median of the rounds' ratios. The bars: a ratio of at most 1.05, and 2 million parses a second.
 *
 * The primitives are what one calls by hand with the least ado: crypt_r, argon2*_hash_raw, PKCS5_PBKDF2_HMAC,
 * EVP_PBE_scrypt, HMAC, and EVP_Digest with an algorithm fetched beforehand (without that it costs twice as
 * much). Where a digest hashes thousands of times, the primitive keeps one context.
 */
#include <argon2.h>
#include <crypt.h>
#include <math.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "digest/digest.h"

#define ROUNDS_MAX 31
#define BATCH_NS   2e6
#define RATIO_BAR  1.05
#define PARSE_BAR  2e6 /* a second */
#define PASSWORD   "correct horse battery"
#define SALT16     "0123456789abcdef"
#define PASS_LEN   (sizeof(PASSWORD) - 1)

static EVP_MD *md5, *sha1, *sha256, *sha512;
static unsigned char out[128];

/* --- the primitives --- */

static void run_bcrypt(void)
{
    static struct crypt_data data;
    crypt_r(PASSWORD, "$2b$08$MDEyMzQ1Njc4OWFiY2RlZ.", &data);
}

static void run_argon2i(void)
{
    argon2i_hash_raw(3, 4096, 1, PASSWORD, PASS_LEN, SALT16, 16, out, 32);
}

static void run_argon2id(void)
{
    argon2id_hash_raw(3, 4096, 1, PASSWORD, PASS_LEN, SALT16, 16, out, 32);
}

static void pbkdf2(const EVP_MD *md, int iterations, int len)
{
    PKCS5_PBKDF2_HMAC(PASSWORD, (int)PASS_LEN, (const unsigned char *)SALT16, 16, iterations, md,
                      len, out);
}

static void run_pbkdf2_sha1(void)
{
    pbkdf2(sha1, 10000, 32);
}

static void run_pbkdf2_sha256(void)
{
    pbkdf2(sha256, 10000, 32);
}

static void run_pbkdf2_sha512(void)
{
    pbkdf2(sha512, 10000, 64);
}

static void run_scrypt(void)
{
    EVP_PBE_scrypt(PASSWORD, PASS_LEN, (const unsigned char *)SALT16, 16, 16384, 8, 1, 1 << 28, out,
                   64);
}

static void run_md5(void)
{
    EVP_Digest(PASSWORD, PASS_LEN, out, NULL, md5, NULL);
}

static void run_md5_salted(void)
{
    EVP_Digest(SALT16 PASSWORD, 16 + PASS_LEN, out, NULL, md5, NULL);
}

static void run_sha1_salted(void)
{
    EVP_Digest(SALT16 PASSWORD, 16 + PASS_LEN, out, NULL, sha1, NULL);
}

static void run_sha256(void)
{
    EVP_Digest(PASSWORD, PASS_LEN, out, NULL, sha256, NULL);
}

static void run_sha256_salted(void)
{
    EVP_Digest(SALT16 PASSWORD, 16 + PASS_LEN, out, NULL, sha256, NULL);
}

static void run_hmac(void)
{
    unsigned char wide[2 * PASS_LEN] = {0};
    for (size_t i = 0; i < PASS_LEN; i++)
        wide[2 * i] = (unsigned char)PASSWORD[i];
    HMAC(EVP_sha256(), SALT16, 16, wide, sizeof(wide), out, NULL);
}

static void hash_often(const EVP_MD *md, size_t size, size_t text_len, int count)
{
    static const unsigned char text[128];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    for (int i = 0; i < count; i++) {
        EVP_DigestInit_ex(context, md, NULL);
        EVP_DigestUpdate(context, out, size);
        EVP_DigestUpdate(context, text, text_len);
        EVP_DigestFinal_ex(context, out, NULL);
    }
    EVP_MD_CTX_free(context);
}

static void run_phpass(void)
{
    hash_often(md5, 16, PASS_LEN, 8193);
}

/* md5_phpass stretches the 32 hex digits of an MD5. */
static void run_md5_phpass(void)
{
    hash_often(md5, 16, 32, 8193);
}

static void run_symfony(void)
{
    hash_often(sha512, 64, PASS_LEN + 18, 5000);
}

/* --- the digests: of the same parameters, of no password --- */

#define HEX64  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BASE32 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
#define BASE64 BASE32 "wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg=="
#define BCRYPT "$2b$08$MDEyMzQ1Njc4OWFiY2RlZ.MDEyMzQ1Njc4OWFiY2RlZMDEyMzQ1N."

static const struct row {
    const char *hasher, *digest;
    void (*primitive)(void);
} rows[] = {
    {"argon2i", "$argon2i$v=19$m=4096,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" BASE32, run_argon2i},
    {"argon2id", "$argon2id$v=19$m=4096,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" BASE32, run_argon2id},
    {"awscognito", "awscognito#us-east-1_EECBAPfUo#5k4m3rpziv3kd5ezjhokegbxzp#jane", NULL},
    {"bcrypt", BCRYPT, run_bcrypt},
    {"bcrypt_peppered", BCRYPT "$pepper", run_bcrypt},
    {"bcrypt_sha256_django", "bcrypt_sha256$" BCRYPT, run_bcrypt},
    {"hmac_sha256_utf16_b64",
     "hmac_sha256_utf16_b64$" BASE32 "=$MDEyMzQ1Njc4OWFiY2RlZg==", run_hmac},
    {"ldap_ssha", "{SSHA}MDEyMzQ1Njc4OWFiY2RlZjAxMjMwMTIzNDU2Nzg5YWJjZGVm", run_sha1_salted},
    {"md5", "00112233445566778899aabbccddeeff", run_md5},
    {"md5_phpass", "$P$BAE0LWbMfeDMscxp2fGnWWISdFVqix.", run_md5_phpass},
    {"md5_salted", SALT16 "$00112233445566778899aabbccddeeff", run_md5_salted},
    {"pbkdf2_sha1", "pbkdf2_sha1$10000$00112233445566778899aabbccddeeff$" HEX64, run_pbkdf2_sha1},
    {"pbkdf2_sha256", "pbkdf2_sha256$10000$MDEyMzQ1Njc4OWFiY2RlZg==$" BASE32 "=",
     run_pbkdf2_sha256},
    {"pbkdf2_sha256_django", "pbkdf2_sha256$10000$" SALT16 "$" BASE32 "=", run_pbkdf2_sha256},
    {"pbkdf2_sha512", "pbkdf2_sha512$10000$" SALT16 "$" HEX64 HEX64, run_pbkdf2_sha512},
    {"pbkdf2_sha512_hex", "pbkdf2_sha512_hex$10000$00112233445566778899aabbccddeeff$" HEX64 HEX64,
     run_pbkdf2_sha512},
    {"phpass", "$P$BAE0LWbMfeDMscxp2fGnWWISdFVqix.", run_phpass},
    {"scrypt_firebase", BASE64 "$MDEyMzQ1Njc4OQ==$" BASE64 "$Bw==$8$14", run_scrypt},
    {"scrypt_werkzeug", "scrypt:16384:8:1$" SALT16 "$" HEX64 HEX64, run_scrypt},
    {"sha256", HEX64, run_sha256},
    {"sha256_salted", SALT16 "$" HEX64, run_sha256_salted},
    {"sha512_symfony", "sha512_symfony$5000$" SALT16 "$" BASE64, run_symfony},
};

/* --- measuring --- */

struct run {
    const struct row *row;
    struct digest digest;
};

/* The thread's own time: others may be using the machine too. */
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void run_primitive(struct run *run)
{
    run->row->primitive();
}

static void run_verify(struct run *run)
{
    struct err err;
    if (digest_verify(&run->digest, TEXT(PASSWORD), &err) != DIGEST_NO_MATCH) {
        fprintf(stderr, "bench-digest: %s: %s\n", run->row->hasher, run->row->digest);
        exit(1);
    }
}

static void run_parse(struct run *run)
{
    if (digest_parse(&run->digest, run->digest.ops, run->digest.text)) {
        fprintf(stderr, "bench-digest: %s does not parse\n", run->row->hasher);
        exit(1);
    }
}

/* Nanoseconds a call, over a batch. */
static double time_batch(void (*call)(struct run *), struct run *run, int batch)
{
    double start = now_ns();
    for (int i = 0; i < batch; i++)
        call(run);
    return (now_ns() - start) / batch;
}

static int batch_for(void (*call)(struct run *), struct run *run)
{
    time_batch(call, run, 1);
    double one = time_batch(call, run, 1);
    return one >= BATCH_NS ? 1 : (int)(BATCH_NS / (one + 1)) + 1;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), ascending);
    return values[count / 2];
}

static double measure_parse(struct run *run, int rounds)
{
    double ns[ROUNDS_MAX];
    int batch = batch_for(run_parse, run);
    for (int i = 0; i < rounds; i++)
        ns[i] = time_batch(run_parse, run, batch);
    return median(ns, rounds);
}

/* Prints a row; returns whether both bars are met. */
static bool print_row(const struct run *run, double bare_ns, double verify_ns, double ratio,
                      double parse_ns)
{
    bool fine = !(ratio > RATIO_BAR) && 1e9 / parse_ns >= PARSE_BAR;
    printf("%-22s %12.3f %12.3f %8.3f %10.1f%s\n", run->row->hasher, bare_ns / 1e3, verify_ns / 1e3,
           ratio, 1e3 / parse_ns, fine ? "" : "   MISSED");
    fflush(stdout);
    return fine;
}

static bool measure(struct run *run, int rounds)
{
    double bare[ROUNDS_MAX], ours[ROUNDS_MAX], ratios[ROUNDS_MAX];
    double parse_ns = measure_parse(run, rounds);
    /* What is verified over the network has no primitive. */
    if (!run->row->primitive)
        return print_row(run, NAN, NAN, NAN, parse_ns);
    int batch = batch_for(run_primitive, run);
    for (int i = 0; i < rounds; i++) {
        /* Whoever goes first in a round may find the processor in another mood. */
        if (i % 2)
            ours[i] = time_batch(run_verify, run, batch);
        bare[i] = time_batch(run_primitive, run, batch);
        if (i % 2 == 0)
            ours[i] = time_batch(run_verify, run, batch);
        ratios[i] = ours[i] / bare[i];
    }
    return print_row(run, median(bare, rounds), median(ours, rounds), median(ratios, rounds),
                     parse_ns);
}

static void fetch_hashes(void)
{
    md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
}

static struct run run_of(const struct row *row)
{
    struct run run = {.row = row};
    const char *wrong =
        digest_parse(&run.digest, digest_ops_find(text_of(row->hasher)), text_of(row->digest));
    if (wrong) {
        fprintf(stderr, "bench-digest: %s: %s\n", row->hasher, wrong);
        exit(1);
    }
    return run;
}

int main(void)
{
    const char *quick = getenv("QUICK");
    int rounds = quick && strcmp(quick, "0") != 0 ? 7 : ROUNDS_MAX;
    bool fine = true;
    fetch_hashes();
    printf("%-22s %12s %12s %8s %10s\n", "hasher", "bare us", "verify us", "ratio", "parse M/s");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct run run = run_of(&rows[i]);
        fine &= measure(&run, rounds);
    }
    printf("bars: ratio at most %.2f, %.1f million parses a second\n", RATIO_BAR, PARSE_BAR / 1e6);
    return fine ? 0 : 1;
}
