#include "clerk/organization.h"

static void put_object(struct json_out *out, struct text key, struct text json)
{
    json_key(out, key);
    json_put_raw(out, json.at ? json : TEXT("{}"));
}

static void put_text(struct json_out *out, struct text key, struct text value)
{
    json_key(out, key);
    json_put_text(out, value);
}

static void put_int(struct json_out *out, struct text key, int64_t value)
{
    json_key(out, key);
    json_put_int(out, value);
}

static void put_bool(struct json_out *out, struct text key, bool value)
{
    json_key(out, key);
    json_put_bool(out, value);
}

static void put_names(struct json_out *out, const struct clerk_organization *organization)
{
    put_text(out, TEXT("id"), organization->id);
    put_text(out, TEXT("name"), organization->name);
    put_text(out, TEXT("slug"), organization->slug);
    put_text(out, TEXT("image_url"), organization->image_url);
    put_bool(out, TEXT("has_image"), organization->image_url.len > 0);
}

static void put_counts(struct json_out *out, const struct clerk_organization *organization)
{
    if (organization->members_count != USER_UNSET)
        put_int(out, TEXT("members_count"), organization->members_count);
    if (organization->pending_invitations_count != USER_UNSET)
        put_int(out, TEXT("pending_invitations_count"), organization->pending_invitations_count);
    if (organization->missing_elevated_member != USER_FLAG_UNSET)
        put_bool(out, TEXT("missing_member_with_elevated_permissions"),
                 organization->missing_elevated_member == USER_FLAG_TRUE);
}

void clerk_write_organization(const struct clerk_organization *organization,
                              enum clerk_audience audience, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    put_text(&out, TEXT("object"), TEXT("organization"));
    put_names(&out, organization);
    put_counts(&out, organization);
    put_int(&out, TEXT("max_allowed_memberships"), organization->max_allowed_memberships);
    put_bool(&out, TEXT("admin_delete_enabled"), organization->admin_delete_enabled);
    put_object(&out, TEXT("public_metadata"), organization->public_metadata);
    if (audience == CLERK_BACKEND) {
        put_object(&out, TEXT("private_metadata"), organization->private_metadata);
        if (organization->created_by.at)
            put_text(&out, TEXT("created_by"), organization->created_by);
        json_key(&out, TEXT("role_set_key"));
        json_put_text_or_null(&out, organization->role_set_key);
    }
    put_int(&out, TEXT("created_at"), organization->created_at);
    put_int(&out, TEXT("updated_at"), organization->updated_at);
    json_close(&out, '}');
}

void clerk_write_public_organization(const struct clerk_organization *organization, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    put_names(&out, organization);
    json_close(&out, '}');
}

static void put_person(struct json_out *out, const struct clerk_user *user)
{
    put_text(out, TEXT("user_id"), user->id);
    json_key(out, TEXT("first_name"));
    json_put_text_or_null(out, user->user.first_name);
    json_key(out, TEXT("last_name"));
    json_put_text_or_null(out, user->user.last_name);
    put_text(out, TEXT("image_url"), user->image_url);
    put_bool(out, TEXT("has_image"), user->image_url.len > 0);
}

void clerk_write_inviter(const struct clerk_user *user, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    put_person(&out, user);
    put_text(&out, TEXT("identifier"), clerk_identifier_of(user));
    json_close(&out, '}');
}

void clerk_write_member_user(const struct clerk_user *user, struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    put_person(&out, user);
    put_text(&out, TEXT("profile_image_url"), user->image_url);
    json_key(&out, TEXT("identifier"));
    json_put_text_or_null(&out, clerk_identifier_of(user));
    json_key(&out, TEXT("username"));
    json_put_text_or_null(&out, user->user.username);
    put_bool(&out, TEXT("banned"), user->user.banned == USER_FLAG_TRUE);
    put_bool(&out, TEXT("deprovisioned"), false);
    json_close(&out, '}');
}

void clerk_write_membership(const struct clerk_membership *membership,
                            const struct clerk_organization *organization,
                            const struct clerk_user *user, enum clerk_audience audience,
                            struct buf *to)
{
    struct json_out out = json_out(to);
    json_open(&out, '{');
    put_text(&out, TEXT("object"), TEXT("organization_membership"));
    put_text(&out, TEXT("id"), membership->id);
    put_object(&out, TEXT("public_metadata"), membership->public_metadata);
    if (audience == CLERK_BACKEND)
        put_object(&out, TEXT("private_metadata"), membership->private_metadata);
    put_text(&out, TEXT("role"), membership->role);
    put_text(&out, TEXT("role_name"), membership->role_name);
    json_key(&out, TEXT("permissions"));
    json_open(&out, '[');
    for (size_t i = 0; i < membership->permissions.count; i++)
        json_put_text(&out, membership->permissions.at[i]);
    json_close(&out, ']');
    put_int(&out, TEXT("created_at"), membership->created_at);
    put_int(&out, TEXT("updated_at"), membership->updated_at);
    json_key(&out, TEXT("organization"));
    clerk_write_organization(organization, audience, to);
    out.comma = true; /* the object has written itself */
    if (user) {
        json_key(&out, TEXT("public_user_data"));
        clerk_write_member_user(user, to);
    }
    buf_byte(to, '}');
}
