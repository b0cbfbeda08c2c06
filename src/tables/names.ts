/** Names that belong to the product, beside the tables of events (sources/registry.ts). */

export const bookkeepingTables = ['quarantine', 'ingested_objects', 'amendments', 'sequences'] as const;

/** Okera's users, groups and roles, under Okera's names. */
export const identityTables = [
  'users',
  'groups',
  'user_group_mappings',
  'role_names',
  'group_names',
  'role_group_ids',
] as const;

export type IdentityTable = (typeof identityTables)[number];

export const views = [
  'reporting_audit_logs',
  'steward_audit_logs',
  'steward_grants',
  'daily_audit_logs',
  'role_groups',
  'groups_by_user',
  'user_group_info',
  'role_group_history',
  'audit_events',
] as const;
