/*
 * The operations of Clerk's Backend API that the sandbox does not serve, one row each: UNSERVED(method, path,
 * operationId in the OpenAPI file). They are refused with feature_not_implemented, which names the operation.
 * Every operation of that file is a row here or in routes.h; docs/unserved.md lists these.
 */
#ifndef USHER_SANDBOX_UNSERVED_H
#define USHER_SANDBOX_UNSERVED_H

/* clang-format off */
#define UNSERVED_OPERATIONS(UNSERVED) \
    UNSERVED(GET, "/v1/public/interstitial", GetPublicInterstitial) \
    UNSERVED(GET, "/v1/users/{}/billing/subscription", GetUserBillingSubscription) \
    UNSERVED(GET, "/v1/users/{}/billing/credits", GetUserBillingCreditBalance) \
    UNSERVED(POST, "/v1/users/{}/billing/credits", AdjustUserBillingCreditBalance) \
    UNSERVED(GET, "/v1/machines", ListMachines) \
    UNSERVED(POST, "/v1/machines", CreateMachine) \
    UNSERVED(GET, "/v1/machines/{}", GetMachine) \
    UNSERVED(PATCH, "/v1/machines/{}", UpdateMachine) \
    UNSERVED(DELETE, "/v1/machines/{}", DeleteMachine) \
    UNSERVED(GET, "/v1/machines/{}/secret_key", GetMachineSecretKey) \
    UNSERVED(POST, "/v1/machines/{}/secret_key/rotate", RotateMachineSecretKey) \
    UNSERVED(POST, "/v1/machines/{}/scopes", CreateMachineScope) \
    UNSERVED(DELETE, "/v1/machines/{}/scopes/{}", DeleteMachineScope) \
    UNSERVED(GET, "/v1/organizations/{}/billing/subscription", GetOrganizationBillingSubscription) \
    UNSERVED(GET, "/v1/organizations/{}/billing/credits", GetOrganizationBillingCreditBalance) \
    UNSERVED(POST, "/v1/organizations/{}/billing/credits", AdjustOrganizationBillingCreditBalance) \
    UNSERVED(GET, "/v1/oauth_applications", ListOAuthApplications) \
    UNSERVED(POST, "/v1/oauth_applications", CreateOAuthApplication) \
    UNSERVED(GET, "/v1/oauth_applications/{}", GetOAuthApplication) \
    UNSERVED(PATCH, "/v1/oauth_applications/{}", UpdateOAuthApplication) \
    UNSERVED(DELETE, "/v1/oauth_applications/{}", DeleteOAuthApplication) \
    UNSERVED(PUT, "/v1/oauth_applications/{}/logo", UploadOAuthApplicationLogo) \
    UNSERVED(POST, "/v1/oauth_applications/{}/rotate_secret", RotateOAuthApplicationSecret) \
    UNSERVED(POST, "/v1/oauth_applications/{}/revoke_token", RevokeOAuthApplicationToken) \
    UNSERVED(GET, "/v1/saml_connections", ListSAMLConnections) \
    UNSERVED(POST, "/v1/saml_connections", CreateSAMLConnection) \
    UNSERVED(GET, "/v1/saml_connections/{}", GetSAMLConnection) \
    UNSERVED(PATCH, "/v1/saml_connections/{}", UpdateSAMLConnection) \
    UNSERVED(DELETE, "/v1/saml_connections/{}", DeleteSAMLConnection) \
    UNSERVED(GET, "/v1/enterprise_connections", ListEnterpriseConnections) \
    UNSERVED(POST, "/v1/enterprise_connections", CreateEnterpriseConnection) \
    UNSERVED(GET, "/v1/enterprise_connections/{}", GetEnterpriseConnection) \
    UNSERVED(PATCH, "/v1/enterprise_connections/{}", UpdateEnterpriseConnection) \
    UNSERVED(DELETE, "/v1/enterprise_connections/{}", DeleteEnterpriseConnection) \
    UNSERVED(GET, "/v1/enterprise_connections/{}/test_runs", ListEnterpriseConnectionTestRuns) \
    UNSERVED(POST, "/v1/enterprise_connections/{}/test_runs", CreateEnterpriseConnectionTestRun) \
    UNSERVED(POST, "/v1/agents/tasks", CreateAgentTask) \
    UNSERVED(POST, "/v1/agents/tasks/{}/revoke", RevokeAgentTask) \
    UNSERVED(GET, "/v1/billing/plans", GetCommercePlanList) \
    UNSERVED(GET, "/v1/billing/prices", GetBillingPriceList) \
    UNSERVED(POST, "/v1/billing/prices", CreateBillingPrice) \
    UNSERVED(GET, "/v1/billing/subscription_items", GetCommerceSubscriptionItemList) \
    UNSERVED(DELETE, "/v1/billing/subscription_items/{}", CancelCommerceSubscriptionItem) \
    UNSERVED(POST, "/v1/billing/subscription_items/{}/extend_free_trial", ExtendBillingSubscriptionItemFreeTrial) \
    UNSERVED(POST, "/v1/billing/subscription_items/{}/price_transition", CreateBillingPriceTransition) \
    UNSERVED(POST, "/v1/billing/subscription_items/{}/discounts", ApplyBillingSubscriptionItemDiscount) \
    UNSERVED(DELETE, "/v1/billing/subscription_items/{}/discounts/{}", RemoveBillingSubscriptionItemDiscount) \
    UNSERVED(GET, "/v1/billing/statements", GetBillingStatementList) \
    UNSERVED(GET, "/v1/billing/statements/{}", GetBillingStatement) \
    UNSERVED(GET, "/v1/billing/statements/{}/payment_attempts", GetBillingStatementPaymentAttempts) \
    UNSERVED(GET, "/v1/scim_directories", ListSCIMDirectories) \
    UNSERVED(POST, "/v1/scim_directories", CreateSCIMDirectory) \
    UNSERVED(GET, "/v1/scim_directories/{}", GetSCIMDirectory) \
    UNSERVED(PATCH, "/v1/scim_directories/{}", UpdateSCIMDirectory) \
    UNSERVED(DELETE, "/v1/scim_directories/{}", DeleteSCIMDirectory) \
    UNSERVED(POST, "/v1/scim_directories/{}/rotate_api_key", RotateSCIMDirectoryAPIKey) \
    UNSERVED(GET, "/v1/scim_directories/{}/group_role_mappings", ListSCIMGroupRoleMappings) \
    UNSERVED(POST, "/v1/scim_directories/{}/group_role_mappings", CreateSCIMGroupRoleMapping) \
    UNSERVED(PUT, "/v1/scim_directories/{}/group_role_mappings", ReplaceSCIMGroupRoleMappings) \
    UNSERVED(DELETE, "/v1/scim_directories/{}/group_role_mappings/{}", DeleteSCIMGroupRoleMapping) \
    UNSERVED(GET, "/v1/directories", ListDirectories) \
    UNSERVED(POST, "/v1/directories", CreateDirectory) \
    UNSERVED(GET, "/v1/directories/{}", GetDirectory) \
    UNSERVED(PATCH, "/v1/directories/{}", UpdateDirectory) \
    UNSERVED(DELETE, "/v1/directories/{}", DeleteDirectory) \
    UNSERVED(POST, "/v1/directories/{}/rotate_api_key", RotateDirectoryAPIKey) \
    UNSERVED(GET, "/v1/directories/{}/group_role_mappings", ListDirectoryGroupRoleMappings) \
    UNSERVED(POST, "/v1/directories/{}/group_role_mappings", CreateDirectoryGroupRoleMapping) \
    UNSERVED(PUT, "/v1/directories/{}/group_role_mappings", ReplaceDirectoryGroupRoleMappings) \
    UNSERVED(DELETE, "/v1/directories/{}/group_role_mappings/{}", DeleteDirectoryGroupRoleMapping) \
    UNSERVED(POST, "/v1/admin_portal_link_tokens", createAdminPortalLinkToken) \
    UNSERVED(POST, "/v1/admin_portal_link_tokens/{}/revoke", revokeAdminPortalLinkToken) \
    UNSERVED(POST, "/v1/api_keys", createApiKey) \
    UNSERVED(GET, "/v1/api_keys", getApiKeys) \
    UNSERVED(GET, "/v1/api_keys/{}", getApiKey) \
    UNSERVED(PATCH, "/v1/api_keys/{}", updateApiKey) \
    UNSERVED(DELETE, "/v1/api_keys/{}", deleteApiKey) \
    UNSERVED(GET, "/v1/api_keys/{}/secret", getApiKeySecret) \
    UNSERVED(POST, "/v1/api_keys/{}/revoke", revokeApiKey) \
    UNSERVED(POST, "/v1/api_keys/verify", verifyApiKey) \
    UNSERVED(POST, "/v1/m2m_tokens", createM2MToken) \
    UNSERVED(GET, "/v1/m2m_tokens", getM2MTokens) \
    UNSERVED(POST, "/v1/m2m_tokens/{}/revoke", revokeM2MToken) \
    UNSERVED(POST, "/v1/m2m_tokens/verify", verifyM2MToken) \
    UNSERVED(POST, "/v1/oauth_applications/access_tokens/verify", verifyOAuthAccessToken)
/* clang-format on */

#endif
