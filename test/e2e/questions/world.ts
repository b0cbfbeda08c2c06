/**
 * One warehouse in S3 and Glue for all questions: the fixtures, generated volume, the logs of an incident and side tables,
 * read in by the binary; the engines over it; and what it has to hold, from the raw JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config/load.ts';
import type { QueryAnswer, QueryEngine, QueryRequest } from '../../../src/engines/engine.ts';
import { createQueryEngine, createRuntime } from '../../../src/wire.ts';
import { backfill, configure, type Place } from '../../support/binary.ts';
import { rig } from '../../support/rig.ts';
import { tables } from '../support/columns.ts';
import { makeWorld } from '../support/engines-world.ts';
import type { LogObject } from '../support/logs.ts';
import { auditFacts, decisionFacts, type Fact, toFact } from './facts.ts';
import { auditLogs, decisionLogs, sideLogs } from './logs.ts';

export const engineNames = ['duckdb', 'trino'] as const;
/** Athena runs Trino's SQL; what differs is how values and rows travel. */
export type EngineName = (typeof engineNames)[number] | 'athena';

export interface Facts {
  readonly decisions: readonly Fact[];
  readonly audits: readonly Fact[];
}

/** Sees all of steward_audit_logs. */
const auditor = 'auditor';

export interface QuestionsWorld {
  readonly place: Place;
  readonly facts: Facts;
  ask(engine: EngineName, request: QueryRequest): Promise<{ columns: string[]; rows: QueryRow[] }>;
  close(): Promise<void>;
}
type QueryRow = QueryAnswer['chunks'] extends AsyncIterable<readonly (infer T)[]> ? T : never;

export async function makeQuestionsWorld(): Promise<QuestionsWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'aw-questions-'));
  const [s3, glue, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
  const world = await makeWorld(s3, glue);
  const at = (name: string): string => `s3://${s3.bucket}/${name}/`;
  const put = (logs: readonly LogObject[], name: string) =>
    Promise.all(logs.map(({ key, body }) => world.store.put(`${at(name)}${key}`, body)));
  await put(decisionLogs(), 'incident');
  await put(auditLogs(), 'incident-okera');
  await put(sideLogs(), 'side');
  const { sources, ...config } = world.config as { sources: object[] };
  const columns = { subject: { type: 'string' }, country: { type: 'string' } };
  const place = configure(
    folder,
    {
      ...config,
      engines: {
        trino: { url: trino.url, catalog: 'awsdatacatalog', user: auditor },
        athena: { output: at('results'), endpoint: s3.env.AWS_ENDPOINT_URL_ATHENA },
        duckdb: { user: auditor },
      },
      stewards: [{ user: auditor, objects: ['*'] }],
      sources: [
        ...sources,
        { name: 'incident', type: 'opa', location: at('incident') },
        { name: 'incident-okera', type: 'okera-audit', location: at('incident-okera') },
        { name: 'identities', type: 'okera-identities', location: at('side/identities') },
        { name: 'countries', type: 'reference', location: at('side/countries'), table: 'user_countries', columns },
      ],
    },
    s3.env,
  );
  const filled = await backfill(place);
  if (filled.code !== 0) throw new Error(`backfill ended with ${filled.code}:\n${filled.stderr}`);
  const loaded = loadConfig({
    file: 'audit-warehouse.yaml',
    settings: [],
    env: {},
    cwd: folder,
    reserved: () => new Set(),
  });
  const runtime = await createRuntime(loaded.config);
  const engines = new Map<EngineName, QueryEngine>();
  for (const name of [...engineNames, 'athena'] as const) engines.set(name, await createQueryEngine(runtime, name));
  const decisionTypes = { ...tables.opa_decisions, ...world.promoted };
  return {
    place,
    facts: {
      decisions: [
        ...world.expected.opa_decisions.map((row) => toFact(decisionTypes, row)),
        ...decisionFacts(decisionLogs(), at('incident')),
      ],
      audits: [
        ...world.expected.okera_audit_logs.map((row) => toFact(tables.okera_audit_logs, row)),
        ...auditFacts(auditLogs(), at('incident-okera')),
      ],
    },
    async ask(engine, request) {
      const answer = await engines.get(engine)!.query(request);
      const rows: QueryRow[] = [];
      for await (const chunk of answer.chunks) rows.push(...chunk);
      return { columns: answer.columns.map(({ name }) => name), rows };
    },
    async close() {
      for (const engine of engines.values()) await engine.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
