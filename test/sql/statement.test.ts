import { describe, expect, it } from 'vitest';
import { QueryError } from '../../src/sql/parameter.ts';
import { checkReads, type Parameters, readStatement, replacePlaceholders } from '../../src/sql/statement.ts';
import { describeWith, rig } from '../support/rig.ts';

const replaced = (sql: string, parameters: Parameters): string =>
  replacePlaceholders(readStatement(sql), parameters, (literal) => `<${literal}>`);

describe('a placeholder', () => {
  const values = { x: 'v', y: 2n, _1: true };

  it.each([
    ['where an expression can stand', 'a=$x AND b IN ($y,$_1)LIMIT $y', "a=<'v'> AND b IN (<2>,<TRUE>)LIMIT <2>"],
    ['after a comment', '-- $x\n$x /* $y */ $y $_1', "-- $x\n<'v'> /* $y */ <2> <TRUE>"],
    ['after a comment that a carriage return ends', '-- $x\r$x, $y, $_1', "-- $x\r<'v'>, <2>, <TRUE>"],
    ['beside strings with quotes in them', `'$x''$x' || $x, '', $y, $_1`, `'$x''$x' || <'v'>, '', <2>, <TRUE>`],
    [
      'beside quoted identifiers',
      `"t$x" . "a""$x", $x, \`$y\`, $y, $_1`,
      `"t$x" . "a""$x", <'v'>, \`$y\`, <2>, <TRUE>`,
    ],
    ['beside a backslash, which escapes nothing', `'\\', $x, '\\', $y, $_1`, `'\\', <'v'>, '\\', <2>, <TRUE>`],
    ['not inside an identifier', 'a$x, $x, b$$y, $y, $_1', "a$x, <'v'>, b$$y, <2>, <TRUE>"],
    ['not without a name', '$ $1 $x $y $_1', "$ $1 <'v'> <2> <TRUE>"],
  ])('is found %s', (_what, sql, expected) => {
    expect(replaced(sql, values)).toBe(expected);
  });

  it.each<[what: string, sql: string, parameters: Parameters, message: RegExp]>([
    ['without a value', 'SELECT $x, $z', { x: 'v' }, /no value for \$z/],
    ['with the name of something every object has', 'SELECT $toString', {}, /no value for \$toString/],
    ['that is missing', 'SELECT $x', { x: 'v', z: 'v' }, /no \$z/],
    ['beside a question mark', 'SELECT $x, ?', { x: 'v' }, /both/],
  ])('%s is refused', (_what, sql, parameters, message) => {
    expect(() => replaced(sql, parameters)).toThrow(QueryError);
    expect(() => replaced(sql, parameters)).toThrow(message);
  });
});

describe('a text', () => {
  it('is one statement, without the semicolon and the comment behind it', () => {
    expect(readStatement(` SELECT ';' -- ;\n , 1 ; -- done\n;`).sql).toBe(` SELECT ';' -- ;\n , 1`);
  });

  it.each([
    ['', /no statement/],
    [' ; -- x\n /* */ ;', /no statement/],
    ['SELECT 1; SELECT 2', /one statement/],
    ['SELECT 1; -- \rSELECT 2', /one statement/],
    [`SELECT 'a`, /' that is never closed/],
    ['SELECT "a', /" that is never closed/],
    ['SELECT 1 /* a', /\/\* that is never closed/],
  ])('%j is refused', (sql, message) => {
    expect(() => readStatement(sql)).toThrow(QueryError);
    expect(() => readStatement(sql)).toThrow(message);
  });
});

const reading = [
  'SELECT 1',
  '  -- DROP TABLE t\n select 1',
  '/* DROP */(( SELECT 1 ) LIMIT 1)',
  'WITH t AS (SELECT 1 AS a) SELECT a FROM t',
  'WITH FUNCTION f(x bigint) RETURNS bigint RETURN x SELECT f(1)',
  'VALUES 1, 2',
  'TABLE system.runtime.nodes',
  'SHOW CATALOGS',
  'DESCRIBE system.runtime.nodes',
  'DESC system.runtime.nodes',
  'EXPLAIN SELECT 1',
  'EXPLAIN (TYPE IO) SELECT 1',
  'EXPLAIN ANALYZE SELECT 1',
  'explain analyze verbose /* */ (select 1)',
  `EXPLAIN CREATE TABLE memory.default.t AS SELECT 1 AS a`,
];

describe('a statement that reads', () => {
  it.each(reading)('%s', (sql) => {
    expect(() => checkReads(readStatement(sql))).not.toThrow();
  });
});

describe('a statement that could write is refused', () => {
  it.each([
    'INSERT INTO t SELECT 1',
    'INSERT INTO t WITH a AS (SELECT 1) SELECT * FROM a',
    'DELETE FROM t',
    'UPDATE t SET a = 1',
    'MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE',
    'TRUNCATE TABLE t',
    'CREATE TABLE t AS SELECT 1 AS a',
    'CREATE OR REPLACE VIEW v AS SELECT 1 AS a',
    'DROP TABLE t',
    'ALTER TABLE t EXECUTE optimize',
    'CALL system.runtime.kill_query(query_id => $id)',
    'EXPLAIN ANALYZE DELETE FROM t',
    'EXPLAIN ANALYZE VERBOSE INSERT INTO t SELECT 1',
    'EXPLAIN ANALYZE EXPLAIN ANALYZE DROP TABLE t',
    "EXECUTE IMMEDIATE 'DROP TABLE t'",
    'PREPARE p FROM DROP TABLE t',
    'EXECUTE p',
    'SET SESSION a = 1',
    'START TRANSACTION',
    'GRANT SELECT ON t TO USER u',
    'ANALYZE t',
    "UNLOAD (SELECT 1) TO 's3://b/p' WITH (format = 'JSON')",
    'MSCK REPAIR TABLE t',
    'USE a.b',
    '-- only\rDROP TABLE t -- \nSELECT 1',
    '"SELECT" 1',
    "'SELECT'",
    '?',
  ])('%s', (sql) => {
    expect(() => checkReads(readStatement(sql))).toThrow(/only statements that read/);
  });
});

describeWith(['trino'], 'Trino takes what we take for a statement that reads', () => {
  it.each(reading.filter((sql) => !sql.includes('memory')))('%s', async (sql) => {
    await (await rig.trino()).query(readStatement(sql).sql);
  });
});
