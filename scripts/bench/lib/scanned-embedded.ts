/** The engine in this process on the same tables in S3, and, for comparison, DuckDB with httpfs on the very same files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config/load.ts';
import type { QueryRequest } from '../../../src/engines/engine.ts';
import { liveFiles } from '../../../src/iceberg/scan.ts';
import { createQueryEngine, createRuntime } from '../../../src/wire.ts';
import { type Answer, answer } from './scanned-answers.ts';
import { root, run } from './scanned-input.ts';
import type { Warehouse } from './scanned-layouts.ts';
import type { Question } from './scanned-questions.ts';

/** Each question by an engine of its own, so that none finds what another has fetched. */
export async function embeddedAnswer({ folder }: Warehouse, question: Question): Promise<Answer> {
  const { config } = loadConfig({ env: {}, cwd: folder, reserved: () => new Set() });
  const runtime = await createRuntime(config);
  const engine = await createQueryEngine(runtime, 'duckdb');
  try {
    return await answer(engine, question.ours, question);
  } finally {
    await engine.close();
    await runtime.close();
  }
}

/** Bytes. `python` has duckdb and duckdb-extension-httpfs. It opens the files that the parameters of a named question leave, as ours does. */
export async function httpfsBytes(
  { folder }: Warehouse,
  { sql, parameters = {}, prune }: QueryRequest,
  python: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const { config } = loadConfig({ env: {}, cwd: folder, reserved: () => new Set() });
  const runtime = await createRuntime(config);
  const tables: Record<string, string[]> = {};
  for (const name of await runtime.catalog.listTables()) {
    if (!new RegExp(`\\b${name}\\b`).test(sql)) continue;
    const { metadata } = (await runtime.catalog.loadTable(name))!;
    tables[name] = [];
    for await (const { path } of liveFiles(runtime.store, metadata, prune?.[name])) tables[name].push(path);
  }
  await runtime.close();
  const given = {
    endpoint: env.AWS_ENDPOINT_URL_S3,
    region: env.AWS_REGION,
    prelude: readFileSync(join(root, 'src/engines/duckdb/prelude.sql'), 'utf8'),
    tables,
    sql,
    parameters,
  };
  const text = JSON.stringify(given, (_, value) => (typeof value === 'bigint' ? Number(value) : value));
  const output = await run(python, [join(root, 'scripts/bench/lib/scanned_httpfs.py'), text]);
  return (JSON.parse(output) as { bytes: number }).bytes;
}
