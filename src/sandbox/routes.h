/*
 * The sandbox's endpoints, one row each: ROUTE(method, path, who may, limit class, handler). A path that
 * fits several rows belongs to the first with its method, so fixed words come before {}.
 */
#ifndef USHER_SANDBOX_ROUTES_H
#define USHER_SANDBOX_ROUTES_H

struct call;

#define ROUTES(ROUTE)                                                                              \
    ROUTE(POST, "/v1/users", KEY, INSTANCE, users_create)                                          \
    ROUTE(GET, "/v1/users", KEY, INSTANCE, users_list)                                             \
    ROUTE(GET, "/v1/users/count", KEY, INSTANCE, users_count)                                      \
    ROUTE(POST, "/v1/users/ban", KEY, INSTANCE, users_ban_all)                                     \
    ROUTE(POST, "/v1/users/unban", KEY, INSTANCE, users_unban_all)                                 \
    ROUTE(GET, "/v1/users/{}", KEY, INSTANCE, users_get)                                           \
    ROUTE(PATCH, "/v1/users/{}", KEY, USER, users_update)                                          \
    ROUTE(DELETE, "/v1/users/{}", KEY, INSTANCE, users_delete)                                     \
    ROUTE(PATCH, "/v1/users/{}/metadata", KEY, USER, users_metadata_merge)                         \
    ROUTE(PUT, "/v1/users/{}/metadata", KEY, USER, users_metadata_replace)                         \
    ROUTE(POST, "/v1/users/{}/ban", KEY, INSTANCE, users_ban)                                      \
    ROUTE(POST, "/v1/users/{}/unban", KEY, INSTANCE, users_unban)                                  \
    ROUTE(POST, "/v1/users/{}/lock", KEY, INSTANCE, users_lock)                                    \
    ROUTE(POST, "/v1/users/{}/unlock", KEY, INSTANCE, users_unlock)                                \
    ROUTE(POST, "/v1/users/{}/verify_password", KEY, INSTANCE, users_verify_password)              \
    ROUTE(POST, "/v1/users/{}/remove_password", KEY, INSTANCE, users_remove_password)              \
    ROUTE(POST, "/v1/users/{}/verify_totp", KEY, INSTANCE, users_verify_totp)                      \
    ROUTE(DELETE, "/v1/users/{}/mfa", KEY, INSTANCE, users_delete_mfa)                             \
    ROUTE(DELETE, "/v1/users/{}/totp", KEY, INSTANCE, users_delete_totp)                           \
    ROUTE(DELETE, "/v1/users/{}/backup_code", KEY, INSTANCE, users_delete_backup_codes)            \
    ROUTE(POST, "/v1/users/{}/profile_image", KEY, INSTANCE, users_set_image)                      \
    ROUTE(DELETE, "/v1/users/{}/profile_image", KEY, INSTANCE, users_delete_image)                 \
    ROUTE(GET, "/v1/users/{}/organization_memberships", KEY, INSTANCE, users_memberships)          \
    ROUTE(GET, "/v1/users/{}/organization_invitations", KEY, INSTANCE,                             \
          users_organization_invitations)                                                          \
    ROUTE(PUT, "/v1/users/{}/email_address", KEY, INSTANCE, emails_replace)                        \
    ROUTE(PUT, "/v1/users/{}/phone_number", KEY, INSTANCE, phones_replace)                         \
    ROUTE(POST, "/v1/users/{}/password/set_compromised", KEY, INSTANCE, users_set_compromised)     \
    ROUTE(POST, "/v1/users/{}/password/unset_compromised", KEY, INSTANCE, users_unset_compromised) \
    ROUTE(GET, "/v1/users/{}/oauth_access_tokens/{}", KEY, INSTANCE, users_oauth_tokens)           \
    ROUTE(DELETE, "/v1/users/{}/passkeys/{}", KEY, INSTANCE, users_delete_passkey)                 \
    ROUTE(DELETE, "/v1/users/{}/web3_wallets/{}", KEY, INSTANCE, users_delete_wallet)              \
    ROUTE(DELETE, "/v1/users/{}/external_accounts/{}", KEY, INSTANCE, users_delete_external)       \
    ROUTE(GET, "/v1/users/{}/trusted_devices", KEY, INSTANCE, users_trusted_devices)               \
    ROUTE(DELETE, "/v1/users/{}/trusted_devices/{}", KEY, INSTANCE, users_revoke_device)           \
    ROUTE(POST, "/v1/email_addresses", KEY, INSTANCE, emails_create)                               \
    ROUTE(GET, "/v1/email_addresses/{}", KEY, INSTANCE, emails_get)                                \
    ROUTE(PATCH, "/v1/email_addresses/{}", KEY, INSTANCE, emails_update)                           \
    ROUTE(DELETE, "/v1/email_addresses/{}", KEY, INSTANCE, emails_delete)                          \
    ROUTE(POST, "/v1/phone_numbers", KEY, INSTANCE, phones_create)                                 \
    ROUTE(GET, "/v1/phone_numbers/{}", KEY, INSTANCE, phones_get)                                  \
    ROUTE(PATCH, "/v1/phone_numbers/{}", KEY, INSTANCE, phones_update)                             \
    ROUTE(DELETE, "/v1/phone_numbers/{}", KEY, INSTANCE, phones_delete)                            \
    ROUTE(POST, "/v1/email_addresses/{}/prepare_verification", KEY, INSTANCE, emails_prepare)      \
    ROUTE(POST, "/v1/email_addresses/{}/attempt_verification", KEY, INSTANCE, emails_attempt)      \
    ROUTE(POST, "/v1/phone_numbers/{}/prepare_verification", KEY, INSTANCE, phones_prepare)        \
    ROUTE(POST, "/v1/phone_numbers/{}/attempt_verification", KEY, INSTANCE, phones_attempt)        \
    ROUTE(GET, "/v1/organizations", KEY, INSTANCE, orgs_list)                                      \
    ROUTE(POST, "/v1/organizations", KEY, INSTANCE, orgs_create)                                   \
    ROUTE(GET, "/v1/organizations/{}", KEY, INSTANCE, orgs_show)                                   \
    ROUTE(PATCH, "/v1/organizations/{}", KEY, USER, orgs_update)                                   \
    ROUTE(DELETE, "/v1/organizations/{}", KEY, INSTANCE, orgs_delete)                              \
    ROUTE(PATCH, "/v1/organizations/{}/metadata", KEY, USER, orgs_metadata_merge)                  \
    ROUTE(PUT, "/v1/organizations/{}/metadata", KEY, USER, orgs_metadata_replace)                  \
    ROUTE(PUT, "/v1/organizations/{}/logo", KEY, INSTANCE, orgs_set_logo)                          \
    ROUTE(DELETE, "/v1/organizations/{}/logo", KEY, INSTANCE, orgs_delete_logo)                    \
    ROUTE(GET, "/v1/organizations/{}/memberships", KEY, INSTANCE, members_list)                    \
    ROUTE(POST, "/v1/organizations/{}/memberships", KEY, INSTANCE, members_create)                 \
    ROUTE(PATCH, "/v1/organizations/{}/memberships/{}", KEY, MEMBER, members_update)               \
    ROUTE(DELETE, "/v1/organizations/{}/memberships/{}", KEY, INSTANCE, members_delete)            \
    ROUTE(PATCH, "/v1/organizations/{}/memberships/{}/metadata", KEY, MEMBER, members_metadata)    \
    ROUTE(GET, "/v1/organizations/{}/invitations", KEY, INSTANCE, org_invitations_list)            \
    ROUTE(POST, "/v1/organizations/{}/invitations", KEY, ORG_INVITE, org_invitations_create)       \
    ROUTE(POST, "/v1/organizations/{}/invitations/bulk", KEY, ORG_INVITE_MANY,                     \
          org_invitations_create_many)                                                             \
    ROUTE(GET, "/v1/organizations/{}/invitations/pending", KEY, INSTANCE,                          \
          org_invitations_list_pending)                                                            \
    ROUTE(GET, "/v1/organizations/{}/invitations/{}", KEY, INSTANCE, org_invitations_get)          \
    ROUTE(POST, "/v1/organizations/{}/invitations/{}/revoke", KEY, INSTANCE,                       \
          org_invitations_revoke_one)                                                              \
    ROUTE(GET, "/v1/organizations/{}/domains", KEY, INSTANCE, org_domains_list)                    \
    ROUTE(POST, "/v1/organizations/{}/domains", KEY, INSTANCE, org_domains_create)                 \
    ROUTE(PATCH, "/v1/organizations/{}/domains/{}", KEY, INSTANCE, org_domains_update)             \
    ROUTE(DELETE, "/v1/organizations/{}/domains/{}", KEY, INSTANCE, org_domains_delete)            \
    ROUTE(POST, "/v1/organizations/{}/domains/{}/verify_ownership", KEY, INSTANCE,                 \
          org_domains_verify_ownership)                                                            \
    ROUTE(GET, "/v1/organization_domains", KEY, INSTANCE, org_domains_list_all)                    \
    ROUTE(GET, "/v1/organization_invitations", KEY, INSTANCE, org_invitations_list_all)            \
    ROUTE(GET, "/v1/organization_memberships", KEY, INSTANCE, members_list_all)                    \
    ROUTE(GET, "/v1/organization_roles", KEY, INSTANCE, roles_list)                                \
    ROUTE(POST, "/v1/organization_roles", KEY, INSTANCE, roles_create)                             \
    ROUTE(GET, "/v1/organization_roles/{}", KEY, INSTANCE, roles_get)                              \
    ROUTE(PATCH, "/v1/organization_roles/{}", KEY, INSTANCE, roles_update)                         \
    ROUTE(DELETE, "/v1/organization_roles/{}", KEY, INSTANCE, roles_delete)                        \
    ROUTE(POST, "/v1/organization_roles/{}/permissions/{}", KEY, INSTANCE, roles_assign)           \
    ROUTE(DELETE, "/v1/organization_roles/{}/permissions/{}", KEY, INSTANCE, roles_unassign)       \
    ROUTE(GET, "/v1/role_sets", KEY, INSTANCE, role_sets_list)                                     \
    ROUTE(POST, "/v1/role_sets", KEY, INSTANCE, role_sets_create)                                  \
    ROUTE(GET, "/v1/role_sets/{}", KEY, INSTANCE, role_sets_get)                                   \
    ROUTE(PATCH, "/v1/role_sets/{}", KEY, INSTANCE, role_sets_update)                              \
    ROUTE(POST, "/v1/role_sets/{}/replace", KEY, INSTANCE, role_sets_replace)                      \
    ROUTE(POST, "/v1/role_sets/{}/roles", KEY, INSTANCE, role_sets_add_roles)                      \
    ROUTE(POST, "/v1/role_sets/{}/roles/replace", KEY, INSTANCE, role_sets_replace_role)           \
    ROUTE(GET, "/v1/organization_permissions", KEY, INSTANCE, permissions_list)                    \
    ROUTE(POST, "/v1/organization_permissions", KEY, INSTANCE, permissions_create)                 \
    ROUTE(GET, "/v1/organization_permissions/{}", KEY, INSTANCE, permissions_get)                  \
    ROUTE(PATCH, "/v1/organization_permissions/{}", KEY, INSTANCE, permissions_update)             \
    ROUTE(DELETE, "/v1/organization_permissions/{}", KEY, INSTANCE, permissions_delete)            \
    ROUTE(POST, "/v1/invitations", KEY, INVITE, invitations_create)                                \
    ROUTE(GET, "/v1/invitations", KEY, INSTANCE, invitations_list)                                 \
    ROUTE(POST, "/v1/invitations/bulk", KEY, INVITE_MANY, invitations_create_bulk)                 \
    ROUTE(DELETE, "/v1/invitations/{}", KEY, INSTANCE, invitations_delete)                         \
    ROUTE(POST, "/v1/invitations/{}/revoke", KEY, INSTANCE, invitations_revoke)                    \
    ROUTE(GET, "/v1/waitlist_entries", KEY, INSTANCE, waitlist_list)                               \
    ROUTE(POST, "/v1/waitlist_entries", KEY, INSTANCE, waitlist_create)                            \
    ROUTE(POST, "/v1/waitlist_entries/bulk", KEY, INSTANCE, waitlist_create_bulk)                  \
    ROUTE(DELETE, "/v1/waitlist_entries/{}", KEY, INSTANCE, waitlist_delete)                       \
    ROUTE(POST, "/v1/waitlist_entries/{}/invite", KEY, INSTANCE, waitlist_invite)                  \
    ROUTE(POST, "/v1/waitlist_entries/{}/reject", KEY, INSTANCE, waitlist_reject)                  \
    ROUTE(GET, "/v1/sign_ups/{}", KEY, INSTANCE, signups_back_get)                                 \
    ROUTE(PATCH, "/v1/sign_ups/{}", KEY, INSTANCE, signups_back_update)                            \
    ROUTE(GET, "/v1/templates/{}", KEY, INSTANCE, templates_list)                                  \
    ROUTE(GET, "/v1/templates/{}/{}", KEY, INSTANCE, templates_get)                                \
    ROUTE(PUT, "/v1/templates/{}/{}", KEY, INSTANCE, templates_update)                             \
    ROUTE(POST, "/v1/templates/{}/{}/revert", KEY, INSTANCE, templates_revert)                     \
    ROUTE(POST, "/v1/templates/{}/{}/preview", KEY, INSTANCE, templates_preview)                   \
    ROUTE(POST, "/v1/templates/{}/{}/toggle_delivery", KEY, INSTANCE, templates_toggle_delivery)   \
    ROUTE(GET, "/v1/redirect_urls", KEY, INSTANCE, redirect_urls_list)                             \
    ROUTE(POST, "/v1/redirect_urls", KEY, INSTANCE, redirect_urls_create)                          \
    ROUTE(GET, "/v1/redirect_urls/{}", KEY, INSTANCE, redirect_urls_get)                           \
    ROUTE(DELETE, "/v1/redirect_urls/{}", KEY, INSTANCE, redirect_urls_delete)                     \
    ROUTE(GET, "/v1/domains", KEY, INSTANCE, domains_list)                                         \
    ROUTE(POST, "/v1/domains", KEY, INSTANCE, domains_create)                                      \
    ROUTE(PATCH, "/v1/domains/{}", KEY, INSTANCE, domains_update)                                  \
    ROUTE(DELETE, "/v1/domains/{}", KEY, INSTANCE, domains_delete)                                 \
    ROUTE(POST, "/v1/proxy_checks", KEY, INSTANCE, proxy_checks_create)                            \
    ROUTE(POST, "/v1/webhooks/svix", KEY, INSTANCE, svix_create)                                   \
    ROUTE(DELETE, "/v1/webhooks/svix", KEY, INSTANCE, svix_delete)                                 \
    ROUTE(POST, "/v1/webhooks/svix_url", KEY, INSTANCE, svix_url)                                  \
    ROUTE(GET, "/v1/allowlist_identifiers", KEY, INSTANCE, allowlist_list)                         \
    ROUTE(POST, "/v1/allowlist_identifiers", KEY, INSTANCE, allowlist_create)                      \
    ROUTE(DELETE, "/v1/allowlist_identifiers/{}", KEY, INSTANCE, allowlist_delete)                 \
    ROUTE(GET, "/v1/blocklist_identifiers", KEY, INSTANCE, blocklist_list)                         \
    ROUTE(POST, "/v1/blocklist_identifiers", KEY, INSTANCE, blocklist_create)                      \
    ROUTE(DELETE, "/v1/blocklist_identifiers/{}", KEY, INSTANCE, blocklist_delete)                 \
    ROUTE(GET, "/v1/jwks", KEY, FREE, instance_jwks)                                               \
    ROUTE(GET, "/v1/clients/handshake_payload", KEY, FREE, handshakes_payload)                     \
    ROUTE(POST, "/v1/sign_in_tokens", KEY, INSTANCE, sign_in_tokens_create)                        \
    ROUTE(POST, "/v1/sign_in_tokens/{}/revoke", KEY, INSTANCE, sign_in_tokens_revoke)              \
    ROUTE(POST, "/v1/actor_tokens", KEY, INSTANCE, actor_tokens_create)                            \
    ROUTE(POST, "/v1/actor_tokens/{}/revoke", KEY, INSTANCE, actor_tokens_revoke)                  \
    ROUTE(GET, "/v1/clients", KEY, INSTANCE, clients_list)                                         \
    ROUTE(POST, "/v1/clients/verify", KEY, INSTANCE, clients_verify)                               \
    ROUTE(GET, "/v1/clients/{}", KEY, INSTANCE, clients_get)                                       \
    ROUTE(GET, "/v1/sessions", KEY, INSTANCE, sessions_list)                                       \
    ROUTE(POST, "/v1/sessions", KEY, INSTANCE, sessions_create)                                    \
    ROUTE(GET, "/v1/sessions/{}", KEY, INSTANCE, sessions_get)                                     \
    ROUTE(POST, "/v1/sessions/{}/refresh", KEY, INSTANCE, sessions_refresh)                        \
    ROUTE(POST, "/v1/sessions/{}/revoke", KEY, INSTANCE, sessions_revoke)                          \
    ROUTE(POST, "/v1/sessions/{}/tokens", KEY, INSTANCE, sessions_tokens)                          \
    ROUTE(POST, "/v1/sessions/{}/tokens/{}", KEY, INSTANCE, sessions_tokens_template)              \
    ROUTE(POST, "/v1/testing_tokens", KEY, INSTANCE, testing_tokens_create)                        \
    ROUTE(GET, "/v1/platform/applications/{}/instances/{}/config", KEY, FREE, platform_config_get) \
    ROUTE(PATCH, "/v1/platform/applications/{}/instances/{}/config", KEY, FREE,                    \
          platform_config_patch)                                                                   \
    ROUTE(GET, "/v1/jwt_templates", KEY, INSTANCE, jwt_templates_list)                             \
    ROUTE(POST, "/v1/jwt_templates", KEY, INSTANCE, jwt_templates_create)                          \
    ROUTE(GET, "/v1/jwt_templates/{}", KEY, INSTANCE, jwt_templates_get)                           \
    ROUTE(PATCH, "/v1/jwt_templates/{}", KEY, INSTANCE, jwt_templates_update)                      \
    ROUTE(DELETE, "/v1/jwt_templates/{}", KEY, INSTANCE, jwt_templates_delete)                     \
    ROUTE(GET, "/v1/instance", KEY, INSTANCE, instance_get)                                        \
    ROUTE(PATCH, "/v1/instance", KEY, INSTANCE, instance_update)                                   \
    ROUTE(PATCH, "/v1/instance/restrictions", KEY, INSTANCE, instance_restrictions)                \
    ROUTE(GET, "/v1/instance/protect", KEY, INSTANCE, instance_protect_get)                        \
    ROUTE(PATCH, "/v1/instance/protect", KEY, INSTANCE, instance_protect)                          \
    ROUTE(GET, "/v1/instance/communication", KEY, INSTANCE, instance_communication_get)            \
    ROUTE(PATCH, "/v1/instance/communication", KEY, INSTANCE, instance_communication)              \
    ROUTE(GET, "/v1/instance/oauth_application_settings", KEY, INSTANCE, instance_oauth_get)       \
    ROUTE(PATCH, "/v1/instance/oauth_application_settings", KEY, INSTANCE, instance_oauth)         \
    ROUTE(GET, "/v1/instance/organization_settings", KEY, INSTANCE, instance_organizations_get)    \
    ROUTE(PATCH, "/v1/instance/organization_settings", KEY, INSTANCE, instance_organizations)      \
    ROUTE(POST, "/v1/instance/change_domain", KEY, INSTANCE, instance_change_domain)               \
    ROUTE(PUT, "/v1/beta_features/domain", KEY, INSTANCE, instance_change_domain)                  \
    ROUTE(PATCH, "/v1/beta_features/instance_settings", KEY, INSTANCE, instance_auth)              \
    ROUTE(GET, "/v1/sandbox/settings", KEY, FREE, inspect_settings)                                \
    ROUTE(PATCH, "/v1/sandbox/settings", KEY, FREE, inspect_change_settings)                       \
    ROUTE(GET, "/v1/sandbox/users", KEY, FREE, inspect_users)                                      \
    ROUTE(GET, "/v1/sandbox/users/{}", KEY, FREE, inspect_user)                                    \
    ROUTE(GET, "/v1/sandbox/sessions", KEY, FREE, inspect_sessions)                                \
    ROUTE(GET, "/v1/sandbox/overview", KEY, FREE, inspect_overview)                                \
    ROUTE(GET, "/v1/sandbox/requests", KEY, FREE, inspect_requests)                                \
    ROUTE(PUT, "/v1/sandbox/faults", KEY, FREE, inspect_set_faults)                                \
    ROUTE(GET, "/v1/sandbox/routes", KEY, FREE, inspect_routes)                                    \
    ROUTE(GET, "/v1/sandbox/stats", KEY, FREE, inspect_stats)                                      \
    ROUTE(GET, "/v1/sandbox/metering", KEY, FREE, meter_get)                                       \
    ROUTE(GET, "/v1/sandbox/webhooks", KEY, FREE, webhooks_list)                                   \
    ROUTE(POST, "/v1/sandbox/webhooks", KEY, FREE, webhooks_create)                                \
    ROUTE(DELETE, "/v1/sandbox/webhooks/{}", KEY, FREE, webhooks_delete)                           \
    ROUTE(GET, "/v1/sandbox/deliveries", KEY, FREE, deliveries_list)                               \
    ROUTE(GET, "/v1/sandbox/deliveries/{}/{}", KEY, FREE, deliveries_get)                          \
    ROUTE(POST, "/v1/sandbox/deliveries/{}/{}/resend", KEY, FREE, deliveries_resend)               \
    /* the Frontend API */                                                                         \
    ROUTE(GET, "/.well-known/jwks.json", OPEN, FREE, front_jwks)                                   \
    ROUTE(GET, "/v1/health", OPEN, FREE, front_health)                                             \
    ROUTE(GET, "/v1/proxy-health", OPEN, FREE, front_proxy_health)                                 \
    ROUTE(GET, "/v1/environment", OPEN, BROWSER, environment_get)                                  \
    ROUTE(PATCH, "/v1/environment", OPEN, BROWSER, environment_get)                                \
    ROUTE(POST, "/v1/dev_browser", OPEN, BROWSER, dev_browsers_create)                             \
    ROUTE(GET, "/v1/client/handshake", OPEN, BROWSER, handshakes_start)                            \
    ROUTE(GET, "/v1/tickets/accept", OPEN, BROWSER, tickets_accept)                                \
    ROUTE(POST, "/v1/waitlist", OPEN, BROWSER, waitlist_join)                                      \
    ROUTE(GET, "/v1/client", CLIENT, BROWSER, clients_get_current)                                 \
    ROUTE(POST, "/v1/client", CLIENT, BROWSER, clients_create_current)                             \
    ROUTE(PUT, "/v1/client", CLIENT, BROWSER, clients_create_current)                              \
    ROUTE(DELETE, "/v1/client", CLIENT, BROWSER, clients_delete_current)                           \
    ROUTE(POST, "/v1/client/sign_ins", CLIENT, BROWSER, signins_create)                            \
    ROUTE(GET, "/v1/client/sign_ins/{}", CLIENT, BROWSER, signins_get)                             \
    ROUTE(POST, "/v1/client/sign_ins/{}/prepare_first_factor", CLIENT, BROWSER,                    \
          signins_prepare_first_factor)                                                            \
    ROUTE(POST, "/v1/client/sign_ins/{}/attempt_first_factor", CLIENT, BROWSER,                    \
          signins_attempt_first_factor)                                                            \
    ROUTE(POST, "/v1/client/sign_ins/{}/prepare_second_factor", CLIENT, BROWSER,                   \
          signins_prepare_second_factor)                                                           \
    ROUTE(POST, "/v1/client/sign_ins/{}/attempt_second_factor", CLIENT, BROWSER,                   \
          signins_attempt_second_factor)                                                           \
    ROUTE(POST, "/v1/client/sign_ins/{}/reset_password", CLIENT, BROWSER, signins_reset_password)  \
    ROUTE(POST, "/v1/client/sign_ups", CLIENT, BROWSER, signups_create)                            \
    ROUTE(GET, "/v1/client/sign_ups/{}", CLIENT, BROWSER, signups_get)                             \
    ROUTE(PATCH, "/v1/client/sign_ups/{}", CLIENT, BROWSER, signups_update)                        \
    ROUTE(POST, "/v1/client/sign_ups/{}/prepare_verification", CLIENT, BROWSER,                    \
          signups_prepare_verification)                                                            \
    ROUTE(POST, "/v1/client/sign_ups/{}/attempt_verification", CLIENT, BROWSER,                    \
          signups_attempt_verification)                                                            \
    ROUTE(GET, "/v1/me", SESSION, BROWSER, me_get)                                                 \
    ROUTE(PATCH, "/v1/me", SESSION, BROWSER, me_update)                                            \
    ROUTE(DELETE, "/v1/me", SESSION, BROWSER, me_delete)                                           \
    ROUTE(PATCH, "/v1/me/metadata", SESSION, BROWSER, me_update_metadata)                          \
    ROUTE(POST, "/v1/me/change_password", SESSION, BROWSER, me_change_password)                    \
    ROUTE(POST, "/v1/me/remove_password", SESSION, BROWSER, me_remove_password)                    \
    ROUTE(POST, "/v1/me/profile_image", SESSION, BROWSER, me_set_image)                            \
    ROUTE(DELETE, "/v1/me/profile_image", SESSION, BROWSER, me_delete_image)                       \
    ROUTE(GET, "/v1/me/sessions", SESSION, BROWSER, me_sessions)                                   \
    ROUTE(GET, "/v1/me/sessions/active", SESSION, BROWSER, me_sessions_active)                     \
    ROUTE(POST, "/v1/me/sessions/{}/revoke", SESSION, BROWSER, me_revoke_session)                  \
    ROUTE(GET, "/v1/me/email_addresses", SESSION, BROWSER, me_emails)                              \
    ROUTE(POST, "/v1/me/email_addresses", SESSION, BROWSER, me_emails_create)                      \
    ROUTE(GET, "/v1/me/email_addresses/{}", SESSION, BROWSER, me_emails_get)                       \
    ROUTE(DELETE, "/v1/me/email_addresses/{}", SESSION, BROWSER, me_emails_delete)                 \
    ROUTE(POST, "/v1/me/email_addresses/{}/prepare_verification", SESSION, BROWSER,                \
          me_emails_prepare)                                                                       \
    ROUTE(POST, "/v1/me/email_addresses/{}/attempt_verification", SESSION, BROWSER,                \
          me_emails_attempt)                                                                       \
    ROUTE(GET, "/v1/me/phone_numbers", SESSION, BROWSER, me_phones)                                \
    ROUTE(POST, "/v1/me/phone_numbers", SESSION, BROWSER, me_phones_create)                        \
    ROUTE(GET, "/v1/me/phone_numbers/{}", SESSION, BROWSER, me_phones_get)                         \
    ROUTE(PATCH, "/v1/me/phone_numbers/{}", SESSION, BROWSER, me_phones_update)                    \
    ROUTE(DELETE, "/v1/me/phone_numbers/{}", SESSION, BROWSER, me_phones_delete)                   \
    ROUTE(POST, "/v1/me/phone_numbers/{}/prepare_verification", SESSION, BROWSER,                  \
          me_phones_prepare)                                                                       \
    ROUTE(POST, "/v1/me/phone_numbers/{}/attempt_verification", SESSION, BROWSER,                  \
          me_phones_attempt)                                                                       \
    ROUTE(POST, "/v1/me/totp", SESSION, BROWSER, me_totp_create)                                   \
    ROUTE(DELETE, "/v1/me/totp", SESSION, BROWSER, me_totp_delete)                                 \
    ROUTE(POST, "/v1/me/totp/attempt_verification", SESSION, BROWSER, me_totp_attempt)             \
    ROUTE(POST, "/v1/me/backup_codes", SESSION, BROWSER, me_backup_codes)                          \
    ROUTE(GET, "/v1/me/organization_memberships", SESSION, BROWSER, me_memberships)                \
    ROUTE(DELETE, "/v1/me/organization_memberships/{}", SESSION, BROWSER, me_membership_delete)    \
    ROUTE(POST, "/v1/organizations", SESSION, BROWSER, orgs_front_create)                          \
    ROUTE(GET, "/v1/organizations/{}", SESSION, BROWSER, orgs_front_show)                          \
    ROUTE(PATCH, "/v1/organizations/{}", SESSION, BROWSER, orgs_front_update)                      \
    ROUTE(DELETE, "/v1/organizations/{}", SESSION, BROWSER, orgs_front_delete)                     \
    ROUTE(GET, "/v1/organizations/{}/memberships", SESSION, BROWSER, members_front_list)           \
    ROUTE(POST, "/v1/organizations/{}/memberships", SESSION, BROWSER, members_front_create)        \
    ROUTE(PATCH, "/v1/organizations/{}/memberships/{}", SESSION, BROWSER, members_front_update)    \
    ROUTE(DELETE, "/v1/organizations/{}/memberships/{}", SESSION, BROWSER, members_front_delete)   \
    ROUTE(GET, "/v1/organizations/{}/roles", SESSION, BROWSER, members_front_roles)                \
    ROUTE(GET, "/v1/me/organization_invitations", SESSION, BROWSER, me_invitations)                \
    ROUTE(POST, "/v1/me/organization_invitations/{}/accept", SESSION, BROWSER,                     \
          me_invitation_accept)                                                                    \
    ROUTE(GET, "/v1/me/organization_suggestions", SESSION, BROWSER, me_suggestions)                \
    ROUTE(POST, "/v1/me/organization_suggestions/{}/accept", SESSION, BROWSER,                     \
          me_suggestion_accept)                                                                    \
    ROUTE(GET, "/v1/me/organization_creation_defaults", SESSION, BROWSER,                          \
          me_organization_defaults)                                                                \
    ROUTE(GET, "/v1/organizations/{}/membership_requests", SESSION, BROWSER,                       \
          membership_requests_list)                                                                \
    ROUTE(POST, "/v1/organizations/{}/membership_requests/{}/accept", SESSION, BROWSER,            \
          membership_requests_accept)                                                              \
    ROUTE(POST, "/v1/organizations/{}/membership_requests/{}/reject", SESSION, BROWSER,            \
          membership_requests_reject)                                                              \
    ROUTE(GET, "/v1/organizations/{}/domains", SESSION, BROWSER, org_domains_front_list)           \
    ROUTE(POST, "/v1/organizations/{}/domains", SESSION, BROWSER, org_domains_front_create)        \
    ROUTE(GET, "/v1/organizations/{}/domains/{}", SESSION, BROWSER, org_domains_front_get)         \
    ROUTE(DELETE, "/v1/organizations/{}/domains/{}", SESSION, BROWSER, org_domains_front_delete)   \
    ROUTE(POST, "/v1/organizations/{}/domains/{}/update_enrollment_mode", SESSION, BROWSER,        \
          org_domains_front_update_mode)                                                           \
    ROUTE(POST, "/v1/organizations/{}/domains/{}/prepare_affiliation_verification", SESSION,       \
          BROWSER, org_domains_front_prepare)                                                      \
    ROUTE(POST, "/v1/organizations/{}/domains/{}/attempt_affiliation_verification", SESSION,       \
          BROWSER, org_domains_front_attempt)                                                      \
    ROUTE(GET, "/v1/organizations/{}/invitations/pending", SESSION, BROWSER,                       \
          invitations_front_list_pending)                                                          \
    ROUTE(POST, "/v1/organizations/{}/invitations", SESSION, BROWSER, invitations_front_create)    \
    ROUTE(GET, "/v1/organizations/{}/invitations", SESSION, BROWSER, invitations_front_list)       \
    ROUTE(POST, "/v1/organizations/{}/invitations/bulk", SESSION, BROWSER,                         \
          invitations_front_create_many)                                                           \
    ROUTE(POST, "/v1/organizations/{}/invitations/{}/revoke", SESSION, BROWSER,                    \
          invitations_front_revoke)                                                                \
    ROUTE(PUT, "/v1/organizations/{}/logo", SESSION, BROWSER, orgs_front_set_logo)                 \
    ROUTE(DELETE, "/v1/organizations/{}/logo", SESSION, BROWSER, orgs_front_delete_logo)           \
    ROUTE(DELETE, "/v1/client/sessions", CLIENT, BROWSER, sessions_remove_all)                     \
    ROUTE(GET, "/v1/client/sessions/{}", CLIENT, BROWSER, sessions_front_get)                      \
    ROUTE(POST, "/v1/client/sessions/{}/touch", CLIENT, BROWSER, sessions_touch)                   \
    ROUTE(POST, "/v1/client/sessions/{}/end", CLIENT, BROWSER, sessions_end)                       \
    ROUTE(POST, "/v1/client/sessions/{}/remove", CLIENT, BROWSER, sessions_remove)                 \
    ROUTE(POST, "/v1/client/sessions/{}/tokens", CLIENT, BROWSER, sessions_token)                  \
    ROUTE(POST, "/v1/client/sessions/{}/tokens/{}", CLIENT, BROWSER, sessions_template_token)      \
    /* Usher's own */                                                                              \
    ROUTE(GET, "/v1/sandbox/images/{}/{}", PUBLIC, FREE, images_get)                               \
    ROUTE(GET, "/v1/sandbox/outbox", KEY, FREE, outbox_list)                                       \
    ROUTE(POST, "/v1/sandbox/rotate_key", KEY, FREE, inspect_rotate_key)

#define ROUTE(method, path, auth, limit, handler) void handler(struct call *call);
ROUTES(ROUTE)
#undef ROUTE

enum {
#define ROUTE(...) +1
    ROUTE_COUNT = 0 ROUTES(ROUTE)
#undef ROUTE
};

#endif
