/**
 * The queries of the two documents as they are printed, on DuckDB and on Trino: with nothing changed but the names of
 * tables and what test/queries/seed-changes.ts lists, which is what docs/queries.md says.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adapted, changes } from '../queries/seed-changes.ts';
import { start } from '../support/binary.ts';
import { projectRoot } from '../support/cli.ts';
import { describeWith } from '../support/rig.ts';
import { only } from './questions/facts.ts';
import { printed, readsWithGroups } from './questions/seed.ts';
import { engineNames, makeQuestionsWorld, type QuestionsWorld } from './questions/world.ts';

const seed = join(projectRoot, 'test/queries/seed');
const files = readdirSync(seed, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.sql'));
const textOf = (file: string): string => readFileSync(join(seed, file), 'utf8');

test('every printed query has its answer here', () => {
  expect(files.sort()).toEqual(Object.keys(printed).sort());
});

test('the queries over decisions need no change', () => {
  expect(changes.filter(({ file }) => file.startsWith('article/'))).toEqual([]);
});

test('the documentation has every change', () => {
  const page = readFileSync(join(projectRoot, 'docs/queries.md'), 'utf8');
  for (const { from, to } of changes) {
    expect(page).toContain(from.trim());
    expect(page).toContain(to.trim());
  }
});

const inSomeOrder = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

describeWith(['s3', 'glue', 'trino'], 'the printed queries', () => {
  let world: QuestionsWorld;
  beforeAll(async () => {
    world = await makeQuestionsWorld();
  });
  afterAll(() => world?.close());

  describe.each(Object.entries(printed))('%s', (file, { columns, rows }) => {
    test.each(engineNames)('on %s', async (engine) => {
      const answer = await world.ask(engine, { sql: adapted(file, textOf(file)) });
      const found = answer.rows.map((row) =>
        Object.fromEntries(columns.map((name) => [name, row[answer.columns.indexOf(name)]])),
      );
      const expected = rows(world.facts).map((row) => only(row, columns));
      expect(expected.length).toBeGreaterThan(0);
      expect(inSomeOrder(found)).toEqual(inSomeOrder(expected));
    });
  });

  test.each(engineNames)('with the day written out, reads-with-groups ends on the third on %s', async (engine) => {
    const file = 'tutorial/reads-with-groups.sql';
    const sql = adapted(file, textOf(file)).replace("'2020-11-3'", "'2020-11-03'");
    const { rows } = await world.ask(engine, { sql });
    const wide = readsWithGroups(world.facts, '2020-11-3');
    expect(rows.length).toBe(readsWithGroups(world.facts, '2020-11-03').length);
    expect(rows.length).toBeLessThan(wide.length);
  });

  test('as --sql of the binary', async () => {
    const { columns, rows } = printed['article/cidr.sql']!;
    const sql = adapted('article/cidr.sql', textOf('article/cidr.sql'));
    for (const engine of engineNames) {
      const { code, stdout } = await start(['query', '--sql', sql, '--engine', engine, '--format', 'json'], world.place)
        .done;
      expect(code).toBe(0);
      const answer = JSON.parse(stdout);
      const found = answer.rows.map((row: unknown[]) => columns.map((name) => row[answer.columns.indexOf(name)]));
      expect(inSomeOrder(found)).toEqual(
        inSomeOrder(rows(world.facts).map((row) => Object.values(only(row, columns)))),
      );
    }
  });
});
