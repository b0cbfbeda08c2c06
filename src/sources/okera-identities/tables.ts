/**
 * Okera's tables of users, groups and roles, under the names of its system database, so that queries written for it run.
 * The forms of ids and times are those of exports, which Okera does not document: ids are text whatever wrote them, and
 * a time is text that compares with `start_time_utc` of the audit views.
 */
import type { IdentityTable } from '../../tables/names.ts';
import { type SideColumn, type SideTable, sideTable } from '../reference/side-table.ts';

const id = (name: string, description: string): SideColumn => ({
  name,
  type: 'string',
  description,
  required: true,
  from: name,
  reads: 'id',
});

const idOf = (name: string, table: IdentityTable, column: string): SideColumn => ({
  ...id(name, `${table}.${column}.`),
  references: [table, column],
});

const text = (name: string, description: string): SideColumn => ({
  name,
  type: 'string',
  description,
  required: true,
  from: name,
});

export const identityTableOf: Readonly<Record<IdentityTable, SideTable>> = {
  users: sideTable({
    name: 'users',
    description: 'Users that have authenticated with Okera.',
    columns: [id('id', 'Id of the user.'), text('user_name', 'Name of the user, as in user of the audit logs.')],
  }),
  groups: sideTable({
    name: 'groups',
    description: 'Groups that users have presented when they authenticated.',
    columns: [id('group_id', 'Id of the group.'), text('group_name', 'Name of the group.')],
  }),
  user_group_mappings: sideTable({
    name: 'user_group_mappings',
    description: 'Which groups each user has presented, and when last.',
    columns: [
      idOf('user_name_id', 'users', 'id'),
      idOf('group_name_id', 'groups', 'group_id'),
      {
        name: 'last_observed',
        type: 'string',
        description:
          'When the user last presented the group: YYYY-MM-DD hh:mm:ss.ffffff, UTC, text that sorts. Read from times in RFC 3339 or without a zone (then UTC), and from Unix seconds or milliseconds.',
        required: false,
        from: 'last_observed',
        reads: 'time',
      },
    ],
  }),
  role_names: sideTable({
    name: 'role_names',
    description: 'Roles.',
    columns: [id('id', 'Id of the role.'), text('role_name', 'Name of the role.')],
  }),
  group_names: sideTable({
    name: 'group_names',
    description: 'Groups that roles have been granted to.',
    columns: [id('id', 'Id of the group.'), text('group_name', 'Name of the group.')],
  }),
  role_group_ids: sideTable({
    name: 'role_group_ids',
    description: 'Which roles have been granted to which groups.',
    columns: [idOf('role_id', 'role_names', 'id'), idOf('group_id', 'group_names', 'id')],
  }),
};
