/*
 * clerk/error: the envelope in which every refusal travels:
 *     {"errors":[{"message":…,"long_message":…,"code":…,"meta":{…}}],"clerk_trace_id":…}
 * Codes, statuses and the keys of meta are Clerk's; the sentences are ours.
 */
#ifndef USHER_CLERK_ERROR_H
#define USHER_CLERK_ERROR_H

#include "base/base.h"

/* The errors that the sandbox and the gateway answer with: ERROR(code, HTTP status, short message). */
#define CLERK_ERRORS(ERROR)                                                                        \
    ERROR(authorization_header_format_invalid, 401, "Invalid Authorization header")                \
    ERROR(clerk_key_invalid, 401, "The secret key is not valid")                                   \
    ERROR(resource_not_found, 404, "Not found")                                                    \
    ERROR(request_body_invalid, 400, "The request body is invalid")                                \
    ERROR(request_body_too_large, 413, "The request body is too large")                            \
    ERROR(unsupported_content_type, 415, "Content-Type is not supported")                          \
    ERROR(malformed_request_parameters, 400, "The request parameters are malformed")               \
    ERROR(too_many_requests, 429, "Too many requests")                                             \
    ERROR(internal_clerk_error, 500, "Internal error")                                             \
    ERROR(service_unavailable, 503, "Service unavailable")                                         \
    ERROR(proxy_request_failed, 502, "No answer from Clerk")                                       \
    ERROR(proxy_path_mismatch, 400, "Not an address of the proxy")                                 \
    ERROR(user_quota_exceeded, 403, "User quota exceeded")                                         \
    ERROR(feature_not_enabled, 403, "Not enabled")                                                 \
    ERROR(feature_not_implemented, 501, "Not implemented")                                         \
    ERROR(form_data_missing, 422, "Missing data")                                                  \
    ERROR(form_param_unknown, 422, "Unknown parameter")                                            \
    ERROR(form_param_missing, 422, "Missing parameter")                                            \
    ERROR(form_param_nil, 422, "Null parameter")                                                   \
    ERROR(form_param_type_invalid, 422, "Wrong type")                                              \
    ERROR(form_param_value_invalid, 422, "Invalid value")                                          \
    ERROR(form_param_format_invalid, 422, "Invalid format")                                        \
    ERROR(form_param_duplicate, 422, "Duplicate parameter")                                        \
    ERROR(form_param_max_length_exceeded, 422, "Too long")                                         \
    ERROR(form_param_min_length_exceeded, 422, "Too short")                                        \
    ERROR(form_invalid_origin, 422, "Invalid origin")                                              \
    ERROR(request_invalid_for_environment, 400, "Not for this kind of instance")                   \
    ERROR(form_param_array_length_mismatch, 422, "Array lengths differ")                           \
    ERROR(form_param_array_size_exceeded, 422, "Too many items")                                   \
    ERROR(form_param_exceeds_allowed_size, 422, "Too large")                                       \
    ERROR(form_param_invalid_date, 422, "Invalid date")                                            \
    ERROR(form_conditional_param_missing, 422, "Missing parameter")                                \
    ERROR(form_conditional_param_disallowed, 422, "Parameter not allowed here")                    \
    ERROR(duplicate_record, 400, "There is one already")                                           \
    ERROR(revoked_invitation, 400, "The invitation was revoked")                                   \
    ERROR(invitation_already_accepted, 400, "The invitation was accepted already")                 \
    ERROR(invitation_already_revoked, 400, "The invitation was revoked already")                   \
    ERROR(invitation_account_exists, 400, "The invited user exists already")                       \
    ERROR(invitation_account_not_exists, 400, "The invited user does not exist")                   \
    ERROR(invitations_not_supported, 400, "Invitations are not supported")                         \
    ERROR(waitlist_entry_already_invited, 409, "Invited already")                                  \
    ERROR(waitlist_entry_already_completed, 409, "A user already")                                 \
    ERROR(waitlist_entry_already_rejected, 409, "Rejected already")                                \
    ERROR(waitlist_not_accepting_entries, 403, "No waiting list")                                  \
    ERROR(form_param_value_conflict, 422, "Values do not go together")                             \
    ERROR(form_already_exists, 422, "There is one already")                                        \
    ERROR(form_password_compromised, 422, "Password compromised")                                  \
    ERROR(oauth_token_provider_not_enabled, 404, "Provider not enabled")                           \
    ERROR(primary_domain_already_exists, 422, "There is a primary domain")                         \
    ERROR(home_url_taken, 422, "Domain taken")                                                     \
    ERROR(operation_not_allowed_on_primary_domain, 403, "Not for the primary domain")              \
    ERROR(invalid_proxy_configuration, 422, "The proxy does not work")                             \
    ERROR(template_type_unsupported, 400, "Type not supported")                                    \
    ERROR(template_revert_error, 400, "Nothing to revert")                                         \
    ERROR(invalid_template_body, 422, "Invalid template")                                          \
    ERROR(required_variable_missing, 422, "A variable is missing")                                 \
    ERROR(svix_app_exists, 400, "There is a Svix app already")                                     \
    ERROR(svix_app_missing, 400, "There is no Svix app")                                           \
    ERROR(not_allowed_access, 403, "Access not allowed")                                           \
    ERROR(form_email_address_blocked, 403, "Email address blocked")                                \
    ERROR(already_a_member_in_organization, 400, "Already a member")                               \
    ERROR(not_a_member_in_organization, 403, "Not a member")                                       \
    ERROR(missing_organization_permission, 403, "A permission is missing")                         \
    ERROR(organization_invitation_not_unique, 400, "Invited already")                              \
    ERROR(organization_invitation_not_pending, 404, "The invitation is not pending")               \
    ERROR(organization_invitation_already_accepted, 400, "The invitation was accepted already")    \
    ERROR(organization_invitation_revoked_code, 400, "The invitation was revoked")                 \
    ERROR(bulk_size_exceeded, 400, "Too many at once")                                             \
    ERROR(image_not_found, 404, "No picture")                                                      \
    ERROR(image_too_large, 413, "The picture is too large")                                        \
    ERROR(organization_domains_not_enabled, 403, "Domains are not enabled")                        \
    ERROR(organization_domain_enrollment_mode_not_enabled, 403, "The mode is not enabled")         \
    ERROR(organization_domain_quota_exceeded, 403, "Too many domains")                             \
    ERROR(organization_domain_already_exists, 422, "Another organization's domain")                \
    ERROR(organization_domain_already_exists_same_organization, 422,                               \
          "The domain is there already")                                                           \
    ERROR(organization_domain_blocked, 422, "The domain is blocked")                               \
    ERROR(organization_domain_common, 422, "A mail service's domain")                              \
    ERROR(organization_domain_enrollment_mode_invalid, 422, "The mode is not possible")            \
    ERROR(organization_domain_mismatch, 422, "Not an address of the domain")                       \
    ERROR(organization_suggestion_already_accepted, 400, "The suggestion was accepted already")    \
    ERROR(organization_not_enabled_in_instance, 403, "Organizations are not enabled")              \
    ERROR(organization_slugs_disabled, 403, "Slugs are disabled")                                  \
    ERROR(organization_creator_not_found, 400, "Creator not found")                                \
    ERROR(organization_not_found_or_unauthorized, 404, "No such organization of yours")            \
    ERROR(organization_admin_delete_not_enabled, 403, "Organizations stay")                        \
    ERROR(user_create_organization_not_enabled, 403, "You may not create organizations")           \
    ERROR(organization_quota_exceeded, 403, "Too many organizations")                              \
    ERROR(organization_membership_quota_exceeded, 403, "The organization is full")                 \
    ERROR(organization_minimum_permissions_needed, 400, "An admin is needed")                      \
    ERROR(organization_system_permission_not_modifiable, 403, "A permission of Clerk's own")       \
    ERROR(organization_instance_role_sets_quota_exceeded, 403, "Too many role sets")               \
    ERROR(organization_role_set_reassignment_mappings_invalid, 422, "A mapping is invalid")        \
    ERROR(organization_role_set_reassignment_mappings_missing, 422, "A mapping is missing")        \
    ERROR(cannot_delete_initial_role_set, 403, "The initial role set stays")                       \
    ERROR(organization_missing_creator_role_permissions, 422,                                      \
          "The creator's role lacks permissions")                                                  \
    ERROR(organization_instance_roles_quota_exceeded, 403, "Too many roles")                       \
    ERROR(organization_role_default_creator_role, 422, "The creator's role")                       \
    ERROR(organization_role_domain_default_role, 422, "The role of those who join by a domain")    \
    ERROR(organization_role_assigned_members, 422, "Members have this role")                       \
    ERROR(organization_role_exists_in_invitations, 422, "Invitations give this role")              \
    ERROR(organization_role_permission_association_exists, 409, "The role has it already")         \
    ERROR(organization_role_permission_association_not_found, 404, "The role does not have it")    \
    ERROR(form_identifier_exists, 422, "Already taken")                                            \
    ERROR(form_resource_not_found, 422, "Not found")                                               \
    ERROR(form_username_invalid_length, 422, "Username has a wrong length")                        \
    ERROR(form_username_invalid_character, 422, "Username has a character that is not allowed")    \
    ERROR(form_username_needs_non_number_char, 422, "Username needs a letter")                     \
    ERROR(form_username_cannot_be_phone_number, 422, "Username is a phone number")                 \
    ERROR(form_password_digest_invalid_code, 422, "Invalid password digest")                       \
    ERROR(form_password_length_too_short, 422, "Password is too short")                            \
    ERROR(form_password_size_in_bytes_exceeded, 422, "Password is too long")                       \
    ERROR(form_password_length_too_long, 422, "Password is too long")                              \
    ERROR(form_password_no_special_char, 422, "Password needs a special character")                \
    ERROR(form_password_no_number, 422, "Password needs a digit")                                  \
    ERROR(form_password_no_uppercase, 422, "Password needs an upper-case letter")                  \
    ERROR(form_password_no_lowercase, 422, "Password needs a lower-case letter")                   \
    ERROR(invalid_totp_secret_code, 422, "Invalid TOTP secret")                                    \
    ERROR(incorrect_password, 422, "Incorrect password")                                           \
    ERROR(no_password_set, 400, "No password set")                                                 \
    ERROR(totp_disabled, 400, "TOTP is not set up")                                                \
    ERROR(totp_incorrect_code, 422, "Incorrect code")                                              \
    ERROR(last_required_identification_deletion_failed, 400, "Cannot delete the last identifier")  \
    ERROR(identification_update_failed, 400, "Cannot update the identifier")                       \
    ERROR(authentication_invalid, 401, "Not signed in")                                            \
    ERROR(signed_out, 401, "Signed out")                                                           \
    ERROR(dev_browser_unauthenticated, 401, "Development browser unknown")                         \
    ERROR(request_invalid_for_instance, 400, "Not for this kind of instance")                      \
    ERROR(host_invalid, 400, "Invalid host")                                                       \
    ERROR(proxy_request_missing_secret_key, 400, "Secret key missing")                             \
    ERROR(proxy_request_invalid_secret_key, 401, "Secret key invalid")                             \
    ERROR(invalid_redirect_url, 422, "Invalid redirect URL")                                       \
    ERROR(client_state_invalid, 400, "Not possible in this state")                                 \
    ERROR(session_exists, 400, "Session already exists")                                           \
    ERROR(identifier_already_signed_in, 400, "Already signed in")                                  \
    ERROR(form_identifier_not_found, 422, "Couldn't find your account")                            \
    ERROR(form_password_incorrect, 422, "Password is incorrect")                                   \
    ERROR(form_password_or_identifier_incorrect, 422, "Identifier or password is incorrect")       \
    ERROR(form_code_incorrect, 422, "Incorrect code")                                              \
    ERROR(strategy_for_user_invalid, 400, "Invalid verification strategy")                         \
    ERROR(sign_in_identification_or_user_deleted, 400, "The account is gone")                      \
    ERROR(sign_in_no_identification_for_user, 404, "No such address")                              \
    ERROR(invalid_action_for_session, 400, "Not possible for this session")                        \
    ERROR(expired_session_token_invalid, 401, "Session token invalid")                             \
    ERROR(refresh_sid_mismatch, 401, "Session token of another session")                           \
    ERROR(refresh_request_origin_azp_mismatch, 401, "Session token of another origin")             \
    ERROR(session_refresh_session_not_found, 401, "No such session")                               \
    ERROR(session_refresh_user_not_found, 401, "No such user")                                     \
    ERROR(refresh_token_not_found, 401, "Refresh token not found")                                 \
    ERROR(session_refresh_inactive_session, 401, "Session is not active")                          \
    ERROR(session_refresh_expired_session_token_too_old, 401, "Session token too old")             \
    ERROR(sign_up_mode_restricted, 403, "Sign-ups are restricted")                                 \
    ERROR(sign_up_restricted_waitlist, 403, "Sign-ups are by waiting list")                        \
    ERROR(sign_up_cannot_be_updated, 403, "Sign-up is complete")                                   \
    ERROR(verification_strategy_invalid, 400, "Invalid verification strategy")                     \
    ERROR(user_delete_self_not_enabled, 403, "Cannot delete yourself")                             \
    ERROR(password_required, 400, "Password required")                                             \
    ERROR(totp_already_enabled, 400, "TOTP already enabled")                                       \
    ERROR(backup_codes_not_available, 400, "Backup codes not available")                           \
    ERROR(unknown_config_key, 400, "Unknown key of the configuration")                             \
    ERROR(config_version_conflict, 409, "The configuration has changed")                           \
    ERROR(config_validation_error, 422, "Invalid configuration")                                   \
    ERROR(destructive_operation_not_allowed, 400, "Not without destructive=true")                  \
    ERROR(user_locked, 403, "Your account is locked")                                              \
    ERROR(user_banned, 403, "Your account is banned")                                              \
    ERROR(verification_expired, 400, "Code expired")                                               \
    ERROR(verification_failed, 400, "Too many failed attempts")                                    \
    ERROR(verification_missing, 400, "Nothing to verify")                                          \
    ERROR(verification_already_verified, 400, "Already verified")                                  \
    ERROR(ticket_invalid_code, 400, "Ticket is invalid")                                           \
    ERROR(ticket_expired_code, 400, "Ticket has expired")                                          \
    ERROR(sign_in_token_already_used_code, 400, "Token already used")                              \
    ERROR(sign_in_token_revoked_code, 400, "Token is revoked")                                     \
    ERROR(sign_in_token_cannot_be_used_code, 400, "Token cannot be used")                          \
    ERROR(sign_in_token_cannot_be_revoked_code, 400, "Token cannot be revoked")                    \
    ERROR(actor_token_already_used_code, 400, "Token already used")                                \
    ERROR(actor_token_revoked_code, 400, "Token is revoked")                                       \
    ERROR(actor_token_cannot_be_used_code, 400, "Token cannot be used")                            \
    ERROR(actor_token_cannot_be_revoked_code, 400, "Token cannot be revoked")

enum clerk_code {
#define ERROR(code, status, message) CLERK_##code,
    CLERK_ERRORS(ERROR)
#undef ERROR
};

struct clerk_error {
    enum clerk_code code;
    struct text long_message;
    /* What meta holds; absent for none. */
    struct text param;       /* param_name */
    struct text params;      /* param_names as a JSON array */
    struct text session;     /* session_id */
    struct text permissions; /* permissions as a JSON array */
};

/* The HTTP status of a code, and its name. */
int clerk_error_status(enum clerk_code code);
const char *clerk_error_name(enum clerk_code code);

/* Appends the envelope of one error. trace_id: see clerk_trace_id. */
void clerk_error_write(const struct clerk_error *error, struct text trace_id, struct buf *to);

#define CLERK_TRACE_ID_LEN 32
/* A fresh trace id: 32 hex digits and a NUL. */
void clerk_trace_id(char to[CLERK_TRACE_ID_LEN + 1]);

#endif
