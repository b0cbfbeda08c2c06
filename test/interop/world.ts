/** A small warehouse on the rig's S3 and Glue, the engines beside it, and what its decisions have to be. */
import { open, type Warehouse } from '../../src/index.ts';
import { S3Store } from '../../src/store/s3.ts';
import type { Conversation } from '../support/conversation.ts';
import { rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';
import { type Decision, days, given, type Operation, type Step, type Writer } from './operations.ts';

/** Rows as all readers' are compared. */
export const text = (rows: readonly Decision[]): string[] =>
  rows.map(({ id, ymd, subject, resource }) => [ymd, id, subject, resource].join(' ')).sort();

/** The way in which rows of all readers are compared. */
const columns = ['ymd', 'decision_id', 'subject', 'resource'];
const select = `SELECT ${columns.join(', ')} FROM`;

interface Engines {
  readonly database: string;
  readonly trino: TrinoClient;
  readonly spark: Conversation | undefined;
  readonly pyiceberg: Conversation;
  readonly put: (key: string, body: string) => Promise<unknown>;
}

export class World {
  readonly warehouse: Warehouse;
  readonly config: object;
  readonly #engines: Engines;
  readonly #grown: Decision[] = [];
  /** The ports in Okera's records, one each. */
  readonly auditPorts = [4000, 4001];
  #objects = 0;
  #operations = 0;
  #returns = false;
  /** What the tables have to hold. */
  rows: readonly Decision[] = [];
  /** What the logs hold. */
  logged: readonly Decision[] = [];

  /** Two objects of decisions, one that will grow, and one of Okera's audit records. */
  static async make(spark?: Conversation): Promise<World> {
    const [s3, glue, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
    const { endpoint, region, bucket } = s3;
    const config = {
      warehouse: `s3://${bucket}/warehouse`,
      catalog: { type: 'glue', database: glue.database, endpoint: glue.endpoint, region },
      s3: { endpoint, region, forcePathStyle: true },
      sources: [
        { name: 'opa', type: 'opa', location: `s3://${bucket}/opa/` },
        { name: 'okera', type: 'okera-audit', location: `s3://${bucket}/okera/` },
      ],
      batch: { threads: 1 },
      compact: { small_files: 2 },
    } as const;
    const store = new S3Store({ endpoint, region, forcePathStyle: true });
    const put = (key: string, body: string) => store.put(`s3://${bucket}/${key}`, Buffer.from(body));
    const pyiceberg = await rig.pyIceberg(glue.database);
    const world = new World(await open(config), config, { database: glue.database, trino, spark, pyiceberg, put });
    const audit = world.auditPorts.map((port) => auditRecord(String(port), port)).join('\n');
    await put('okera/ymd=2023-07-11/planner-10.1.10.181-0-a_audit.log', audit);
    await world.arrive(6);
    await world.arrive(6);
    await world.grow();
    return world;
  }

  private constructor(warehouse: Warehouse, config: object, engines: Engines) {
    this.warehouse = warehouse;
    this.config = config;
    this.#engines = engines;
  }

  async close(): Promise<void> {
    await this.warehouse.close();
    await this.#engines.pyiceberg.close();
  }

  /** The names of the objects of decisions; those of their decisions begin with them. */
  get objects(): string[] {
    return [...Array.from({ length: this.#objects }, (_, object) => String(object)), 'grown'];
  }

  /** What an erasure makes of rows and logs. */
  erase(subject: string): void {
    this.rows = this.rows.filter((row) => row.subject !== subject);
    this.logged = this.logged.filter((row) => row.subject !== subject);
  }

  /** One more object, of so many decisions over both days. */
  async arrive(count = 2): Promise<void> {
    const object = this.#objects++;
    const added = Array.from({ length: count }, (_, i) => decision(`${object}-${i}`, i));
    await this.#engines.put(
      `opa/eopa=a/first_ts=null/last_ts=null/batch_id=${object}.jsonl`,
      added.map(line).join('\n'),
    );
    this.#log(added);
  }

  /** One more object of Okera's, of one record. */
  async arriveAudit(): Promise<void> {
    const port = 5000 + this.auditPorts.length;
    this.auditPorts.push(port);
    await this.#engines.put(
      `okera/ymd=2023-07-11/planner-10.1.10.181-${port}-a_audit.log`,
      auditRecord(String(port), port),
    );
  }

  /** The ports in Okera's records, as Trino reads them. */
  async ports(): Promise<number[]> {
    const table = `iceberg."${this.#engines.database}".okera_audit_logs`;
    return (await this.sql('trino', `SELECT client_port FROM ${table} ORDER BY 1`)).map(([port]) => Number(port));
  }

  /** What the engine says it is, in the words of `writers`. */
  async versionOf(writer: Writer): Promise<string> {
    const { spark, pyiceberg } = this.#engines;
    if (writer === 'pyiceberg') return String((await pyiceberg.ask({ version: true })).version);
    if (writer === 'trino')
      return String((await this.sql('trino', 'SELECT node_version FROM system.runtime.nodes'))[0]);
    const { spark: version, iceberg } = await spark!.ask({ version: true });
    return `${version} with Iceberg ${iceberg}`;
  }

  /** One more decision in the object that grows. */
  async grow(): Promise<void> {
    const added = decision(`grown-${this.#grown.length}`, this.#grown.length);
    if (this.#returns) this.rows = [...this.rows.filter(({ id }) => !id.startsWith('grown')), ...this.#grown];
    this.#returns = false;
    this.#grown.push(added);
    await this.#engines.put(
      'opa/eopa=a/first_ts=null/last_ts=null/batch_id=grown.jsonl',
      this.#grown.map(line).join('\n'),
    );
    this.#log([added]);
  }

  #log(added: readonly Decision[]): void {
    this.rows = [...this.rows, ...added];
    this.logged = [...this.logged, ...added];
  }

  /** Carries out an operation; `rows` are then what it makes of them. Returns the differences that `verify` has to find. */
  async carryOut(
    writer: Writer,
    { by, rows = (all) => all, returns = false }: Operation,
    object = '0',
  ): Promise<string[]> {
    const n = ++this.#operations;
    const before = this.rows;
    const filled = JSON.stringify(by[writer]).replaceAll('{n}', String(n)).replaceAll('{object}', object);
    await this.do(writer, JSON.parse(filled) as Step | readonly Step[]);
    this.rows = rows(before, n, object);
    this.#returns ||= returns;
    const [was, is] = [before, this.rows].map((all) => new Set(all.map(({ id }) => id)));
    const isMissing = before.some(({ id }) => !is!.has(id));
    const isUnexpected = this.rows.length > before.length || this.rows.some(({ id }) => !was!.has(id));
    return [...(isMissing ? ['rows-missing'] : []), ...(isUnexpected ? ['rows-unexpected'] : [])];
  }

  async do(writer: Writer, step: Step | readonly Step[]): Promise<void> {
    for (const one of [step].flat() as Step[]) {
      if (typeof one !== 'string') await this.#engines.pyiceberg.ask(one);
      else await this.sql(writer, await this.#filled(writer, one));
    }
  }

  async sql(writer: Writer, sql: string): Promise<readonly (readonly unknown[])[]> {
    const session = {
      'iceberg.expire_snapshots_min_retention': '0s',
      'iceberg.remove_orphan_files_min_retention': '0s',
    };
    if (writer === 'trino') return (await this.#engines.trino.query(sql, this.#engines.database, session)).rows;
    return (await this.#engines.spark!.ask({ sql })).rows;
  }

  async #filled(writer: Writer, sql: string): Promise<string> {
    const of = (table: string) =>
      writer === 'trino' ? `iceberg."${this.#engines.database}".${table}` : `lake.${this.#engines.database}.${table}`;
    let filled = sql
      .replaceAll('{table}', of('opa_decisions'))
      .replaceAll('{okera}', of('okera_audit_logs'))
      .replaceAll('{name}', `${this.#engines.database}.opa_decisions`)
      .replaceAll('{now}', new Date().toISOString().replace('T', ' ').replace('Z', ''))
      .replaceAll('{database}', this.#engines.database);
    if (filled.includes('{others}')) {
      const others = (await this.columns()).filter((name) => !given.includes(name));
      const quote = writer === 'trino' ? '"' : '`';
      filled = filled
        .replaceAll('{others}', others.map((name) => `${quote}${name}${quote}`).join(', '))
        .replaceAll('{nulls}', others.map(() => 'NULL').join(', '));
    }
    if (filled.includes('{previous}')) filled = filled.replaceAll('{previous}', String(await this.#previous()));
    return filled;
  }

  /** The columns that the table of decisions has now. */
  async columns(): Promise<string[]> {
    const all = await this.sql('trino', `SHOW COLUMNS FROM iceberg."${this.#engines.database}".opa_decisions`);
    return all.map(([name]) => String(name));
  }

  /** The snapshot before the current one; undefined where it has expired or there was none. */
  async #previous(): Promise<string | undefined> {
    const of = (part: string) => `iceberg."${this.#engines.database}"."opa_decisions$${part}"`;
    const found = await this.sql(
      'trino',
      `SELECT CAST(before.snapshot_id AS varchar) FROM ${of('refs')} main JOIN ${of('snapshots')} now ON now.snapshot_id = main.snapshot_id
       JOIN ${of('snapshots')} before ON before.snapshot_id = now.parent_id WHERE main.name = 'main'`,
    );
    return found[0]?.[0] as string | undefined;
  }

  /** The decisions that the table has, or had in the snapshot before, as Trino reads them; undefined where there is no such. */
  async read(version: 'now' | 'before' = 'now'): Promise<Decision[] | undefined> {
    const previous = version === 'before' ? await this.#previous() : undefined;
    if (version === 'before' && previous === undefined) return undefined;
    const at = previous === undefined ? '' : ` FOR VERSION AS OF ${previous}`;
    return asDecisions(await this.sql('trino', `${select} iceberg."${this.#engines.database}".opa_decisions${at}`));
  }

  /** What each reader finds beside what has to be there. */
  async readers(): Promise<Record<string, string[]>> {
    const decisions = (rows: readonly (readonly unknown[])[]) => text(asDecisions(rows));
    const duckdb = async () => {
      const rows: unknown[][] = [];
      for await (const row of this.warehouse.query({ sql: `${select} opa_decisions` })) rows.push(Object.values(row));
      return rows;
    };
    const { database, spark, pyiceberg } = this.#engines;
    const asked: Record<string, Promise<readonly (readonly unknown[])[]>> = {
      query: duckdb(),
      trino: this.sql('trino', `${select} iceberg."${database}".opa_decisions`),
      pyiceberg: pyiceberg.ask({ table: 'opa_decisions', columns }).then(({ rows }) => rows),
      ...(spark && { spark: this.sql('spark', `${select} lake.${database}.opa_decisions`) }),
    };
    const found = Object.entries(asked).map(async ([reader, rows]) => [reader, decisions(await rows)] as const);
    return Object.fromEntries(await Promise.all(found));
  }

  get expected(): string[] {
    return text(this.rows);
  }
}

const asDecisions = (rows: readonly (readonly unknown[])[]): Decision[] =>
  rows.map(([ymd, id, subject, resource]) => ({ ymd, id, subject, resource }) as Decision);

const decision = (id: string, index: number): Decision => ({
  id,
  ymd: days[index % 2]!,
  subject: `user-${index % 3}`,
  resource: `/r/${index}`,
});

const line = ({ id, ymd, subject, resource }: Decision): string =>
  JSON.stringify({
    decision_id: id,
    input: { subject, resource, action: 'GET' },
    labels: { id: 'instance' },
    path: 'authz/allow',
    result: { allowed: true, message: 'yes' },
    timestamp: `${ymd}T10:00:00Z`,
  });

const auditRecord = (request: string, port: number): string =>
  JSON.stringify({
    request_time: '2023-07-11 10:00:01.000000',
    request_id: `${request.padStart(16, '0')}:0000000000000001`,
    start_unix_time: 1_689_069_600_000,
    end_unix_time: 1_689_069_600_100,
    status: 'ok',
    user: 'janedoe',
    client_network_address: `172.23.0.1:${port}`,
    statement_type: 'SCAN_START',
  });
