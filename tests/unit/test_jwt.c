/*
 * Tokens: the examples of RFC 7515 (A.1, A.2, A.3, A.5) and RFC 8037 (A.4), tokens of every algorithm that
 * another library (Python's cryptography) signed, and dozens that must not pass.
 */
#include "test.h"

#include "trickle/jwt.h"

#define RFC_CLAIMS                                                                                 \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"

/* Instants at which the tokens hold. */
#define RFC_NOW   INT64_C(1300819379000)
#define OTHER_NOW INT64_C(1700000001000)

static const char *const rfc_keys =
    "{\"keys\":["
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"
    "4qPCJrcS2mJ"
    "PMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"
    "bSf63kpaSHSXndS5z5rexMdb"
    "BYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-"
    "DWNmoudF8NAco9_"
    "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static const char *const rfc_secret =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

static const char *const rfc_a1 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_CLAIMS
                                  ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char *const rfc_a2 =
    "eyJhbGciOiJSUzI1NiJ9." RFC_CLAIMS
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
    "O8W2Fp5jujGbds9uJdbF9"
    "CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_"
    "dO--xi12jzDwusC-"
    "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0i"
    "gcN_IoypGlUPQGe77Rw";
static const char *const rfc_a3 =
    "eyJhbGciOiJFUzI1NiJ9." RFC_CLAIMS
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
static const char *const rfc_a5 = "eyJhbGciOiJub25lIn0." RFC_CLAIMS ".";
static const char *const rfc_8037 =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

static const char *const other_keys =
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rsa\",\"use\":\"sig\",\"n\":\"iem0HPWmZFZ-"
    "8AwXQw_zRh5quEAA6syDWZBVBrcA6nzX7rnM2aVjkLhMtqELWdLNAWDjy9yjkafaiSmeBqwULC5r0WsR"
    "fq5Y1QPk0VdTwQtsaGu3JBCwsIPflShBKHAOfnTbegjrjSXoPU_P7tsgFOkQVDRpYLmR8DdILigpQH4t"
    "1ujQJKcniaxNTyh3W5elN5wdWI7TjFq2Ap7B8yCKzPk0haLd1lujDY7E_voS2weo2Fn9lpBFFisdnbS5"
    "OfsM7jSI6TVwtplZQksdV1BZ1LtUcFbgFPJj3MlBs322XFRr-Fadvu9fJ-51J94-RM_qr1VLracQ-ZP1"
    "BnzSNWHmGw\",\"e\":\"AQAB\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"es256\""
    ",\"use\":\"sig\",\"x\":\"wS_00j2cw0c0SpOv_z_pwdwS_Tp35zoYQspKepbkTB4\",\"y\":\"N"
    "HKWgcL2BuHClTOwpf2vHosg7QiqmAO4BNUmJyIv-pA\"},{\"kty\":\"EC\",\"crv\":\"P-384\","
    "\"kid\":\"es384\",\"use\":\"sig\",\"x\":\"ywIYlOtNh8j8q7lZ1CkdM0CJ64P7_R8XanYqRP"
    "cqzKGxnGToD861qUlb6eTyt52E\",\"y\":\"juIvi9weQp3ISCGq1qGXhOWwnMVoQDUstAr7peQ-Xht"
    "rNzQ2gMzeNGY2tiRB6BBK\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"okp\",\""
    "x\":\"gwqM7fdGIbzvQADLJvasnvr1WHCVz-PkfJ4Jangz1oE\"}]}";

static const char *const weak_keys =
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"weak\",\"n\":\"wPppxMw4KQ9VeQxHjV7g8j9bt71"
    "w9Vp_DiOxa9Pgo92UuX6ckQ0ZIKsLQQU1OacXr4OTKrxOP8nbxTGQS-1Yy_EqDduh20i1TdJrY6L6xLa"
    "IvKVYbv-idoH4VnX7hbtKxV2xomxTMt-M9tQoM22SYH3oK-Mtl1Isu-wY3wzO_8c\",\"e\":\"AQAB"
    "\"}]}";

static const char *const other_secret = "0123456789abcdef0123456789abcdef";

/* One of each algorithm: sub 17, iss https://old.example, aud app and other, iat 1700000000, exp an hour later. */
static const struct {
    const char *alg, *token;
} others[] = {
    {"HS256", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh0dHBzOi8vb2xkLmV"
              "4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDA"
              "wMDAsImV4cCI6MTcwMDAwMzYwMH0.OYI0My0NF6tKQTPQNgfUJS2qEi4-B-au2yBLTdf6lko"},
    {"HS384", "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh0dHBzOi8vb2xkLmV"
              "4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDA"
              "wMDAsImV4cCI6MTcwMDAwMzYwMH0.dFIPhM6lVPChtcB1Ivch-hrk4L38Albs6zN3R8XsDjbWTO0_ihk"
              "KhL0ZbIRdXKd5"},
    {"HS512", "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh0dHBzOi8vb2xkLmV"
              "4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDA"
              "wMDAsImV4cCI6MTcwMDAwMzYwMH0.XofULpY4nnQGCiNg3Tgb7Pd-g4nSuFj6PqgByAHdP6ajHDKelo2"
              "bYIL9f8KO8Zoz6inWeLw4dw_LsAMMxDgouA"},
    {"RS256", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh"
              "0dHBzOi8vb2xkLmV4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJ"
              "uYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.R1PYyIngzYO-VqQETFmwDsnMkYEO7XFnZWj"
              "qS6BFPsdJLq_w2NZKHQGG97XXdB2YZBvljfMLpYDVQDl7vE3DR6gaFqfi48ztsUkAxw6_LOUEJLq2WOf"
              "2hB-6nE_tASxpSdcdQX5w4Q7iwEfJ-BQzBvbFQiGUvTBTaEoVyWT5IloLFtvUG5z4zBtUtbXDhthHU78"
              "-V_W_B2M18lAMig7Y6fymgaH2MXAjfl2qc_fHMTvKudXXfL_AuqzYpLIGOqIPlX6sUZNz-U4v3ccIbF0"
              "NSnUo5dCoAWJwgKzf1xiRAH2Hz-R42V3vl9b3k7IzDnXx6D8ESyJ0KbSzz-ukMoIHuw"},
    {"RS384", "eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh"
              "0dHBzOi8vb2xkLmV4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJ"
              "uYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.S3JMbaDqIs3xpcVwbFqtwmmGKgfsXEIgjaN"
              "RgZDzRCBnPA6N4twutgLzIA22JJ4rlaT6B5g1jxeneAjKISu64SpHBG5nERA_Ymu7HpZ9wt2w6Jx_z9V"
              "HmSnpcdgcXOKi1McVj1yI-ZmPtJVdd6ireQ3iJ97KoqMRMWD0T6x3oepIgUyG4GRJVqWykJi9WmkKlgo"
              "OLUOY0cH2HyC2uaNa-330UlgZUGRmPQyRDZ3T2UxbaTsLC5RVWIpHlChjTh2gIrFsAS7maluYkJkDSQ7"
              "CNlzPUzW5zf85KayNAlfd9Wh6XLa3MqlHKcFxQrKj3jkYQPgGCU8S_06XUW9P-15DRA"},
    {"RS512", "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh"
              "0dHBzOi8vb2xkLmV4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJ"
              "uYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.U-CBFKBfK_CVozK5CYSWT3PuXjvvX3GX7Jt"
              "a4GOsdJUYiHqCms7o4977J5oSKMihvxOG_t-8YiMPbTjmeIlp7rTeUPgFQAThYNUnb_bJXKii-6tT-mn"
              "mU_zKY1t68jzRnpUcizx0_yREU9611CwkoIGpEHb_LbDBK-GOGQknVmAqPyZ5L806eoibO-jh4z80LJ-"
              "RVgns6iIKlHJKwZdYpW6I5-rwuKPGQRacjeJC9GHj2hh-nQBZQhVyQ1Hl8V_JjdSVQ-4Yfzh3FhcShWG"
              "SjQvCnGSu-hm8kcH07trSksSO3i7jvuTuZNUNjlQyVRL2sLoMkZVqheXNHoxDv23vJA"},
    {"PS256", "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh"
              "0dHBzOi8vb2xkLmV4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJ"
              "uYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.PAVC4aFpgp7Ok4M3TMctMKlz8eL8dYdNPqs"
              "hUR-tpfWkxpJ3FL5oqd8WqWyBL5_i6l7MY_1oNieXpMtjPYOeb_ou0Def0JlSgH35XG2YKnmIM6dod9Y"
              "6mqyZLYKI_PE3M9J0tVGDTkelCQFECAmUuKTFlBMiDgF1rCpewUlHsPa4KfNE8qZtQbnsGs6PHyBI_dN"
              "ORytylJbLQqRwxlHbIcHdTuXML3b_xu1ykfii4dnC63ZSP-2rx2IjuHOVg_5nZiOjaFqmNziam-jr0LL"
              "Mq4FhhEY28O3QIixCSCmF3V6tVM0pQvo5UPGonWfNw4_thDhmeo7j4ER2cjXL5Qxiuw"},
    {"ES256", "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVzMjU2In0.eyJzdWIiOiIxNyIsImlzcyI6"
              "Imh0dHBzOi8vb2xkLmV4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAw"
              "LCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.nBOJ1DxD4ULjmYBM7EoLyEqQjhHBYmNv"
              "x9wmcIRWQEogpE5SmpuWcr7WC12XD1FpgRP8UVt63vrgPi7D3i-mdw"},
    {"ES384", "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6ImVzMzg0In0.eyJzdWIiOiIxNyIsImlzcyI6"
              "Imh0dHBzOi8vb2xkLmV4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAw"
              "LCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.SBVxlQP-mAb9BwTKsMQG7_5S1F4m3x5R"
              "cx_xARY8J6mFuy0LeQpOm1o5nFxUIVFR67J5tTkUMwTOJ8CBLFT_MsqCRnl2CQt0K68_vF9XKXnr_c1e"
              "GvGFIGasnG4mlHTd"},
    {"EdDSA", "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6Im9rcCJ9.eyJzdWIiOiIxNyIsImlzcyI6Imh"
              "0dHBzOi8vb2xkLmV4YW1wbGUiLCJhdWQiOlsiYXBwIiwib3RoZXIiXSwiaWF0IjoxNzAwMDAwMDAwLCJ"
              "uYmYiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMH0.kl5So5za0JT0lvoG0tUrqkmWRfGjnfyFWix"
              "PiIWlLo8TRgMrY2G9akSV7_1zm4220EPYcpHAg_PkjT3HwW62Aw"}};

static struct jwt_keys *read_keys(const char *jwks)
{
    struct jwt_keys *keys;
    struct err err = {0};
    if (jwt_keys_read(&keys, text_of(jwks), &err) != 0)
        fail_msg("%s", err.message);
    return keys;
}

static struct jwt_keys *secret_keys(const char *secret)
{
    struct jwt_keys *keys;
    struct err err = {0};
    assert_int_equal(jwt_keys_secret(&keys, text_of(secret), &err), 0);
    return keys;
}

static struct jwt_policy policy_of(const char *algs)
{
    struct jwt_policy policy = {0};
    struct err err = {0};
    if (jwt_policy_algs(&policy, text_of(algs), &err) != 0)
        fail_msg("%s", err.message);
    return policy;
}

/* Checks a token and gives the result, with why in a buffer of the caller's. */
static enum jwt_result check(struct text token, const struct jwt_keys *keys,
                             const struct jwt_policy *policy, int64_t now_ms, const char **why)
{
    struct jwt jwt;
    enum jwt_result result = jwt_check(token, keys, policy, now_ms, &jwt);
    *why = jwt.why ? jwt.why : "";
    jwt_release(&jwt);
    return result;
}

static void expect(enum jwt_result wanted, const char *token, const struct jwt_keys *keys,
                   const struct jwt_policy *policy, int64_t now_ms, const char *says)
{
    const char *why;
    enum jwt_result result = check(text_of(token), keys, policy, now_ms, &why);
    if (result != wanted || (says && !strstr(why, says)))
        fail_msg("%.60s…: %d \"%s\", not %d \"%s\"", token, result, why, wanted, says ? says : "");
}

static void examples_of_the_rfcs(void **state)
{
    struct jwt_keys *keys = read_keys(rfc_keys), *secret;
    struct jwt_policy all = policy_of("HS256,RS256,ES256,EdDSA");
    struct err err = {0};
    uint8_t bytes[64];
    size_t len;
    (void)state;
    assert_true(base64_decode(BASE64_URL_BARE, text_of(rfc_secret), bytes, sizeof(bytes), &len));
    assert_int_equal(jwt_keys_secret(&secret, (struct text){(char *)bytes, len}, &err), 0);
    assert_int_equal(jwt_keys_count(keys), 3);
    all.issuer = TEXT("joe");
    expect(JWT_GOOD, rfc_a1, secret, &all, RFC_NOW, NULL);
    expect(JWT_GOOD, rfc_a2, keys, &all, RFC_NOW, NULL);
    expect(JWT_GOOD, rfc_a3, keys, &all, RFC_NOW, NULL);
    expect(JWT_BAD, rfc_a5, keys, &all, RFC_NOW, NULL);
    /* Its payload is a sentence: that it is looked at shows that the signature was right. */
    expect(JWT_BAD, rfc_8037, keys, &all, RFC_NOW, "claims are no JSON");
    expect(JWT_BAD, rfc_a1, secret, &all, RFC_NOW + 1000, "expired");
    jwt_keys_free(keys);
    jwt_keys_free(secret);
}

static void every_algorithm(void **state)
{
    struct jwt_keys *keys = read_keys(other_keys), *secret = secret_keys(other_secret);
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        bool shared = others[i].alg[0] == 'H';
        struct jwt_keys *mine = shared ? secret : keys, *not_mine = shared ? keys : secret;
        struct jwt_policy one = policy_of(others[i].alg);
        struct jwt_policy rest = {.algs = ~one.algs};
        struct jwt_policy all = {.algs = UINT32_MAX};
        struct jwt jwt;
        assert_int_equal(jwt_check(text_of(others[i].token), mine, &one, OTHER_NOW, &jwt),
                         JWT_GOOD);
        assert_text(json_text(json_get(jwt.claims, TEXT("sub"))), "17");
        assert_int_equal(jwt.issued_ms, INT64_C(1700000000000));
        assert_int_equal(jwt.expires_ms, INT64_C(1700003600000));
        jwt_release(&jwt);
        expect(JWT_GOOD, others[i].token, mine, &all, OTHER_NOW, NULL);
        expect(JWT_BAD, others[i].token, mine, &rest, OTHER_NOW, "algorithm");
        expect(JWT_NO_KEY, others[i].token, not_mine, &all, OTHER_NOW, "no key");
    }
    jwt_keys_free(keys);
    jwt_keys_free(secret);
}

/* Every bit of header, claims and signature counts; so does every cut. */
static void turned_bits_and_cuts(void **state)
{
    struct jwt_keys *keys = read_keys(other_keys), *secret = secret_keys(other_secret);
    struct jwt_policy all = {.algs = UINT32_MAX};
    const char *why;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        char copy[2048];
        size_t len = strlen(others[i].token);
        struct jwt_keys *mine = others[i].alg[0] == 'H' ? secret : keys;
        memcpy(copy, others[i].token, len + 1);
        for (size_t at = 0; at < len; at += 3) {
            copy[at] = copy[at] == 'A' ? 'B' : 'A';
            if (check((struct text){copy, len}, mine, &all, OTHER_NOW, &why) == JWT_GOOD)
                fail_msg("%s passes with byte %zu turned", others[i].alg, at);
            copy[at] = others[i].token[at];
            if (check((struct text){copy, at}, mine, &all, OTHER_NOW, &why) == JWT_GOOD)
                fail_msg("%s passes cut at %zu", others[i].alg, at);
        }
    }
    jwt_keys_free(keys);
    jwt_keys_free(secret);
}

static void malformed(void **state)
{
    static const char *const tokens[] = {
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b",
        "a",
        "a.b.c.d",
        " . . ",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJhbGciOiJIUzI1NiJ9.",
        "eyJhbGciOiJIUzI1NiJ9..",
        "eyJhbGciOiJIUzI1NiJ9.e30",
        "eyJhbGciOiJIUzI1NiJ9.e30.",
        "eyJhbGciOiJIUzI1NiJ9..AA",
        ".e30.AA",
        "eyJhbGciOiJIUzI1NiJ9=.e30.AA",
        "eyJhbGciOiJIUzI1NiJ9.e30=.AA",
        "eyJhbGciOiJIUzI1NiJ9.e30.A",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA==",
        "eyJhbGciOiJIUzI1NiJ9.e30.A A",
        "eyJhbGciOiJIUzI1NiJ9.e30.A+/A",
        " eyJhbGciOiJIUzI1NiJ9.e30.AA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA\n",
        "bnVsbA.e30.AA",                  /* null */
        "W10.e30.AA",                     /* [] */
        "e30.e30.AA",                     /* {} */
        "eyJhbGciOm51bGx9.e30.AA",        /* {"alg":null} */
        "eyJhbGciOjF9.e30.AA",            /* {"alg":1} */
        "eyJhbGciOiIifQ.e30.AA",          /* {"alg":""} */
        "eyJhbGciOiJub25lIn0.e30.AA",     /* {"alg":"none"} */
        "eyJhbGciOiJOb25lIn0.e30.AA",     /* {"alg":"None"} */
        "eyJhbGciOiJoczI1NiJ9.e30.AA",    /* {"alg":"hs256"} */
        "eyJhbGciOlsiSFMyNTYiXX0.e30.AA", /* {"alg":["HS256"]} */
        "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYiJdfQ.e30.AA" /* {"alg":"HS256","crit":["b"]} */,
    };
    struct jwt_keys *secret = secret_keys(other_secret);
    struct jwt_policy all = {.algs = UINT32_MAX};
    static char longest[JWT_TOKEN_MAX + 2];
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++)
        expect(JWT_BAD, tokens[i], secret, &all, OTHER_NOW, NULL);
    memset(longest, 'A', sizeof(longest) - 1);
    longest[10] = longest[20] = '.';
    expect(JWT_BAD, longest, secret, &all, OTHER_NOW, NULL);
    jwt_keys_free(secret);
}

static void issuer_and_audience(void **state)
{
    struct jwt_keys *keys = read_keys(other_keys);
    struct jwt_policy policy = policy_of("RS256");
    const char *token = others[3].token;
    (void)state;
    assert_string_equal(others[3].alg, "RS256");
    policy.issuer = TEXT("https://old.example");
    policy.audience = TEXT("other");
    expect(JWT_GOOD, token, keys, &policy, OTHER_NOW, NULL);
    policy.audience = TEXT("ap");
    expect(JWT_BAD, token, keys, &policy, OTHER_NOW, "audience");
    policy.audience = TEXT("app");
    policy.issuer = TEXT("https://old.example/");
    expect(JWT_BAD, token, keys, &policy, OTHER_NOW, "issuer");
    jwt_keys_free(keys);
}

static void times(void **state)
{
    struct jwt_keys *keys = read_keys(other_keys);
    struct jwt_policy policy = policy_of("ES256");
    const char *token = others[7].token;
    (void)state;
    assert_string_equal(others[7].alg, "ES256");
    expect(JWT_BAD, token, keys, &policy, INT64_C(1700003600000), "expired");
    expect(JWT_GOOD, token, keys, &policy, INT64_C(1700003599999), NULL);
    expect(JWT_BAD, token, keys, &policy, INT64_C(1699999999999), "not hold yet");
    policy.leeway_ms = 5000;
    expect(JWT_GOOD, token, keys, &policy, INT64_C(1700003604999), NULL);
    expect(JWT_BAD, token, keys, &policy, INT64_C(1700003605000), "expired");
    expect(JWT_GOOD, token, keys, &policy, INT64_C(1699999995000), NULL);
    expect(JWT_BAD, token, keys, &policy, INT64_C(1699999994999), "not hold yet");
    jwt_keys_free(keys);
}

/* The key of an asymmetric algorithm must never serve as the secret of a shared one. */
static void kinds_of_keys_are_kept_apart(void **state)
{
    struct jwt_keys *keys =
        read_keys("{\"keys\":[{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
                  "ODlhYmNkZWY\"}]}");
    (void)state;
    assert_int_equal(jwt_keys_count(keys), 0);
    struct jwt_policy all = {.algs = UINT32_MAX};
    expect(JWT_NO_KEY, others[0].token, keys, &all, OTHER_NOW, "no key");
    jwt_keys_free(keys);
}

static void key_sets(void **state)
{
    static const char *const none[] = {
        "{\"keys\":[]}",
        "{\"keys\":[null,1,\"x\",[],{}]}",
        "{\"keys\":[{\"kty\":\"RSA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
        "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}", /* not on the curve */
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_"
        "7TyWQHOg7hcvPapiMlrwaaPJHcURo\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\",\"x\":"
        "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"key_ops\":[\"sign\"],\"x\":"
        "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
    };
    static const char *const bad[] = {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":null}", "<html>"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(none); i++) {
        struct jwt_keys *keys = read_keys(none[i]);
        if (jwt_keys_count(keys) != 0)
            fail_msg("a key in %s", none[i]);
        jwt_keys_free(keys);
    }
    struct jwt_keys *weak = read_keys(weak_keys);
    assert_int_equal(jwt_keys_count(weak), 0);
    jwt_keys_free(weak);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct jwt_keys *keys;
        struct err err = {0};
        assert_int_equal(jwt_keys_read(&keys, text_of(bad[i]), &err), -1);
        assert_int_equal(err.code, ERR_INPUT);
    }
}

static void policies(void **state)
{
    static const char *const bad[] = {"", "none", "RS256,none", "rs256", "RS256,,ES256", "HS1"};
    struct jwt_keys *keys;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct jwt_policy policy;
        struct err err = {0};
        assert_int_equal(jwt_policy_algs(&policy, text_of(bad[i]), &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
    }
    struct err err = {0};
    assert_int_equal(jwt_keys_secret(&keys, TEXT("short"), &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfcs),
        cmocka_unit_test(every_algorithm),
        cmocka_unit_test(turned_bits_and_cuts),
        cmocka_unit_test(malformed),
        cmocka_unit_test(issuer_and_audience),
        cmocka_unit_test(times),
        cmocka_unit_test(kinds_of_keys_are_kept_apart),
        cmocka_unit_test(key_sets),
        cmocka_unit_test(policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
