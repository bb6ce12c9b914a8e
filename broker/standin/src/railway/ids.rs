//! The seeded world's ids, for demo and tests.

/// Accepted as an account token until revoked.
pub const ACCOUNT_TOKEN: &str = "6d0f7c1e-52b1-4a7b-9a3e-0c9be1f4a2d7";
/// Accepted as a project token of the staging environment.
pub const STAGING_TOKEN: &str = "b8f3a6d2-1c47-4e0d-8b55-93d2c07e6a1f";

pub const USER: &str = "0a5e1f60-6a0e-4c0f-9a7c-1f2d3c4b5a69";
pub const WORKSPACE: &str = "5c8d2f1b-7e36-49a8-b0d4-6f1e2a3c4d5e";
/// Another workspace of the same user.
pub const OTHER_WORKSPACE: &str = "d4b7e9a1-2c5f-4830-9e6d-8a1b2c3d4e5f";

pub const PROJECT: &str = "1f9b3c7a-84d2-4e6f-a0b5-7c8d9e0f1a2b";
/// A project of the other workspace.
pub const OTHER_PROJECT: &str = "e2a4c6e8-0b1d-4f3a-8c5e-7d9fb1a3c5e7";

pub const PRODUCTION: &str = "a3d1c5e7-9f20-4b6a-8d4c-2e1f0a9b8c7d";
pub const STAGING: &str = "c7e5a3b1-0d2f-4c8e-9a6b-4d3c2b1a0f9e";
/// `pr-7`: an ephemeral environment that was forked from staging.
pub const FORK: &str = "f1e2d3c4-b5a6-4978-8a9b-0c1d2e3f4a5b";
pub const OTHER_PRODUCTION: &str = "9b8a7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d";

pub const SERVICE_API: &str = "2b4d6f80-1a3c-4e5f-9b7d-0c2e4a6f8b1d";
pub const SERVICE_WEB: &str = "3c5e7091-2b4d-4f60-8c8e-1d3f5b70a92e";
pub const SERVICE_WORKER: &str = "4d6f81a2-3c5e-4071-9d9f-2e406c81ba3f";
/// The database that the production volume is mounted in.
pub const SERVICE_POSTGRES: &str = "5e7092b3-4d6f-4182-8ea0-3f517d92cb40";

/// The production volume: all data of the company and, inside it, its backups.
pub const VOLUME_PRODUCTION: &str = "3d2c42fb-7a61-4f0e-9c58-6b1d8e2f4a37";
/// In staging only: may be deleted after one approval.
pub const VOLUME_STAGING: &str = "8e1f6a2d-4c3b-4d5e-8f70-91a2b3c4d5e6";
/// One volume with an instance in staging and another in production.
pub const VOLUME_SHARED: &str = "b5c6d7e8-f901-4a2b-9c3d-4e5f60718293";
pub const VOLUME_OTHER: &str = "07f8e9da-cbbc-4dae-9f80-123456789abc";

pub const INSTANCE_PRODUCTION: &str = "61d2e3f4-a5b6-4c7d-8e9f-a0b1c2d3e4f5";
pub const INSTANCE_STAGING: &str = "72e3f405-b6c7-4d8e-9fa0-b1c2d3e4f506";
pub const BACKUP_PRODUCTION: &str = "83f40516-c7d8-4e9f-80b1-c2d3e4f50617";

pub const BUCKET: &str = "94051627-d8e9-4fa0-91c2-d3e4f5061728";
pub const INTEGRATION: &str = "a5162738-e9fa-40b1-a2d3-e4f506172839";
pub const PROJECT_TOKEN: &str = "b6273849-fa0b-41c2-b3e4-f5061728394a";
pub const PLUGIN: &str = "c738495a-0b1c-42d3-84f5-06172839405b";
pub const CLOUD_AGENT: &str = "d8495a6b-1c2d-43e4-9506-172839405b6c";
pub const TRUSTED_DOMAIN: &str = "e95a6b7c-2d3e-44f5-a617-2839405b6c7d";
pub const NOTIFICATION_RULE: &str = "fa6b7c8d-3e4f-4506-b728-39405b6c7d8e";
pub const INVITATION: &str = "0b7c8d9e-4f50-4617-8839-405b6c7d8e9f";
pub const CUSTOM_DOMAIN_PRODUCTION: &str = "1c8d9eaf-5061-4728-9940-5b6c7d8e9fa0";
pub const CUSTOM_DOMAIN_STAGING: &str = "2d9eafb0-6172-4839-aa51-6c7d8e9fa0b1";
pub const SERVICE_DOMAIN_STAGING: &str = "3eafb0c1-7283-494a-bb62-7d8e9fa0b1c2";
pub const TCP_PROXY_PRODUCTION: &str = "4fb0c1d2-8394-4a5b-8c73-8e9fa0b1c2d3";
pub const TRIGGER_STAGING: &str = "50c1d2e3-94a5-4b6c-9d84-9fa0b1c2d3e4";
pub const NETWORK_STAGING: &str = "61d2e3f4-a5b6-4c7d-ae95-a0b1c2d3e4f5";
pub const DEPLOYMENT_PRODUCTION: &str = "72e3f405-b6c7-4d8e-bfa6-b1c2d3e4f506";
pub const DEPLOYMENT_STAGING: &str = "83f40516-c7d8-4e9f-80b7-c2d3e4f50617";
