/** Statements are planned in one database of the process, and none sees anything of another. */
import { describe, expect, test } from 'vitest';
import { checkStatement, planStatement } from '../../src/engines/duckdb/plan-statement.ts';
import { newTableMetadata } from '../../src/iceberg/schema.ts';
import { QueryError } from '../../src/sql/parameter.ts';
import { column } from './fixture.ts';

const table = (name: string, columns: readonly string[]) => ({
  name,
  metadata: newTableMetadata({
    uuid: '',
    location: '',
    declaration: {
      name,
      description: '',
      columns: ['ymd', ...columns].map((one) => column(one, 'string')),
      sortedBy: [],
      bloomColumns: [],
      fullBounds: [],
      provenance: [],
    },
    nowMs: 0,
  }),
});

const nothing = { tables: [], views: [], user: '' };

describe('a statement that is planned', () => {
  const world = { tables: [table('t', ['a'])], views: [{ name: 'v', sql: 'SELECT a FROM t' }], user: 'me' };

  test.each([
    ['well', 'SELECT a, date_diff($$day$$, a::DATE, a::DATE) FROM v'],
    ['in vain', 'SELECT missing FROM v'],
    ['although it would end the transaction', 'COMMIT'],
    ['although it is several', 'COMMIT; CREATE TABLE u (a INTEGER)'],
  ])('%s leaves no table and no view behind', async (_how, sql) => {
    await planStatement({ sql }, world).catch((error) => expect(error).toBeInstanceOf(Error));
    for (const left of ['SELECT * FROM t', 'SELECT * FROM v', 'SELECT * FROM u']) {
      await expect(checkStatement({ sql: left }, nothing)).rejects.toThrow(/does not exist/);
    }
  });

  test('sees its own tables alone, whatever is planned beside it', async () => {
    const columns = ['a', 'b', 'c', 'd', 'e'];
    const scans = await Promise.all(
      columns.map((one) => planStatement({ sql: `SELECT ${one} FROM t` }, { ...nothing, tables: [table('t', [one])] })),
    );
    expect(scans.map((plan) => plan?.get('t')?.map((scan) => scan.columns))).toEqual(columns.map((one) => [[one]]));
  });

  test('cannot open a file, nor change what the next one may', async () => {
    await expect(checkStatement({ sql: `SELECT * FROM read_text('/etc/hostname')` }, nothing)).rejects.toThrow(
      QueryError,
    );
    await expect(checkStatement({ sql: 'SET enable_external_access = true' }, nothing)).rejects.toThrow(QueryError);
  });

  test('keeps no other one waiting, however long it takes, and ends when nobody wants it any more', async () => {
    const all = Array.from({ length: 50 }, (_, i) => i);
    const joined = all.map((i) => `range(10) t${i}(a)`).join(', ');
    const sql = `SELECT count(*) FROM ${joined} WHERE ${all.map((i) => `t${i}.a = t${(i + 1) % 50}.a`).join(' AND ')}`;
    const ended = new AbortController();
    const slow = planStatement({ sql, signal: ended.signal }, nothing);
    const ends = expect(slow).rejects.toThrow(/interrupt|gone/i);
    await planStatement({ sql: 'SELECT a FROM v' }, world);
    ended.abort(new Error('gone'));
    await ends;
    await expect(planStatement({ sql, signal: AbortSignal.abort(new Error('gone')) }, nothing)).rejects.toThrow('gone');
    await planStatement({ sql: 'SELECT a FROM v' }, world);
  });
});
