/** Trino's functions in DuckDB answer as Trino does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import type { CellValue, QueryEngine } from '../../src/engines/engine.ts';
import { createTrinoEngine } from '../../src/engines/trino/engine.ts';
import { LocalStore } from '../../src/store/local.ts';
import { seeded } from '../e2e/support/logs.ts';
import { describeWith, rig } from '../support/rig.ts';

const noTables = { listTables: async () => [], loadTable: async () => undefined };
const duckdb = createDuckDbEngine({ store: new LocalStore(), catalog: noTables });
afterAll(() => duckdb.close());

async function rowsOf(engine: QueryEngine, sql: string): Promise<(readonly CellValue[])[]> {
  const rows: (readonly CellValue[])[] = [];
  for await (const chunk of (await engine.query({ sql })).chunks) rows.push(...chunk);
  return rows;
}

const addresses = [
  '0.0.0.0',
  '10.0.0.1',
  '10.1.2.3',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:10.1.2.3',
  '::FFFF:a01:203',
  '2001:db8::1',
  '2001:DB8:0:0:8000::',
  '1:2:3:4:5:6:7:8',
  '1::8',
  'fe80::1:2:3:4',
  '64:ff9b::10.1.2.3',
  '1:2:3:4:5:6:10.1.2.3',
  '1:2:3:4:5:6:7::',
  '::2:3:4:5:6:7:8',
];
/** Each is null in TRY_CAST to Trino's ipaddress. */
const noAddresses = [
  '',
  ' ',
  'x',
  '10.1.2',
  '10.1.2.3.4',
  '10.1.2.256',
  '010.1.2.3',
  '10.1.2.3/8',
  '1:2:3',
  '1:2:3:4:5:6:7:8:9',
  '1::2::3',
  ':::',
  '12345::',
  'g::',
  '1:2:3:4:5:6:7:10.1.2.3',
  '::10.1.2',
];

/** Blocks of any size around the addresses. */
function blocks(): string[] {
  const random = seeded(7);
  const networks: string[] = [
    '0.0.0.0/0',
    '::/0',
    '::ffff:0:0/96',
    '10.0.0.0/8',
    '::ffff:10.0.0.0/104',
    '2001:db8::/33',
  ];
  for (const address of addresses) {
    const bytes = hexOf(address);
    const isV4 = bytes.startsWith('00000000000000000000ffff');
    for (let i = 0; i < 6; i++) {
      const bits = isV4 ? Math.floor(random() * 33) : Math.floor(random() * 129);
      const size = isV4 ? 32n : 128n;
      const value = BigInt(`0x${isV4 ? bytes.slice(24) : bytes}`);
      const free = size - BigInt(bits);
      const base = ((value >> free) << free).toString(16).padStart(Number(size) / 4, '0');
      networks.push(
        isV4
          ? `${[0, 2, 4, 6].map((at) => Number.parseInt(base.slice(at, at + 2), 16)).join('.')}/${bits}`
          : `${base.match(/.{4}/g)!.join(':')}/${bits}`,
      );
    }
  }
  return networks;
}

/** Of the addresses above, by the URL parser of Node, which knows IPv6 but not our code. */
function hexOf(address: string): string {
  if (!address.includes(':')) {
    return `00000000000000000000ffff${address
      .split('.')
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join('')}`;
  }
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = '', right] = host.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [head, tail] = [groups(left), groups(right ?? '')];
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...(right === undefined ? [] : zeros), ...tail].map((group) => group.padStart(4, '0')).join('');
}

const values = (texts: readonly string[]) => texts.map((text) => `('${text}')`).join(', ');

/** Expressions that both engines take, and what they are. */
const expressions: readonly (readonly [sql: string, value: CellValue])[] = [
  [`to_unixtime(from_iso8601_timestamp('2023-07-11T16:55:00Z'))`, 1689094500],
  [`to_unixtime(from_iso8601_timestamp('2023-07-11T16:55:00.0009+02:00'))`, 1689087300],
  [`from_iso8601_timestamp('2023-07-11T16:55:00.000999Z') = from_iso8601_timestamp('2023-07-11T16:55:00Z')`, true],
  [`from_iso8601_timestamp('2023-07-11') = from_iso8601_timestamp('2023-07-11T00:00:00Z')`, true],
  [`CAST(to_unixtime(from_unixtime(CAST(1600300801797 / 1000 AS int))) AS bigint)`, 1600300801],
  [
    `date_format(TIMESTAMP '2020-09-07 03:04:05.123', '%Y-%m-%d %H:%i:%s.%f|%M %W %e %c %k %l %h %I %p %T %r %a %b %j %y %S')`,
    '2020-09-07 03:04:05.123000|September Monday 7 9 3 3 03 03 AM 03:04:05 03:04:05 AM Mon Sep 251 20 05',
  ],
  [`date_diff('minute', TIMESTAMP '2020-01-01 00:00:59', TIMESTAMP '2020-01-01 00:01:00')`, 0],
  [`date_diff('day', TIMESTAMP '2020-01-01 12:00:00', TIMESTAMP '2020-01-03 12:00:00')`, 2],
  [`date_format(date_add('month', -1, TIMESTAMP '2020-03-31 00:00:00'), '%Y-%m-%d')`, '2020-02-29'],
  [`7 / 2`, 3],
  [`CAST(json_extract('{"subject":"dr_evil"}', '$.subject') AS varchar) = 'dr_evil'`, true],
  [`CAST(json_extract('{"a":null}', '$.a') AS varchar)`, null],
  [`CAST(json_extract('{"a', '$.a') AS varchar)`, null],
  [`CAST(json_extract('{"allowed":true}', '$.allowed') AS boolean) = true`, true],
  [`CAST(json_extract('{"a b":{"c":[1,2]}}', '$["a b"].c[1]') AS bigint)`, 2],
  [`json_extract_scalar('{"a":{"b":"x"}}', '$.a.b')`, 'x'],
  [`json_extract_scalar('{"a":{"b":"x"}}', '$.a')`, null],
  [`json_extract_scalar('{"a":1.5}', '$.a')`, '1.5'],
  [`json_array_length('[1,2]')`, 2],
  [
    `regexp_extract('GRANT ROLE \`a\` TO GROUP b;', '(?i)(?:GRANT|REVOKE) ROLE \`?([^;\`]+)\`? (?:FROM|TO) GROUP \`?([^\`;]+)\`?[;]?', 2)`,
    'b',
  ],
  [`regexp_extract('DROP ROLE a', '(?i)GRANT ROLE (.*)', 1)`, null],
  [`regexp_extract('abc', 'b')`, 'b'],
  [`regexp_replace('a.b,c.d', '\\.[^,]*', '')`, 'a,c'],
  [`regexp_replace('ab', '(a)(b)', '$2$1')`, 'ba'],
  [`regexp_like('abc', '^a')`, true],
  [`contains(ARRAY['FRA', 'USA'], 'FRA')`, true],
  [`contains(ARRAY['FRA', 'USA'], 'DEU')`, false],
  [`arrays_overlap(split('a,b', ','), ARRAY['b', 'c'])`, true],
  [`array_join(ARRAY['a', NULL, 'b'], ',')`, 'a,b'],
  [
    `contains('10.0.0.0/8', CAST(CAST(json_extract('{"client_ip":"10.2.3.4"}', '$.client_ip') AS varchar) AS IPADDRESS))`,
    true,
  ],
  [`contains('10.0.0.0/8', CAST(NULL AS IPADDRESS))`, null],
];

describe('in DuckDB', () => {
  test.each(expressions)('%s', async (sql, value) => {
    expect(await rowsOf(duckdb, `SELECT ${sql}`)).toEqual([[value]]);
  });

  test('what is no address is in no block, and stops no query', async () => {
    expect(
      await rowsOf(
        duckdb,
        `SELECT DISTINCT contains('::/0', CAST(a AS IPADDRESS)) FROM (VALUES ${values(noAddresses)}) t(a)`,
      ),
    ).toEqual([[null]]);
  });

  test.each(['10.0.0.1/8', '::ffff:10.0.0.0/8', '10.0.0.0/33', '2001:db8::1/64', '::/129', '10.0.0/8'])(
    '%s is no block',
    async (block) => {
      await expect(rowsOf(duckdb, `SELECT contains('${block}', '10.0.0.1')`)).rejects.toThrow(/Invalid CIDR/);
    },
  );

  test('functions of its own that Trino does not have stay', async () => {
    expect(
      await rowsOf(
        duckdb,
        `SELECT contains('abc', 'b'), contains('2023/07', '/'), regexp_replace('aXa', 'x', 'y', 'i'), regexp_replace('aa', 'a', 'b', 'g'), contains(MAP {'a': 1}, 'a'), date_add(DATE '2020-01-01', INTERVAL 1 DAY)::VARCHAR`,
      ),
    ).toEqual([[true, true, 'aya', 'bb', true, '2020-01-02 00:00:00']]);
  });

  test('current_user is who the configuration says', async () => {
    const config = { stewards: [], engines: { duckdb: { user: "it's me" }, athena: { catalog: '' } } };
    const engine = createDuckDbEngine({ store: new LocalStore(), catalog: noTables, config });
    expect(await rowsOf(engine, 'SELECT current_user')).toEqual([["it's me"]]);
    await engine.close();
  });
});

describeWith(['trino'], 'in Trino, too,', () => {
  let trino: QueryEngine;
  beforeAll(async () => {
    const { url } = await rig.trino();
    trino = createTrinoEngine({ url, catalog: 'awsdatacatalog', schema: 'default', user: 'test' });
  });

  test('each expression is that', async () => {
    const sql = expressions.map(([expression]) => expression).join(',\n');
    expect(await rowsOf(trino, `SELECT ${sql}`)).toEqual([expressions.map(([, value]) => value)]);
  });

  test('the same addresses are in the same blocks', async () => {
    const sql = `SELECT n, a, contains(n, CAST(a AS IPADDRESS)) FROM (VALUES ${values(blocks())}) t(n)
      CROSS JOIN (VALUES ${values(addresses)}) u(a) ORDER BY n, a`;
    const there = await rowsOf(trino, sql);
    expect(there.length).toBeGreaterThan(1500);
    const sort = (rows: readonly (readonly CellValue[])[]) => rows.map((row) => JSON.stringify(row)).sort();
    expect(sort(await rowsOf(duckdb, sql))).toEqual(sort(there));
  });

  test('the same texts are no addresses', async () => {
    const sql = `SELECT a FROM (VALUES ${values(noAddresses)}) t(a) WHERE TRY_CAST(a AS IPADDRESS) IS NOT NULL`;
    expect(await rowsOf(trino, sql)).toEqual([]);
  });
});
