/** What other engines are asked to do. Trino does it in test/e2e/compact.test.ts; Athena's statement can only be read here. */
import { describe, expect, test } from 'vitest';
import type { StatementEngine } from '../../../src/engines/engine.ts';
import { compactByEngine, optimizeStatement } from '../../../src/jobs/compact/by-engine.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { putDecisions, run, testRuntime } from '../../support/warehouse.ts';

/** Stands for an engine that takes every statement and changes nothing. */
function recorder(): { engine: StatementEngine; statements: string[]; closed: () => boolean } {
  const statements: string[] = [];
  let isClosed = false;
  const engine: StatementEngine = {
    atOnce: 1,
    query: () => Promise.reject(new Error('not asked for')),
    execute: async ({ sql }) => {
      statements.push(sql);
      return { queryId: '1', bytesScanned: 0 };
    },
    close: async () => {
      isClosed = true;
    },
  };
  return { engine, statements, closed: () => isClosed };
}

describe('compaction by another engine', () => {
  test('asks for days side by side in one statement, and closes the engine', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 5, 4);
    const runtime = testRuntime({ store, batch: { objects: 1 } });
    await run(runtime);
    const { engine, statements, closed } = recorder();
    const report = await compactByEngine(runtime, 'athena', engine, { tables: ['opa_decisions'] });
    expect(statements).toEqual([
      `OPTIMIZE "opa_decisions" REWRITE DATA USING BIN_PACK WHERE ymd >= '2023-07-11' AND ymd <= '2023-07-12'`,
    ]);
    expect(report.days.map((day) => [day.day, day.files])).toEqual([
      ['2023-07-11', 5],
      ['2023-07-12', 5],
    ]);
    expect(closed()).toBe(true);

    const dry = recorder();
    await compactByEngine(runtime, 'trino', dry.engine, { dryRun: true });
    expect(dry.statements).toEqual([]);
  });

  test('puts nothing into SQL but names and days of the forms that they have', () => {
    expect(optimizeStatement('trino', 't', '2023-07-11', '2023-07-12', 1000)).toBe(
      `ALTER TABLE "t" EXECUTE optimize(file_size_threshold => '1000B') WHERE ymd >= '2023-07-11' AND ymd <= '2023-07-12'`,
    );
    expect(() => optimizeStatement('trino', 't"', '2023-07-11', '2023-07-12', 1)).toThrow(/name/);
    expect(() => optimizeStatement('trino', 't', "2023' OR 'a' = 'a", '2023-07-12', 1)).toThrow(/not a day/);
  });
});
