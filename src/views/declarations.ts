/**
 * The views of the warehouse: names, columns and meaning, which are public. The SQL of each is the file of its name beside
 * this one, in Trino's dialect, which is Athena's; DuckDB runs it with its prelude. `$columns` there
 * stands for the declared ones, or for those from a name on: `$columns(user…)`. They are spelt out rather than *, so that a
 * column that is added to a table or promoted by the configuration makes no view stale.
 */
import okeraSchema from '../../schemas/okera-audit.schema.json' with { type: 'json' };
import type { ScalarType } from '../columns/types.ts';
import type { ViewColumn } from '../iceberg/catalog.ts';
import { declareTable } from '../tables/declare.ts';
import type { AnnotatedSchema } from '../tables/schema.ts';

export interface ViewDeclaration {
  readonly name: string;
  readonly description: string;
  /** In order, by name. */
  readonly columns: Readonly<Record<string, ViewColumn>>;
  /**
   * owner: the view reads with the rights of its owner, so that the asker needs rights on the view only. asker: the
   * asker needs rights on the tables as well.
   */
  readonly reads: 'owner' | 'asker';
  /** A table without which the view has no use, where its SQL does not say so. */
  readonly of?: string;
}

const column = (type: ScalarType, description: string): ViewColumn => ({ type, description });

/** Of okera_audit_logs, all columns that the product declares; each holds one value. */
const auditColumns = Object.fromEntries(
  declareTable(okeraSchema as unknown as AnnotatedSchema).columns.map(({ name, type, description }) => [
    name,
    column(type as ScalarType, description),
  ]),
);

/** Those that say something to a reader of reports. */
const reportedColumns = Object.entries(auditColumns).filter(
  ([name]) =>
    !['client_port', 'start_time', 'end_time', 'request_id_postfix', 'service', 'extra', 'ymd', 'event_time'].includes(
      name,
    ),
);

const userName = column('string', 'Name of the user, as in user of the audit logs.');
const groupName = column('string', 'Name of the group.');

/** In an order in which each comes after those that it reads. */
export const viewDeclarations: readonly ViewDeclaration[] = [
  {
    name: 'role_groups',
    description: 'Which roles are granted to which groups, by name.',
    columns: { role_name: column('string', 'Name of the role.'), group_name: groupName },
    reads: 'asker',
  },
  {
    name: 'groups_by_user',
    description: 'The groups that each user presented when last observed.',
    columns: {
      user_name: userName,
      group_name: groupName,
      last_observed: column('string', 'When the user last presented the group: YYYY-MM-DD hh:mm:ss.ffffff, UTC.'),
    },
    reads: 'asker',
  },
  {
    name: 'user_group_info',
    description: 'Every group that each user ever presented.',
    columns: { user_name: userName, group_name: groupName },
    reads: 'asker',
  },
  {
    name: 'reporting_audit_logs',
    description: 'What users asked of Okera: events of the planner that are for reporting, one a scan.',
    columns: {
      ymd: auditColumns.ymd!,
      event_time: auditColumns.event_time!,
      start_time_utc: column('string', 'start_unix_time as text, YYYY-MM-DD hh:mm:ss.ffffff, UTC.'),
      end_time_utc: column('string', 'end_unix_time as text, YYYY-MM-DD hh:mm:ss.ffffff, UTC.'),
      ...Object.fromEntries(reportedColumns),
    },
    reads: 'asker',
  },
  {
    name: 'role_group_history',
    description: 'Which group held which role from when to when, by whom granted and revoked.',
    columns: {
      role: column('string', 'The role, in lower case.'),
      group: column('string', 'The group, in lower case.'),
      granted_at: column('timestamp', 'When the group came to hold the role.'),
      granted_by: column('string', 'Who granted it.'),
      revoked_at: column('timestamp', 'When the role was revoked or dropped; null while the group holds it.'),
      revoked_by: column('string', 'Who revoked or dropped it; null while the group holds it.'),
    },
    reads: 'asker',
  },
  {
    name: 'steward_grants',
    description: 'Who administers which databases, tables and views, as the configuration says.',
    columns: {
      user_name: column('string', 'The steward.'),
      group_name: column('string', 'The group through which the user is a steward; null where the user is named.'),
      object: column('string', 'The database, table or view, in lower case; * for everything.'),
    },
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
      ymd: column('string', 'UTC day of the event, YYYY-MM-DD: the partition.'),
      time: column('timestamp', 'Time of the event in UTC.'),
      system: column('string', 'Which system logged it: opa or okera.'),
      actor: column('string', 'Who asked: subject of a decision, user of an audit record.'),
      action: column('string', 'What they asked to do: action of a decision, statement_type of an audit record.'),
      resource: column(
        'string',
        'What they asked to do it to. Of an audit record: its tables and views, else its databases, paths or roles.',
      ),
      allowed: column('boolean', 'Whether it was allowed. A statement that was allowed may have failed: see reason.'),
      reason: column('string', 'The reason given: message of a decision, status of an audit record.'),
      client_ip: column('string', 'Address of the client.'),
      client_ip_key: auditColumns.client_ip_key!,
      id: column('string', 'decision_id of a decision, request_id of an audit record.'),
      source_uri: auditColumns.source_uri!,
      source_offset: auditColumns.source_offset!,
    },
    reads: 'asker',
  },
];
