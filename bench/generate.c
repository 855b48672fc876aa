/*
 * Makes exports of any size: made-up users, the same ones for the same seed, as fast as a disk takes them.
 *
 *     generate --platform NAME --users N [--seed S] [--real] [--array] > FILE
 *
 * auth0     JSON Lines as Auth0 exports them, about 670 bytes a user, bcrypt digests
 * authjs    a JSON array of the users table; Auth.js has no passwords
 * clerk     the Dashboard's CSV, digests of seven hashers in turn
 * firebase  `firebase auth:export` as JSON; its hash parameters are in generate_digest.h
 * supabase  auth.users as CSV, bcrypt digests
 * usher     JSON Lines in Usher's own form, digests of seven hashers in turn
 *
 * One user in ten has an unverified email address, every 6th has a phone number, every 9th a second email
 * address (clerk, usher), every 20th no password. --array makes a JSON array of JSON Lines.
 *
 * Without --real a bcrypt or Firebase digest has the right shape and no known password, which costs nothing
 * to make. With it, and for all other hashers, every digest is one of PASSWORD at the lowest cost that its
 * hasher allows, of a few salts a hasher that users share. clerk and usher always are real.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "generate_digest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- people --- */

static const char *const given[] = {"Ada",   "Bao",  "Chiara", "Dmitri", "Eun-ji", "Fatima",
                                    "Goran", "Hana", "Ines",   "Jörg",   "Kofi",   "Leïla"};
static const char *const family[] = {"Adeyemi", "Bianchi", "Castillo", "Dvořák",   "Eriksen",
                                     "Fischer", "García",  "Haddad",   "Ibrahimi", "Jansen"};

struct person {
    unsigned long long id; /* also what makes the addresses differ */
    const char *given, *family, *plan;
    char created[DATE_TEXT_MAX], updated[DATE_TEXT_MAX];
    bool verified;
    unsigned logins;
    bool password, phone, second_email;
};

static void draw_person(struct generator *g, uint64_t number, struct person *p)
{
    int64_t created = INT64_C(1420070400000) + (int64_t)(draw(g) % UINT64_C(300000000000));
    p->id = number;
    p->given = given[draw(g) % COUNT(given)];
    p->family = family[draw(g) % COUNT(family)];
    p->verified = draw(g) % 10 != 0;
    p->logins = (unsigned)(draw(g) % 500);
    p->plan = p->logins % 5 ? "free" : "pro";
    p->password = number % 20 != 0;
    p->phone = number % 6 == 0;
    p->second_email = number % 9 == 0;
    date_format(created, p->created);
    date_format(created + (int64_t)(draw(g) % 9000000), p->updated);
}

/* "+49305…": as long as a real one, different for each user. */
static void put_phone(const struct person *p, char to[24])
{
    snprintf(to, 24, "+4930%08llu", p->id);
}

static void print_auth0(struct generator *g, const struct person *p)
{
    char digest[DIGEST_MAX], id[17], phone[24];
    draw_hex(g, id, 16);
    printf("{\"user_id\":\"auth0|%s%08llx\",\"email\":\"user%llu@mail%llu.example.org\","
           "\"email_verified\":%s,",
           id, p->id, p->id, p->id % 100, p->verified ? "true" : "false");
    if (p->phone) {
        put_phone(p, phone);
        printf("\"phone_number\":\"%s\",\"phone_verified\":true,", phone);
    }
    printf("\"name\":\"%s %s\",\"given_name\":\"%s\",\"family_name\":\"%s\",\"nickname\":"
           "\"user%llu\",\"picture\":\"https://images.example.net/%.8s.png\",\"identities\":[{"
           "\"connection\":\"Username-Password-Authentication\",\"provider\":\"auth0\","
           "\"user_id\":\"%s%08llx\",\"isSocial\":false}],\"app_metadata\":{\"plan\":\"%s\"},"
           "\"user_metadata\":{\"theme\":\"dark\"},",
           p->given, p->family, p->given, p->family, p->id, id, id, p->id, p->plan);
    printf("\"created_at\":\"%s\",\"updated_at\":\"%s\",\"last_login\":\"%s\",\"logins_count\":%u,"
           "\"blocked\":false",
           p->created, p->updated, p->updated, p->logins);
    if (p->password) {
        make_digest(g, &hashers[0], digest);
        printf(",\"passwordHash\":\"%s\"", digest);
    }
    putchar('}');
}

static void print_authjs(struct generator *g, const struct person *p)
{
    char id[21];
    draw_hex(g, id, 20);
    printf("{\"id\":\"cm%s%llu\",\"name\":\"%s %s\",\"email\":\"user%llu@mail%llu.example.org\","
           "\"email_verified\":%s%s%s,\"image\":null,\"created_at\":\"%s\",\"updated_at\":\"%s\"}",
           id, p->id, p->given, p->family, p->id, p->id % 100, p->verified ? "\"" : "",
           p->verified ? p->updated : "null", p->verified ? "\"" : "", p->created, p->updated);
}

static void print_clerk(struct generator *g, const struct person *p)
{
    const struct hasher *hasher = &hashers[p->id % HASHER_COUNT];
    char digest[DIGEST_MAX] = "", email[64], second[64] = "", id[21], phone[24] = "";
    draw_hex(g, id, 20);
    snprintf(email, sizeof(email), "user%llu@mail%llu.example.org", p->id, p->id % 100);
    if (p->second_email)
        snprintf(second, sizeof(second), "second%llu@mail%llu.example.org", p->id, p->id % 100);
    if (p->phone)
        put_phone(p, phone);
    if (p->password)
        make_digest(g, hasher, digest);
    printf("user_%s%llu,%s,%s,user_%llu,%s,%s,%s,", id, p->id, p->given, p->family, p->id, email,
           phone, p->verified ? email : "");
    printf("%s%s%s,%s,,,", p->verified ? "" : email, p->verified || !p->second_email ? "" : "|",
           second, phone);
    printf(strchr(digest, ',') ? "\"%s\",%s" : "%s,%s", digest, p->password ? hasher->name : "");
}

static void print_firebase(struct generator *g, const struct person *p)
{
    char hash[DIGEST_MAX], salt[32], id[21], phone[24];
    int64_t created = 0;
    draw_hex(g, id, 20);
    date_parse((struct text){p->created, strlen(p->created)}, &created);
    printf("{\"localId\":\"%s%08llx\",\"email\":\"user%llu@mail%llu.example.org\","
           "\"emailVerified\":%s,\"displayName\":\"%s %s\",\"createdAt\":\"%lld\","
           "\"lastSignedInAt\":\"%lld\",\"providerUserInfo\":[]",
           id, p->id, p->id, p->id % 100, p->verified ? "true" : "false", p->given, p->family,
           (long long)created, (long long)created + 86400000);
    if (p->phone) {
        put_phone(p, phone);
        printf(",\"phoneNumber\":\"%s\"", phone);
    }
    if (p->password) {
        make_firebase(g, hash, salt);
        printf(",\"passwordHash\":\"%s\",\"salt\":\"%s\"", hash, salt);
    }
    putchar('}');
}

/* A moment as PostgreSQL writes it. */
static void print_timestamp(const char *rfc3339)
{
    printf("%.10s %.12s+00", rfc3339, rfc3339 + 11);
}

static void print_supabase(struct generator *g, const struct person *p)
{
    char digest[DIGEST_MAX] = "", id[33], phone[24] = "";
    draw_hex(g, id, 32);
    if (p->phone)
        put_phone(p, phone);
    if (p->password)
        make_digest(g, &hashers[0], digest);
    printf("00000000-0000-0000-0000-000000000000,%.8s-%.4s-4%.3s-a%.3s-%.12s,authenticated,"
           "authenticated,user%llu@mail%llu.example.org,%s,",
           id, id + 8, id + 12, id + 15, id + 18, p->id, p->id % 100, digest);
    if (p->verified)
        print_timestamp(p->created);
    printf(
        ",\"{\"\"provider\"\":\"\"email\"\",\"\"providers\"\":[\"\"email\"\"],\"\"plan\"\":"
        "\"\"%s\"\"}\",\"{\"\"first_name\"\":\"\"%s\"\",\"\"last_name\"\":\"\"%s\"\",\"\"theme\"\":"
        "\"\"dark\"\"}\",",
        p->plan, p->given, p->family);
    print_timestamp(p->created);
    putchar(',');
    print_timestamp(p->updated);
    printf(",%s,", *phone ? phone + 1 : ""); /* Supabase keeps numbers without their + */
    if (p->phone)
        print_timestamp(p->updated);
    printf(",,false,");
}

static void print_usher(struct generator *g, const struct person *p)
{
    const struct hasher *hasher = &hashers[p->id % HASHER_COUNT];
    char digest[DIGEST_MAX], phone[24];
    printf("{\"external_id\":\"%llu\",\"first_name\":\"%s\",\"last_name\":\"%s\",\"username\":"
           "\"user_%llu\",\"email_address\":[{\"value\":\"user%llu@mail%llu.example.org\","
           "\"verified\":%s}",
           p->id, p->given, p->family, p->id, p->id, p->id % 100, p->verified ? "true" : "false");
    if (p->second_email)
        printf(",{\"value\":\"second%llu@mail%llu.example.org\",\"verified\":false}", p->id,
               p->id % 100);
    putchar(']');
    if (p->phone) {
        put_phone(p, phone);
        printf(",\"phone_number\":[\"%s\"]", phone);
    }
    if (p->password) {
        make_digest(g, hasher, digest);
        printf(",\"password_hasher\":\"%s\",\"password_digest\":\"%s\"", hasher->name, digest);
    }
    printf(",\"public_metadata\":{\"plan\":\"%s\"},\"created_at\":\"%s\"}", p->plan, p->created);
}

/* --- files --- */

struct platform {
    const char *name, *head, *between, *tail;
    void (*print)(struct generator *g, const struct person *p);
    bool real, lines; /* lines: of JSON, one a user */
};

static const struct platform platforms[] = {
    {"auth0", "", "\n", "\n", print_auth0, false, true},
    {"authjs", "[\n", ",\n", "\n]\n", print_authjs, false, false},
    {"clerk",
     "id,first_name,last_name,username,primary_email_address,primary_phone_number,"
     "verified_email_addresses,unverified_email_addresses,verified_phone_numbers,"
     "unverified_phone_numbers,totp_secret,password_digest,password_hasher\n",
     "\n", "\n", print_clerk, true, false},
    {"firebase", "{\"users\":[\n", ",\n", "\n]}\n", print_firebase, false, false},
    {"supabase",
     "instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,raw_app_meta_data,"
     "raw_user_meta_data,created_at,updated_at,phone,phone_confirmed_at,banned_until,is_sso_user,"
     "deleted_at\n",
     "\n", "\n", print_supabase, false, false},
    {"usher", "", "\n", "\n", print_usher, true, true},
};

struct options {
    struct platform platform;
    uint64_t users, seed;
    bool real, array;
};

static bool find_platform(const char *name, struct platform *platform)
{
    for (size_t i = 0; i < COUNT(platforms); i++) {
        if (strcmp(platforms[i].name, name) != 0)
            continue;
        *platform = platforms[i];
        return true;
    }
    return false;
}

/* Returns false if the options are not as the top of this file says. */
static bool read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){.users = 0};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--real") == 0)
            options->real = true;
        else if (strcmp(argv[i], "--array") == 0)
            options->array = true;
        else if (more && strcmp(argv[i], "--platform") == 0) {
            if (!find_platform(argv[++i], &options->platform))
                return false;
        } else if (more && strcmp(argv[i], "--users") == 0)
            options->users = strtoull(argv[++i], NULL, 10);
        else if (more && strcmp(argv[i], "--seed") == 0)
            options->seed = strtoull(argv[++i], NULL, 10);
        else
            return false;
    }
    return options->users > 0 && options->platform.print &&
           (!options->array || options->platform.lines);
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options)) {
        fputs("usage: generate --platform auth0|authjs|clerk|firebase|supabase|usher --users N "
              "[--seed S] [--real] [--array]\n",
              stderr);
        return 2;
    }
    struct platform *platform = &options.platform;
    struct generator g = {.state = options.seed * 2 + 1, .real = options.real || platform->real};
    for (int i = 0; i < 16; i++)
        draw(&g);
    fputs(options.array ? "[\n" : platform->head, stdout);
    for (uint64_t number = 1; number <= options.users; number++) {
        struct person person;
        draw_person(&g, number, &person);
        platform->print(&g, &person);
        if (number < options.users)
            fputs(options.array ? ",\n" : platform->between, stdout);
    }
    fputs(options.array ? "\n]\n" : platform->tail, stdout);
    return fflush(stdout) ? 1 : 0;
}
