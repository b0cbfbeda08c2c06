/** Which views there are over which tables, and what of each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventTables } from '../../src/sources/registry.ts';
import { identityTables, views as viewNames } from '../../src/tables/names.ts';
import { viewDeclarations } from '../../src/views/declarations.ts';
import { viewsOver } from '../../src/views/select.ts';

const named = (tables: readonly string[]) =>
  viewsOver({ tables, stewards: [] })
    .map((view) => view.name)
    .sort();
const sqlOf = (name: string, tables: readonly string[], stewards: Parameters<typeof viewsOver>[0]['stewards'] = []) =>
  viewsOver({ tables, stewards }).find((view) => view.name === name)?.sql;

describe('views', () => {
  test('are all there with all tables, under names that are kept for them', () => {
    expect(named([...eventTables, ...identityTables])).toEqual(viewDeclarations.map((view) => view.name).sort());
    expect([...viewNames].sort()).toEqual(viewDeclarations.map((view) => view.name).sort());
  });

  test.each([
    ['no table', [], []],
    ['decisions only', ['opa_decisions', 'quarantine'], ['audit_events']],
    [
      'audit logs only',
      ['okera_audit_logs'],
      [
        'audit_events',
        'daily_audit_logs',
        'reporting_audit_logs',
        'role_group_history',
        'steward_audit_logs',
        'steward_grants',
      ],
    ],
    ['users only', [...identityTables], ['groups_by_user', 'role_groups', 'user_group_info']],
  ])('with %s', (_what, tables, expected) => {
    expect(named(tables)).toEqual(expected);
  });

  test('put several tables together as far as they exist', () => {
    expect(sqlOf('audit_events', ['opa_decisions'])).not.toMatch(/okera|UNION/);
    expect(sqlOf('audit_events', ['okera_audit_logs'])).not.toMatch(/opa_decisions|UNION/);
    expect(sqlOf('audit_events', ['okera_audit_logs', 'opa_decisions'])).toMatch(/opa_decisions\nUNION ALL\n/);
  });

  test('are in docs/views.md', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/views.md'), 'utf8');
    for (const { name } of viewDeclarations) expect(docs).toContain(`\`${name}\``);
  });

  test('give way to a table of their name, and are made over it', () => {
    expect(named(['opa_decisions', 'audit_events'])).toEqual([]);
    const tables = ['okera_audit_logs', 'groups_by_user'];
    expect(named(tables)).not.toContain('groups_by_user');
    expect(sqlOf('steward_grants', tables)).toContain('groups_by_user');
  });

  test('have the stewards as literals, whatever they are called', () => {
    const stewards = [
      { user: `x'), ('y', NULL, '*`, objects: ['Sales'] },
      { user: '$& $1 \u0007', objects: ['*'] },
    ];
    const sql = sqlOf('steward_grants', ['okera_audit_logs'], stewards);
    expect(sql).toContain(`('x''), (''y'', NULL, ''*', NULL, 'sales')`);
    expect(sql).toContain(`(U&'$& $1 \\0007', NULL, '*')`);
  });
});
