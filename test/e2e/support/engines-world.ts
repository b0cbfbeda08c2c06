/**
 * The world of engines.test.ts: a bucket with what the real producers wrote, every fixture folder that is a whole
 * object, and generated volume; the configuration over it; and the rows that its tables have to hold.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openBody } from '../../../src/records/decompress.ts';
import { readWhole } from '../../../src/store/read.ts';
import { S3Store } from '../../../src/store/s3.ts';
import type { ObjectInfo } from '../../../src/store/store.ts';
import { projectRoot } from '../../support/cli.ts';
import { collect } from '../../support/collect.ts';
import { type Fixture, inChunks, loadFixture } from '../../support/fixture.ts';
import type { RigGlue, RigS3 } from '../../support/rig.ts';
import { type Row, rowOf, type TableName, tables } from './columns.ts';
import { auditRow, decisionRow, rawRecords } from './truth.ts';

/** Whether the objects of a folder are read by a source of their own, since their case configures one. */
const hasOwnSource = ({ fixture: { columns, mapping } }: Named): boolean =>
  mapping !== undefined || Object.keys(columns).length > 0;

/** Bodies as the producers wrote them: truth.ts computes their rows too. */
const isSample = (name: string): boolean => /^eopa-|^opa-console$|^seed-lines$/.test(name);

export interface World {
  readonly store: S3Store;
  readonly config: object;
  readonly expected: Readonly<Record<TableName, readonly Row[]>>;
  /** Rows of samples by both computations, which have to agree. */
  readonly samples: readonly (readonly [name: string, byTruth: readonly Row[], byFixture: readonly Row[]])[];
  readonly objects: number;
  readonly skipped: number;
  readonly duplicates: number;
  /** Columns of opa_decisions beyond the documented ones, from fixtures that promote some. */
  readonly promoted: Readonly<Record<string, string>>;
}

const trinoType = {
  string: 'varchar',
  double: 'double',
  timestamp: 'timestamp(6)',
  boolean: 'boolean',
  long: 'bigint',
  'list<string>': 'array(varchar)',
  'list<long>': 'array(bigint)',
  'list<double>': 'array(double)',
  'list<boolean>': 'array(boolean)',
  int: 'integer',
};

export async function makeWorld(s3: RigS3, glue: RigGlue): Promise<World> {
  const { bucket, endpoint, region } = s3;
  const store = new S3Store({ endpoint, region, forcePathStyle: true });
  const opa = fixtures('opa').filter((named) => !hasOwnSource(named));
  const special = fixtures('opa').filter(hasOwnSource);
  const okera = fixtures('okera-audit');
  const put = ({ name, fixture }: Named, source: string) =>
    store.put(`s3://${bucket}/${source}/${name}/${keyOf(fixture)}`, fixture.input);
  for (const named of opa) await put(named, 'opa');
  for (const named of okera) await put(named, 'okera');
  for (const named of special) await put(named, named.name);
  generate(s3, 'generated', '--records', '1500', '--per-object', '100', '--days', '3', '--bad', '0.03');
  generate(s3, 'generated-gz', '--records', '300', '--per-object', '150', '--seed', '2', '--gzip');
  generate(s3, 'generated-okera', '--records', '400', '--per-object', '100', '--source', 'okera-audit');

  const source = (name: string, type = 'opa', more: object = {}) => ({
    name,
    type,
    location: `s3://${bucket}/${name}/`,
    ...more,
  });
  const config = {
    warehouse: `s3://${bucket}/warehouse`,
    catalog: { type: 'glue', database: glue.database, endpoint: glue.endpoint, region: glue.region },
    s3: { endpoint, region, forcePathStyle: true },
    sources: [
      source('opa'),
      source('generated'),
      source('generated-gz'),
      ...special.map(({ name, fixture }) => source(name, 'opa', { columns: fixture.columns, ...fixture.shaping })),
      source('okera', 'okera-audit'),
      source('generated-okera', 'okera-audit'),
    ],
  };
  const promoted = Object.fromEntries(
    special.flatMap(({ fixture }) =>
      Object.entries(fixture.columns).map(([name, { type }]) => [name, trinoType[type]]),
    ),
  );

  const truth = new Truth(store, { ...tables.opa_decisions, ...promoted });
  for (const name of ['opa', 'okera', ...special.map((named) => named.name)]) {
    const all = [...opa, ...special, ...okera];
    await truth.batch(`s3://${bucket}/${name}/`, (info) => {
      const folder = info.uri.slice(`s3://${bucket}/${name}/`.length).split('/')[0];
      const of = name === 'okera' ? 'okera-audit' : 'opa';
      const { fixture } = all.find((named) => named.name === folder && named.fixture.type === of)!;
      return truth.ofFixture(info, name, fixture);
    });
  }
  for (const name of ['generated', 'generated-gz']) {
    await truth.batch(`s3://${bucket}/${name}/`, (info) => truth.ofDecisions(info, name));
  }
  await truth.batch(`s3://${bucket}/generated-okera/`, (info) => truth.ofAuditRecords(info, 'generated-okera'));
  const { rows: expected, objects, skipped, duplicates } = truth;
  return {
    store,
    config,
    expected,
    samples: opa.filter(({ name }) => isSample(name)).map(sampleOf),
    objects,
    skipped,
    duplicates,
    promoted,
  };
}

interface Named {
  readonly name: string;
  readonly fixture: Fixture;
}

/** The folders whose objects can be read under the default limits. */
function fixtures(type: 'opa' | 'okera-audit'): Named[] {
  const folder = join(projectRoot, 'fixtures', type);
  const limited = ['nesting-too-deep', 'record-too-large'];
  return readdirSync(folder)
    .filter((name) => !limited.includes(name))
    .map((name) => ({ name, fixture: loadFixture(type, join(folder, name)) }))
    .filter(({ fixture }) => fixture.expectedError === undefined);
}

const keyOf = (fixture: Fixture): string => fixture.uri.slice('s3://audit-logs/'.length);

function generate({ bucket, endpoint, env }: RigS3, prefix: string, ...args: string[]): void {
  const command = join(projectRoot, 'scripts', 'generate');
  const { status, stderr } = spawnSync(command, [`s3://${bucket}/${prefix}`, '--endpoint', endpoint, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`generate failed: ${stderr}`);
}

/** What the key of an object of Enterprise OPA says, for truth.ts. */
function eopaColumns(uri: string): Record<string, unknown> {
  const part = (name: string): string | null =>
    new RegExp(`(?:^|/)${name}=([^/]*)/`).exec(uri)?.[1]?.replace(/^null$/, '') || null;
  return { eopa: part('eopa'), first_ts: part('first_ts') ?? part('ts'), last_ts: part('last_ts') ?? part('ts') };
}

/** Gzip may come in several members, with zeros between them, where node's gunzip ends. */
function decompressed(body: Buffer): Buffer {
  const members: Buffer[] = [];
  let rest = body;
  while (rest[0] === 0x1f && rest[1] === 0x8b) {
    const { buffer, engine } = gunzipSync(rest, { info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    members.push(buffer);
    rest = rest.subarray(engine.bytesWritten);
    rest = rest.subarray(
      Math.max(
        0,
        rest.findIndex((byte) => byte !== 0),
      ),
    );
  }
  return members.length > 0 ? Buffer.concat(members) : body;
}

function sampleOf({ name, fixture }: Named): readonly [string, Row[], Row[]] {
  const { uri } = fixture;
  const events = rawRecords(decompressed(fixture.input).toString()).filter(
    ({ text }) => 'decision_id' in JSON.parse(text),
  );
  const byTruth = events.map((record) => decisionRow(record, { uri, columns: eopaColumns(uri) }));
  return [
    name,
    byTruth,
    fixture.expectedRows.map((row) => rowOf(tables.opa_decisions, row as Record<string, unknown>)),
  ];
}

interface Outcome {
  readonly table: 'opa_decisions' | 'okera_audit_logs';
  readonly source: string;
  readonly rows: readonly Row[];
  readonly quarantined: readonly Row[];
  readonly skipped: number;
  /** Bytes after decompression. */
  readonly size: number;
}

/** What a bad line of the generator comes to. */
const badLines: Readonly<Record<string, { reason: string; pointer: string; detail: string }>> = {
  '{}': { reason: 'empty_object', pointer: '', detail: 'the object has no members' },
  '{"decision_id":"no-time"}': { reason: 'missing_field', pointer: '/timestamp', detail: '/timestamp is missing' },
  '{"truncated":': { reason: 'malformed_json', pointer: '', detail: 'the text ends in the middle of a value' },
  '[1,2]': { reason: 'not_an_object', pointer: '', detail: 'expected an object, found array [1,2]' },
  'not json at all': { reason: 'malformed_json', pointer: '', detail: 'expected a value at byte 0' },
  '{"decision_id":5,"timestamp":"2023-07-11T00:00:00Z","labels":{}}': { reason: 'invalid_type', pointer: '/decision_id', detail: 'expected string, found number 5' },
}; // biome-ignore format: a table

class Truth {
  readonly rows: Record<TableName, Row[]> = {
    opa_decisions: [],
    okera_audit_logs: [],
    quarantine: [],
    ingested_objects: [],
  };
  objects = 0;
  skipped = 0;
  duplicates = 0;
  readonly #store: S3Store;
  readonly #decisions: Readonly<Record<string, string>>;

  constructor(store: S3Store, decisions: Readonly<Record<string, string>>) {
    this.#store = store;
    this.#decisions = decisions;
  }

  /** The objects of one source, which are one batch: a record that was there before in it is a duplicate. */
  async batch(prefix: string, of: (info: ObjectInfo) => Outcome | Promise<Outcome>): Promise<void> {
    const seen = new Set<string>();
    for (const info of await collect(this.#store.list(prefix))) {
      const outcome = await of(info);
      const fresh = outcome.rows.filter((row) => {
        const id = identityOf(row);
        return id === '' || (!seen.has(id) && seen.add(id));
      });
      const duplicates = outcome.rows.length - fresh.length;
      this.rows[outcome.table].push(...fresh);
      this.rows.quarantine.push(...outcome.quarantined);
      this.rows.ingested_objects.push(ledgerRow(info, outcome, fresh));
      this.objects++;
      this.skipped += outcome.skipped;
      this.duplicates += duplicates;
    }
  }

  async ofFixture(info: ObjectInfo, source: string, fixture: Fixture): Promise<Outcome> {
    const table = fixture.type === 'opa' ? 'opa_decisions' : 'okera_audit_logs';
    const types = table === 'opa_decisions' ? this.#decisions : tables[table];
    const here = (row: unknown): Record<string, unknown> => ({ ...(row as object), source_uri: info.uri });
    // Where neither record nor key say a day, it is that of the object, which is new here.
    const dated = /(first_ts|ts)=\d+\/|ymd=|\d{4}\/\d\d\/\d\d\/\d\d\//.test(keyOf(fixture));
    const oldDay = new Date(fixture.lastModified).toISOString().slice(0, 10);
    const newDay = new Date(info.lastModified).toISOString().slice(0, 10);
    const { skipped } = fixture.expectedCounts as { skipped: number };
    return {
      table,
      source,
      rows: fixture.expectedRows.map((row) => rowOf(types, here(row))),
      quarantined: fixture.expectedQuarantine.map((row) => {
        const values = here(row);
        return rowOf(tables.quarantine, { ...values, ymd: !dated && values.ymd === oldDay ? newDay : values.ymd });
      }),
      skipped,
      // Formats that Node.js does not have are read by the product; what their bodies hold is what the fixture says.
      size: (await collect(openBody(inChunks(fixture.input, fixture.input.length), fixture.limits))).reduce(
        (sum, chunk) => sum + chunk.length,
        0,
      ),
    };
  }

  async ofDecisions(info: ObjectInfo, source: string): Promise<Outcome> {
    const { body, size } = await this.#read(info);
    const columns = eopaColumns(info.uri);
    const records = rawRecords(body);
    const isBad = ({ text }: { text: string }): boolean => text in badLines;
    return {
      table: 'opa_decisions',
      source,
      rows: records
        .filter((record) => !isBad(record))
        .map((record) => rowOf(this.#decisions, decisionRow(record, { uri: info.uri, columns }))),
      quarantined: records.filter(isBad).map(({ text, offset }) =>
        rowOf(tables.quarantine, {
          ...badLines[text],
          ymd: text.includes('timestamp')
            ? '2023-07-11'
            : new Date(Number(columns.first_ts) * 1000).toISOString().slice(0, 10),
          source_type: 'opa',
          source_uri: info.uri,
          source_offset: offset,
          payload_encoding: 'utf-8',
          payload_bytes: text.length,
          payload_truncated: false,
          payload: text,
        }),
      ),
      skipped: 0,
      size,
    };
  }

  async ofAuditRecords(info: ObjectInfo, source: string): Promise<Outcome> {
    const { body, size } = await this.#read(info);
    const where = { uri: info.uri, columns: { service: 'planner' } };
    const rows = rawRecords(body).map((record) => auditRow(record, where));
    return { table: 'okera_audit_logs', source, rows, quarantined: [], skipped: 0, size };
  }

  async #read(info: ObjectInfo): Promise<{ body: string; size: number }> {
    const body = decompressed(await readWhole(this.#store, info, { sleep: async () => {} }));
    return { body: body.toString(), size: body.length };
  }
}

/** All of a record but where it came from, and in which wrapper; '' where it is never a duplicate. */
function identityOf(row: Row): string {
  if (row.decision_id === '') return '';
  const provenance = ['tenant', 'service', 'eopa', 'first_ts', 'last_ts', 'source_uri', 'source_offset'];
  const record: Record<string, unknown> = Object.fromEntries(
    Object.entries(row).filter(([name]) => !provenance.includes(name)),
  );
  if (typeof record.extra === 'string') {
    const { $envelope: _, ...extra } = JSON.parse(record.extra) as Record<string, unknown>;
    record.extra = extra;
  }
  return JSON.stringify({ ...record, extra: record.extra ?? {} });
}

function ledgerRow(info: ObjectInfo, outcome: Outcome, fresh: readonly Row[]): Row {
  const times = fresh.map((row) => String(row.event_time)).sort();
  const { rows, quarantined, skipped, size, source, table } = outcome;
  return rowOf(tables.ingested_objects, {
    uri: info.uri,
    etag: info.etag,
    size: info.size,
    last_modified: new Date(info.lastModified).toISOString().replace('Z', '000'),
    source,
    source_type: table === 'opa_decisions' ? 'opa' : 'okera-audit',
    state: 'committed',
    records: rows.length + quarantined.length + skipped,
    rows: fresh.length,
    quarantined: quarantined.length,
    skipped,
    duplicates: rows.length - fresh.length,
    bytes_decompressed: size,
    min_event_time: times[0],
    max_event_time: times.at(-1),
  });
}
