/* What becomes of an entry: nothing, a request to make it, or a look at what is there first. */
#include <stdio.h>
#include <string.h>

#include "migrate/ties.h"

#define SLUG_NAME_MAX 40

static void put_object(struct json_out *out, struct text key, struct text object)
{
    json_key(out, key);
    json_put_raw(out, object.len > 0 ? object : TEXT("{}"));
}

/* The source's id goes in front of whatever else there is. */
static void put_private(struct json_out *out, const struct roster_entry *entry)
{
    struct text own = text_part(entry->private_metadata, 1, entry->private_metadata.len);
    json_key(out, TEXT("private_metadata"));
    json_open(out, '{');
    json_key(out, TEXT("external_id"));
    json_put_text(out, entry->organization);
    if (own.len > 0)
        buf_printf(out->to, ",%.*s", TEXT_ARG(own));
    else
        json_close(out, '}');
    out->comma = true;
}

static void write_organization(struct tie *tie, const struct roster_entry *entry)
{
    struct json_out out = json_out(&tie->body);
    char created[DATE_TEXT_MAX];
    json_open(&out, '{');
    json_key(&out, TEXT("name"));
    json_put_text(&out, entry->name);
    json_key(&out, TEXT("slug"));
    json_put_text(&out, buf_text(&tie->slug));
    json_key(&out, TEXT("max_allowed_memberships")); /* 0: no limit, as at the source */
    json_put_int(&out, entry->members_max == USER_UNSET ? 0 : entry->members_max);
    if (entry->created_ms != USER_UNSET) {
        date_format(entry->created_ms, created);
        json_key(&out, TEXT("created_at"));
        json_put_text(&out, text_of(created));
    }
    put_object(&out, TEXT("public_metadata"), entry->public_metadata);
    put_private(&out, entry);
    json_close(&out, '}');
}

static bool is_one_of(struct text role, const char *const *names)
{
    for (; *names; names++)
        if (text_same_nocase(role, text_of(*names)))
            return true;
    return false;
}

/* Clerk's two roles by the names that platforms have for them; any other is a role of the instance's own. */
static void put_role(struct json_out *out, struct text role)
{
    static const char *const admins[] = {"admin", "administrator", "owner", "org:admin", NULL};
    static const char *const members[] = {"", "member", "basic_member", "user", "org:member", NULL};
    char own[160];
    struct text key = is_one_of(role, admins)    ? TEXT("org:admin")
                      : is_one_of(role, members) ? TEXT("org:member")
                                                 : role;
    if (!text_starts(key, TEXT("org:"))) {
        snprintf(own, sizeof(own), "org:%.*s", TEXT_ARG(key));
        key = text_of(own);
    }
    json_key(out, TEXT("role"));
    json_put_text(out, key);
}

static void write_membership(struct tie *tie, const struct roster_entry *entry)
{
    struct json_out out = json_out(&tie->body);
    json_open(&out, '{');
    json_key(&out, TEXT("user_id"));
    json_put_text(&out, buf_text(&tie->user));
    put_role(&out, entry->role);
    put_object(&out, TEXT("public_metadata"), entry->public_metadata);
    put_object(&out, TEXT("private_metadata"), entry->private_metadata);
    json_close(&out, '}');
}

/* Lower-case letters, digits and single dashes between them: all that a slug may have. */
static void put_slug(struct buf *to, struct text name, size_t max)
{
    bool gap = false;
    for (size_t i = 0; i < name.len && to->len < max; i++) {
        char c = name.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (fits && gap && to->len > 0)
            buf_printf(to, "-");
        if (fits)
            buf_printf(to, "%c", c);
        gap = !fits;
    }
}

/*
 * A source without slugs gets them from the name, and from the id so that two organizations of one name have
 * two; always the same ones, as it is by the slug that a lost organization is found again.
 */
static void make_slug(struct tie *tie, const struct roster_entry *entry)
{
    static const struct hash_key key = {"usher slug 1"};
    if (entry->slug.len > 0) {
        put_slug(&tie->slug, entry->slug, entry->slug.len);
        return;
    }
    put_slug(&tie->slug, entry->name, SLUG_NAME_MAX);
    buf_printf(&tie->slug, "%s%08x", tie->slug.len > 0 ? "-" : "",
               (unsigned)(hash_text(&key, entry->organization) & 0xffffffff));
}

static int hash_body(struct tie *tie, struct err *err)
{
    struct json_value body;
    if (!buf_ok(&tie->body) || !buf_ok(&tie->slug))
        return err_memory(err);
    if (json_parse(tie->ties->json, buf_text(&tie->body), &body, err) != 0)
        return -1;
    tie_hash(tie->ties, tie->kind, body, &tie->now);
    tie_mark(tie->ties, body, &tie->marks);
    return buf_ok(&tie->marks) ? 0 : err_memory(err);
}

/* What the ledger knows decides the first step. */
static void decide_tie(struct tie *tie, const struct ledger_tie *known)
{
    struct ties *ties = tie->ties;
    bool done = known && known->state == LEDGER_DONE;
    if (known) {
        tie->ours = done || known->hashes.len > 0;
        tie_decode(known->hashes, &tie->written, &tie->written_marks);
        tie->made = known->made;
        tie->sent_before = known->state == LEDGER_SENDING;
    }
    enum migrate_action action = !done                                          ? MIGRATE_CREATE
                                 : tie_differing(&tie->now, &tie->written) == 0 ? MIGRATE_UNCHANGED
                                                                                : MIGRATE_UPDATE;
    if (done && tie->kind == ROSTER_ORGANIZATION)
        buf_add(&tie->clerk_id, known->clerk_id);
    if (ties->planned)
        ties->planned(ties, tie, action);
    if (action == MIGRATE_UNCHANGED)
        ties->totals->unchanged++;
    if (ties->planned || action == MIGRATE_UNCHANGED) {
        tie_land(tie);
        return;
    }
    tie->step =
        done || (tie->sent_before && tie->kind == ROSTER_ORGANIZATION) ? TIE_LOOK : TIE_CREATE;
    if (!done)
        tie_put(tie, LEDGER_SENDING, NULL);
    tie_ready(tie);
}

/* A membership needs its organization and its user at the target. Returns 0, 1 when refused, or -1. */
static int find_both(struct tie *tie, const struct roster_entry *entry, struct err *err)
{
    struct ties *ties = tie->ties;
    struct ledger_tie organization;
    struct ledger_user user;
    bool found;
    if (ledger_tie_find(ties->ledger, entry->organization, TEXT(""), &ties->arena, &organization,
                        &found, err) != 0)
        return -1;
    if (found)
        buf_add(&tie->within, organization.clerk_id);
    if (tie->within.len == 0 && !ties->planned) { /* a plan comes before its organization is made */
        tie_refuse(tie, LEDGER_REJECTED, "organization_not_moved",
                   "its organization has not been moved; see what became of that");
        return 1;
    }
    if (ledger_find(ties->ledger, entry->user, &ties->arena, &user, &found, err) != 0)
        return -1;
    if (!found || user.clerk_id.len == 0) {
        tie_refuse(tie, LEDGER_REJECTED, "user_not_moved",
                   "its user is not in the ledger as moved; import the users first");
        return 1;
    }
    buf_add(&tie->user, user.clerk_id);
    return 0;
}

static int build(struct tie *tie, const struct roster_entry *entry, struct err *err)
{
    if (tie->kind == ROSTER_ORGANIZATION) {
        make_slug(tie, entry);
        write_organization(tie, entry);
        return hash_body(tie, err);
    }
    int refused = find_both(tie, entry, err);
    if (refused != 0)
        return refused;
    write_membership(tie, entry);
    return hash_body(tie, err);
}

int tie_prepare(struct tie *tie, const struct roster_entry *entry, struct err *err)
{
    tie->kind = entry->kind;
    tie->row = entry->row;
    buf_add(&tie->organization, entry->organization);
    buf_add(&tie->member, entry->user);
    tie->ties->totals->rows++;
    if (!entry->reason)
        return build(tie, entry, err);
    tie_refuse(tie, LEDGER_REJECTED, entry->reason, entry->detail);
    return 1;
}

static int take_entry(struct ties *ties, const struct roster_entry *entry, struct err *err)
{
    struct tie *tie = ties_take(ties);
    struct ledger_tie known;
    bool found;
    int refused = tie_prepare(tie, entry, err);
    if (refused != 0)
        return refused < 0 ? -1 : 0;
    ties->totals->accepted++;
    if (ledger_tie_find(ties->ledger, entry->organization, entry->user, &ties->arena, &known,
                        &found, err) != 0)
        return -1;
    decide_tie(tie, found ? &known : NULL);
    return 0;
}

int ties_read(struct ties *ties, struct err *err)
{
    struct roster_entry entry;
    arena_reset(&ties->arena);
    int got = roster_next(ties->roster, &entry, err);
    ties->at_end = got == 0;
    if (got <= 0 || entry.kind != ties->pass)
        return got < 0 ? -1 : 0;
    if (ties_see(ties, &entry, err) != 0)
        return -1;
    return take_entry(ties, &entry, err);
}
