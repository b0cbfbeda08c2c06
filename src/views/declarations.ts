/**
 * The views of the warehouse: names, columns and meaning, which are public. The SQL of each is the file of its name beside
 * this one, in Trino's dialect, which is Athena's; DuckDB runs it with its prelude. `$columns` there
 * stands for the declared ones, or for those from a name on: `$columns(user…)`. They are spelt out rather than *, so that a
 * column that is added to a table or promoted by the configuration makes no view stale.
 */
import okeraSchema from '../../schemas/okera-audit.schema.json' with { type: 'json' };
import type { ScalarType } from '../columns/types.ts';
import { declareTable } from '../tables/declare.ts';
import type { AnnotatedSchema } from '../tables/schema.ts';

export interface ViewDeclaration {
  readonly name: string;
  readonly description: string;
  /** In order, by name. */
  readonly columns: Readonly<Record<string, ScalarType>>;
  /**
   * owner: the view reads with the rights of its owner, so that the asker needs rights on the view only. asker: the
   * asker needs rights on the tables as well.
   */
  readonly reads: 'owner' | 'asker';
  /** A table without which the view has no use, where its SQL does not say so. */
  readonly of?: string;
}

/** Of okera_audit_logs, all columns that the product declares; each holds one value. */
const auditColumns = Object.fromEntries(
  declareTable(okeraSchema as unknown as AnnotatedSchema).columns.map(({ name, type }) => [name, type as ScalarType]),
);

/** Those that say something to a reader of reports. */
const reportedColumns = Object.entries(auditColumns).filter(
  ([name]) =>
    !['client_port', 'start_time', 'end_time', 'request_id_postfix', 'service', 'extra', 'ymd', 'event_time'].includes(
      name,
    ),
);

/** In an order in which each comes after those that it reads. */
export const viewDeclarations: readonly ViewDeclaration[] = [
  {
    name: 'role_groups',
    description: 'Which roles are granted to which groups, by name.',
    columns: { role_name: 'string', group_name: 'string' },
    reads: 'asker',
  },
  {
    name: 'groups_by_user',
    description: 'The groups that each user presented when last observed.',
    columns: { user_name: 'string', group_name: 'string', last_observed: 'string' },
    reads: 'asker',
  },
  {
    name: 'user_group_info',
    description: 'Every group that each user ever presented.',
    columns: { user_name: 'string', group_name: 'string' },
    reads: 'asker',
  },
  {
    name: 'reporting_audit_logs',
    description: 'What users asked of Okera: events of the planner that are for reporting, one a scan.',
    columns: {
      ymd: 'string',
      event_time: 'timestamp',
      start_time_utc: 'string',
      end_time_utc: 'string',
      ...Object.fromEntries(reportedColumns),
    },
    reads: 'asker',
  },
  {
    name: 'role_group_history',
    description: 'Which group held which role from when to when, by whom granted and revoked.',
    columns: {
      role: 'string',
      group: 'string',
      granted_at: 'timestamp',
      granted_by: 'string',
      revoked_at: 'timestamp',
      revoked_by: 'string',
    },
    reads: 'asker',
  },
  {
    name: 'steward_grants',
    description: 'Who administers which databases, tables and views, as the configuration says.',
    columns: { user_name: 'string', group_name: 'string', object: 'string' },
    reads: 'asker',
    of: 'okera_audit_logs',
  },
  {
    name: 'steward_audit_logs',
    description: 'The audit records of what the asking user administers.',
    columns: auditColumns,
    reads: 'owner',
  },
  {
    name: 'daily_audit_logs',
    description: 'The last day of steward_audit_logs.',
    columns: auditColumns,
    reads: 'owner',
  },
  {
    name: 'audit_events',
    description: 'Decisions of OPA and audit records of Okera in one table.',
    columns: {
      ymd: 'string',
      time: 'timestamp',
      system: 'string',
      actor: 'string',
      action: 'string',
      resource: 'string',
      allowed: 'boolean',
      reason: 'string',
      client_ip: 'string',
      client_ip_key: 'string',
      id: 'string',
      source_uri: 'string',
      source_offset: 'long',
    },
    reads: 'asker',
  },
];
