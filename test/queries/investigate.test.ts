/** One timeline of an actor over both systems. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { investigate, type Timeline } from '../../src/queries/investigate.ts';
import { renderTimeline } from '../../src/report/timeline.ts';
import { identities, putExport } from '../support/side-tables.ts';
import { opaSourceConfig, run, testRuntime } from '../support/warehouse.ts';

const day = (text: string): bigint => BigInt(Date.parse(text)) * 1000n;
const range = { from: day('2023-07-11'), to: day('2023-07-12') - 1n };

const decision = (time: string, allowed: boolean, input: object): string =>
  JSON.stringify({
    decision_id: `d-${time}`,
    input: { subject: 'eve', action: 'GET', resource: '/a', ...input },
    labels: { id: 'i' },
    result: { allowed, message: '<b>why</b>' },
    timestamp: time,
  });
const statement = (time: string, type: string, text: string): string =>
  JSON.stringify({
    request_time: time,
    request_id: `1:${time.slice(-2)}`,
    user: 'eve',
    auth_failure: false,
    status: 'ok',
    statement_type: type,
    statement: text,
  });

describe('a timeline', () => {
  let runtime: Runtime;
  let timeline: Timeline;

  async function of(actor: string, options: object = {}): Promise<Timeline> {
    const engine = createDuckDbEngine(runtime);
    try {
      return await investigate(runtime, engine, actor, {
        ...range,
        lookBackDays: 30,
        minutes: 5,
        limit: 100,
        ...options,
      });
    } finally {
      await engine.close();
    }
  }

  beforeAll(async () => {
    const okera = { name: 'okera', type: 'okera-audit' as const, location: 'memory://test/okera', columns: {} };
    runtime = testRuntime({ sources: [opaSourceConfig, okera] });
    const decisions = [
      decision('2023-07-01T10:00:00Z', true, { resource: '/b', client_ip: '10.0.0.1', country: 'DE' }),
      decision('2023-07-11T10:00:00Z', false, { client_ip: '10.0.0.7', country: 'DE' }),
      decision('2023-07-11T10:00:30Z', true, { client_ip: '192.0.2.7', country: 'FR' }),
      decision('2023-07-11T10:01:00Z', true, { resource: '/b', client_ip: '192.0.2.8', country: 'FR' }),
      decision('2023-07-11T10:02:00Z', true, { subject: 'bob' }),
    ];
    await runtime.store.put(`${opaSourceConfig.location}/a.jsonl`, Buffer.from(decisions.join('\n')));
    const statements = [
      statement('2023-07-11 10:00:45', 'GRANT_ROLE', 'grant role r to group g'),
      statement('2023-07-11 10:03:00', 'PLAN', 'select 1'),
    ];
    await runtime.store.put('memory://test/okera/a.jsonl', Buffer.from(statements.join('\n')));
    await run(runtime);
    timeline = await of('eve');
  });

  test('has the records of one actor in order of time, with what is worth a look', () => {
    expect(timeline.entries.map(({ time, kind, marks }) => [time.slice(11, 19), kind, marks])).toEqual([
      ['10:00:00', 'decision', ['first of this resource', 'denied']],
      ['10:00:30', 'decision', ['first of this network', 'first of this country', 'allowed 30 s after it was denied']],
      ['10:00:45', 'permission-change', ['changes permissions']],
      ['10:01:00', 'decision', []],
      ['10:03:00', 'statement', []],
    ]);
    expect(timeline.cut).toEqual([]);
  });

  test('names the place of each record and the command that prints it', () => {
    const [first] = timeline.entries;
    expect(first).toMatchObject({ place: expect.stringMatching(/^memory:\/\/test\/logs\/a\.jsonl#\d+$/) });
    expect(first!.command).toBe(`audit-warehouse raw '${first!.place}'`);
  });

  test('goes by the look-back and the limit, and says where it is cut', async () => {
    const first = (await of('eve', { lookBackDays: 0 })).entries[0]!;
    expect(first.marks).toEqual(['first of this network', 'first of this country', 'first of this resource', 'denied']);
    const cut = await of('eve', { limit: 1 });
    expect([cut.entries.length, cut.cut]).toEqual([2, ['opa', 'okera']]);
    expect((await of('nobody')).entries).toEqual([]);
  });

  test('as a page shows text as text', () => {
    const page = renderTimeline({ ...timeline, actor: '<script>alert(1)</script>' }, range);
    expect(page).toContain('&lt;b&gt;why&lt;/b&gt;');
    expect(page).not.toMatch(/<script|<b>why/);
    expect(page).toContain('allowed 30 s after it was denied');
  });

  test('has what others did to roles of groups that the actor is in, where it is known who is in which group', async () => {
    const okera = { name: 'okera', type: 'okera-audit' as const, location: 'memory://test/okera', columns: {} };
    const withGroups = testRuntime({ sources: [okera], sideSources: [identities] });
    const by = (user: string, time: string, type: string, text: string): string =>
      JSON.stringify({ ...JSON.parse(statement(time, type, text)), user });
    const statements = [
      by('admin', '2023-07-11 10:00:45', 'GRANT_ROLE', 'GRANT ROLE admins TO GROUP Analysts'),
      by('admin', '2023-07-11 10:01:00', 'GRANT_ROLE', 'GRANT ROLE admins TO GROUP others'),
      by('eve', '2023-07-11 10:02:00', 'REVOKE_ROLE', 'REVOKE ROLE admins FROM GROUP analysts'),
      by('admin', '2023-07-13 10:00:45', 'GRANT_ROLE', 'GRANT ROLE admins TO GROUP analysts'),
      by('admin', '2023-07-11 10:03:00', 'REVOKE_ROLE', 'REVOKE ROLE admins FROM GROUP analysts'),
    ];
    await withGroups.store.put('memory://test/okera/a.jsonl', Buffer.from(statements.join('\n')));
    await putExport(withGroups.store, identities, 'users.jsonl', '{"id":1,"user_name":"eve"}');
    await putExport(withGroups.store, identities, 'groups.jsonl', '{"group_id":10,"group_name":"analysts"}');
    await putExport(
      withGroups.store,
      identities,
      'user_group_mappings.jsonl',
      '{"user_name_id":1,"group_name_id":10,"last_observed":1604217600123}',
    );
    await run(withGroups);
    const engine = createDuckDbEngine(withGroups);
    try {
      const found = await investigate(withGroups, engine, 'eve', {
        ...range,
        lookBackDays: 30,
        minutes: 5,
        limit: 100,
      });
      expect(found.entries.map(({ time, marks }) => [time.slice(11, 19), marks.at(-2)])).toEqual([
        ['10:00:45', 'by admin, of a group that eve is in: analysts'],
        ['10:02:00', undefined],
        ['10:03:00', 'by admin, of a group that eve is in: analysts'],
      ]);
      expect(found.cut).toEqual([]);
      const few = await investigate(withGroups, engine, 'eve', { ...range, lookBackDays: 30, minutes: 5, limit: 1 });
      expect([few.entries.map(({ time }) => time.slice(11, 19)), few.cut]).toEqual([
        ['10:00:45', '10:02:00'],
        ['okera'],
      ]);
      expect(found.entries[0]).toMatchObject({
        kind: 'permission-change',
        detail: expect.stringContaining('GRANT ROLE'),
      });
    } finally {
      await engine.close();
    }
  });
});
