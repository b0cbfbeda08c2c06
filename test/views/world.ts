/** A warehouse in S3 and Glue with both systems and Okera's users, filled by the binary, and the raw records it was filled from. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { CellValue, QueryAnswer } from '../../src/engines/engine.ts';
import type { EngineName } from '../../src/engines/index.ts';
import { S3Store } from '../../src/store/s3.ts';
import { createQueryEngine, createRuntime } from '../../src/wire.ts';
import { backfill, configure } from '../support/binary.ts';
import { rig } from '../support/rig.ts';

export interface AuditRecord {
  readonly request_time: string;
  readonly request_id: string;
  readonly user: string;
  readonly statement_type: string;
  readonly statement: string;
  readonly status: string;
  readonly auth_failure: boolean;
  readonly for_reporting?: boolean;
  readonly start_unix_time: number;
  readonly end_unix_time: number;
  readonly client_network_address: string;
  readonly ae_database: string;
  readonly ae_table: string;
  readonly ae_view: string;
  readonly ae_path: string;
  readonly ae_role: string;
}

let records = 0;

/** A successful record of one second past the last one's start, unless told otherwise. `at`: YYYY-MM-DD hh:mm:ss. */
export function audit(at: string, fields: Partial<AuditRecord> = {}): AuditRecord {
  const start = Date.parse(`${at.replace(' ', 'T')}Z`);
  return {
    request_time: `${at}.123456789`,
    request_id: `${(++records).toString(16)}:1`,
    user: 'janedoe',
    statement_type: 'PLAN',
    statement: 'select 1',
    status: 'ok',
    auth_failure: false,
    for_reporting: true,
    start_unix_time: start + 250,
    end_unix_time: start + 1000,
    client_network_address: '10.1.2.3:4000',
    ae_database: '',
    ae_table: '',
    ae_view: '',
    ae_path: '',
    ae_role: '',
    ...fields,
  };
}

const uuid = '731c5cf0-4917-4947-b199-7fb257efcfba';

export interface Contents {
  /** By service: planner, worker. */
  readonly okera?: Readonly<Record<string, readonly AuditRecord[]>>;
  readonly decisions?: readonly object[];
  /** Rows of Okera's identity tables, by table. */
  readonly identities?: Readonly<Record<string, readonly object[]>>;
  readonly stewards?: Config['stewards'];
}

export interface Answer {
  readonly columns: QueryAnswer['columns'];
  readonly rows: readonly (readonly CellValue[])[];
}

export interface ViewWorld {
  readonly database: string;
  /** What an engine answers a user; Trino finds tables and views in Glue. */
  ask(engine: EngineName, sql: string, user?: string): Promise<Answer>;
  /** Another backfill, with other keys in the configuration. What it logged. */
  again(change: object): Promise<string>;
}

export async function viewWorld(contents: Contents): Promise<ViewWorld> {
  const [s3, glue, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
  const { bucket, endpoint, region } = s3;
  const store = new S3Store({ endpoint, region, forcePathStyle: true });
  const put = (key: string, lines: readonly object[]) =>
    store.put(`s3://${bucket}/${key}`, Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n')));
  const sources: object[] = [];
  for (const [service, lines] of Object.entries(contents.okera ?? {})) {
    await put(`audit/ymd=2020-10-05/${service}-10.1.10.181-0-${uuid}_audit.log`, lines);
  }
  if (contents.okera) sources.push({ name: 'okera', type: 'okera-audit', location: `s3://${bucket}/audit/` });
  if (contents.decisions) {
    await put('eopa/eopa=a/first_ts=1689094560/last_ts=1689094570/batch_id=0.jsonl', contents.decisions);
    sources.push({ name: 'eopa', type: 'opa', location: `s3://${bucket}/eopa/` });
  }
  for (const [table, rows] of Object.entries(contents.identities ?? {})) await put(`identities/${table}.jsonl`, rows);
  if (contents.identities) {
    sources.push({ name: 'identities', type: 'okera-identities', location: `s3://${bucket}/identities/` });
  }
  const document = {
    warehouse: `s3://${bucket}/warehouse`,
    catalog: { type: 'glue', database: glue.database, endpoint: glue.endpoint, region },
    s3: { endpoint, region, forcePathStyle: true },
    sources,
    stewards: contents.stewards ?? [],
  };
  const folder = mkdtempSync(join(tmpdir(), 'aw-views-'));
  const fill = async (change: object): Promise<string> => {
    configure(folder, { ...document, ...change }, s3.env);
    const { code, stderr } = await backfill({ cwd: folder, env: s3.env });
    if (code !== 0) throw new Error(`backfill ended with ${code}:\n${stderr}`);
    return stderr;
  };
  await fill({});
  const { config } = loadConfig({ env: {}, cwd: folder, reserved: () => new Set() });
  return {
    database: glue.database,
    again: fill,
    async ask(name, sql, user = 'nobody') {
      const where = { url: trino.url, catalog: 'awsdatacatalog', schema: glue.database, user };
      const engines = { ...config.engines, duckdb: { user }, trino: where };
      const engine = await createQueryEngine(await createRuntime({ ...config, engines }), name);
      try {
        const { columns, chunks } = await engine.query({ sql });
        const rows: (readonly CellValue[])[] = [];
        for await (const chunk of chunks) rows.push(...chunk);
        return { columns, rows };
      } finally {
        await engine.close();
      }
    },
  };
}
