/**
 * A warehouse as a program sees it: what the command line does, with the same options and reports. Nothing is read or
 * written before a method is called; a method throws where its command would exit with 1 or 2, with an error that has a
 * `code`.
 */
import type { Logger } from 'pino';
import type { Config } from './config/config.ts';
import { UsageError } from './config/errors.ts';
import type { CellValue, QueryEngine } from './engines/engine.ts';
import type { EngineName } from './engines/index.ts';
import type { Runtime } from './ingest/runtime.ts';
import type { BackfillOptions, BackfillReport } from './jobs/backfill/report.ts';
import type { CompactOptions, CompactReport } from './jobs/compact/compact.ts';
import type { Diagnosis } from './jobs/doctor/doctor.ts';
import type { EraseOptions, EraseReport } from './jobs/erase/erase.ts';
import type { ExpireOptions, ExpireReport } from './jobs/expire/expire.ts';
import type { Moment } from './jobs/moment.ts';
import type { QuarantineOptions, QuarantineReport } from './jobs/quarantine/explain.ts';
import type { RelocateOptions, RelocateReport } from './jobs/relocate/relocate.ts';
import type { ReplayOptions, ReplayReport } from './jobs/replay/replay.ts';
import { JobSteps } from './jobs/steps/job-steps.ts';
import type { TableReport } from './jobs/tables/describe.ts';
import type { AcceptOptions, AcceptReport } from './jobs/verify/accept.ts';
import type { VerifyOptions, VerifyReport } from './jobs/verify/verify.ts';
import type { ReportDocument } from './report/data.ts';
import type { OpenRuntime, WorkerHandle } from './wire.ts';
import type { WorkerOptions } from './worker/worker.ts';

/** A row of an answer, by column name. Integers beyond 2^53 are strings, timestamps ISO text. */
export type AnswerRow = Readonly<Record<string, CellValue>>;

export type QuestionParameter = string | number | bigint | boolean | Date | readonly string[];

export type Query = {
  /** Default: duckdb, in this process. */
  readonly engine?: EngineName | undefined;
  readonly signal?: AbortSignal | undefined;
} & (
  | { readonly sql: string; readonly question?: undefined; readonly parameters?: undefined }
  | {
      /** Name of a question, as `audit-warehouse query --list` has them. */
      readonly question: string;
      /** By name; a date as a day, an instant or a Date. */
      readonly parameters?: Readonly<Record<string, QuestionParameter>> | undefined;
      readonly sql?: undefined;
    }
);

/** Rows in the order of the answer, fetched as they are read. Each loop over it asks anew. */
export interface Answer<Row = AnswerRow> extends AsyncIterable<Row> {
  /** Bytes of data files read by the last loop over it so far; final at its end. */
  readonly bytesScanned: number;
}

export interface ReportOptions {
  /** A day (the whole of it), an instant, or a time such as `-2h` or `yesterday`. Default: the seven days up to the last one with events. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The length of a range that ends at `to`, or now: `2h`, `7d`. */
  readonly last?: string | undefined;
  /** IANA time zone of days and of times without an offset. Default: UTC. */
  readonly zone?: string | undefined;
  /** Only this subject of decisions and user of Okera. */
  readonly subject?: string | undefined;
  /** Only decisions of this path of a policy; leaves Okera out. */
  readonly path?: string | undefined;
  /** Only records of this source. */
  readonly source?: string | undefined;
  /** What was seen in so many days before the range is not new; 0 turns the search off. Default: 30. */
  readonly lookBackDays?: number | undefined;
  readonly title?: string | undefined;
  readonly engine?: EngineName | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Report {
  /** What `report --json` prints. */
  readonly data: ReportDocument;
  /** One page without scripts, to be written to a file or sent. */
  readonly html: string;
}

export class Warehouse implements AsyncDisposable {
  readonly config: Config;
  /** A backfill or a compaction in three steps, for programs that bring the machines. */
  readonly job: JobSteps;
  readonly #runtime: () => Promise<OpenRuntime>;
  readonly #log: Logger | undefined;
  readonly #engines = new Map<EngineName, Promise<QueryEngine>>();
  #opened: Promise<OpenRuntime> | undefined;
  #isClosed = false;
  #moment: Promise<Moment<Runtime>> | undefined;

  /** Use `open`. */
  constructor(config: Config, log: Logger | undefined) {
    this.config = config;
    this.#log = log;
    this.#runtime = async () => {
      if (this.#isClosed) throw new UsageError('the warehouse is closed');
      this.#opened ??= import('./wire.ts').then(({ createRuntime }) => createRuntime(config, log && { log }));
      return this.#opened;
    };
    this.job = new JobSteps(this.#runtime);
  }

  /** Reads everything of the sources that is not in the tables yet, once. Safe to repeat, and to run side by side. */
  async backfill(options: BackfillOptions = {}): Promise<BackfillReport> {
    const { backfill } = await import('./jobs/backfill/backfill.ts');
    return backfill(await this.#runtime(), options);
  }

  /** Makes few large sorted files of each day, and keeps each record once. */
  async compact(options: CompactOptions = {}): Promise<CompactReport> {
    const [{ compact }, { recordRun }] = await Promise.all([
      import('./jobs/compact/compact.ts'),
      import('./jobs/last-runs.ts'),
    ]);
    const runtime = await this.#runtime();
    const report = await compact(runtime, options);
    if (!options.dryRun && options.tables === undefined && !report.stopped) await recordRun(runtime, 'compact', report);
    return report;
  }

  /** Holds sources, ledger, tables and files against each other. Differences are in the report, never thrown. */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const [{ verify }, { recordRun }] = await Promise.all([
      import('./jobs/verify/verify.ts'),
      import('./jobs/last-runs.ts'),
    ]);
    const runtime = await this.#runtime();
    const report = await verify(runtime, options);
    if (options.sources === undefined) await recordRun(runtime, 'verify', report);
    return report;
  }

  /** Settles rows that another engine has deleted, added or (with `deep`) changed on purpose, with the reason and who accepts them. */
  async accept(options: AcceptOptions): Promise<AcceptReport> {
    if (options.reason.trim() === '' || options.by.trim() === '')
      throw new UsageError('accept takes a reason and a name that are not empty');
    const { accept } = await import('./jobs/verify/accept.ts');
    return accept(await this.#runtime(), options);
  }

  /** Tries what is in quarantine again. */
  async replay(options: ReplayOptions = {}): Promise<ReplayReport> {
    const { replay } = await import('./jobs/replay/replay.ts');
    return replay(await this.#runtime(), options);
  }

  /** Removes old snapshots, days past their retention, and files that nothing needs. */
  async expire(options: ExpireOptions = {}): Promise<ExpireReport> {
    const [{ expire }, { recordRun }] = await Promise.all([
      import('./jobs/expire/expire.ts'),
      import('./jobs/last-runs.ts'),
    ]);
    const runtime = await this.#runtime();
    const report = await expire(runtime, options);
    if (!options.dryRun) await recordRun(runtime, 'expire', report);
    return report;
  }

  /** Makes a warehouse whole that was copied or moved to the place that the configuration names. */
  async relocate(options: RelocateOptions = {}): Promise<RelocateReport> {
    const [{ relocate }, { createCatalog }] = await Promise.all([
      import('./jobs/relocate/relocate.ts'),
      import('./wire.ts'),
    ]);
    return relocate(await this.#runtime(), (store) => createCatalog(this.config, store), options);
  }

  /** Removes every row of one subject. */
  async erase(subject: string, options: EraseOptions = {}): Promise<EraseReport> {
    if (subject === '') throw new UsageError('erase takes the name of a subject that is not empty');
    const { erase } = await import('./jobs/erase/erase.ts');
    return erase(await this.#runtime(), subject, options);
  }

  /** The tables with their rows, files and days. */
  async tables(): Promise<readonly TableReport[]> {
    const { describeTables } = await import('./jobs/tables/describe.ts');
    return this.#reading(describeTables);
  }

  /** What could not be taken in, and why. */
  async quarantine(options: Partial<QuarantineOptions> = {}): Promise<QuarantineReport> {
    const { describeQuarantine } = await import('./jobs/quarantine/explain.ts');
    return this.#reading((runtime) => describeQuarantine(runtime, { samples: 3, reveal: false, ...options }));
  }

  /** Whether buckets, catalog, queues, rights and this machine are fit for the configuration. Never throws for what it finds. */
  async doctor(): Promise<Diagnosis> {
    const [{ diagnose, diagnosisOf }, { createProbes }] = await Promise.all([
      import('./jobs/doctor/doctor.ts'),
      import('./wire.ts'),
    ]);
    return diagnosisOf(await diagnose(await this.#runtime(), await createProbes(this.config)));
  }

  /** Rows of a named question, or of SQL over the current snapshots. */
  query<Row = AnswerRow>(query: Query): Answer<Row> {
    let bytesScanned = (): number => 0;
    const rows = (): AsyncGenerator<Row> => this.#rows<Row>(query, (read) => (bytesScanned = read));
    return {
      [Symbol.asyncIterator]: rows,
      get bytesScanned() {
        return bytesScanned();
      },
    };
  }

  /** One page over a range of time: who was allowed and denied what. */
  async report(options: ReportOptions = {}): Promise<Report> {
    const [
      { documentOf },
      { checkFilters },
      { gatherReport },
      { lastDayWithEvents },
      { reportRange },
      { renderPage },
      { takeReceipt },
      { withReceipt },
      { eventTables },
      version,
    ] = await Promise.all([
      import('./report/data.ts'),
      import('./report/filters.ts'),
      import('./report/gather.ts'),
      import('./queries/range.ts'),
      import('./report/range.ts'),
      import('./report/page.ts'),
      import('./queries/receipt.ts'),
      import('./queries/with-receipt.ts'),
      import('./sources/registry.ts'),
      packageVersion(),
    ]);
    const { engine: name = 'duckdb', title = 'Audit report', signal, subject, path, source, lookBackDays } = options;
    const filters = { subject, path, source };
    checkFilters(filters, this.config);
    return this.#reading(async (runtime) => {
      const tables = await runtime.catalog.listTables();
      const now = runtime.clock();
      const reading = { now, zone: options.zone };
      const range = await reportRange(options, (zone) => lastDayWithEvents(runtime, zone), reading);
      const engine = await this.#engine(name);
      const [receipt, data] = await withReceipt(
        name,
        () => takeReceipt(runtime, { tables: eventTables }, { ...range, isDefault: false }),
        () => gatherReport({ engine, tables, signal }, range, { filters, lookBackDays }),
      );
      const about = { title, now, engine: name, version, receipt };
      return {
        data: documentOf(data, about),
        html: renderPage(data, { ...about, warehouse: this.config.warehouse }),
      };
    });
  }

  /** Follows every source until its signal fires. It has connections of its own, which `close` does not end. */
  worker(options: WorkerOptions = {}): WorkerHandle {
    return {
      run: async (signal) => {
        const { createWorker } = await import('./wire.ts');
        return createWorker(this.config, { ...options, ...(this.#log && { log: this.#log }) }).run(signal);
      },
    };
  }

  /** Ends connections and threads. Nothing may be under way any more, and nothing can be begun afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const engines = [...this.#engines.values()];
    this.#engines.clear();
    for (const engine of engines) await (await engine.catch(() => undefined))?.close();
    await (await this.#opened)?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#rows<Row>(query: Query, onAnswer: (bytesScanned: () => number) => void): AsyncGenerator<Row> {
    const answer = await this.#reading(async (runtime) => {
      const request =
        query.sql === undefined ? await asked(runtime, query.question, query.parameters ?? {}) : { sql: query.sql };
      const engine = await this.#engine(query.engine);
      return engine.query({ ...request, ...(query.signal && { signal: query.signal }) });
    });
    onAnswer(answer.bytesScanned);
    const names = answer.columns.map(({ name }) => name);
    for await (const chunk of answer.chunks) {
      for (const cells of chunk) yield Object.fromEntries(names.map((name, i) => [name, cells[i]])) as Row;
    }
  }

  async #reads(): Promise<Moment<Runtime>> {
    const runtime = await this.#runtime();
    this.#moment ??= import('./jobs/moment.ts').then(({ momentOf }) => momentOf(runtime));
    return this.#moment;
  }

  /** One answer, which is of now. */
  async #reading<T>(answer: (runtime: Runtime) => Promise<T>): Promise<T> {
    const { runtime, during } = await this.#reads();
    return during(() => answer(runtime));
  }

  /** One for all questions, so that what one has fetched of a remote warehouse is there for the next. */
  #engine(name: EngineName = 'duckdb'): Promise<QueryEngine> {
    const known = this.#engines.get(name);
    if (known !== undefined) return known;
    const opened = (async () => {
      const { createQueryEngine } = await import('./wire.ts');
      return createQueryEngine((await this.#reads()).runtime, name);
    })();
    this.#engines.set(name, opened);
    opened.catch(() => this.#engines.delete(name));
    return opened;
  }
}

async function asked(runtime: Runtime, name: string, parameters: Readonly<Record<string, QuestionParameter>>) {
  const [{ ownQuestions }, { ask, findQuestion }, { lastDayWithEvents, tablesOfRange, withRange }] = await Promise.all([
    import('./queries/own-questions.ts'),
    import('./queries/questions.ts'),
    import('./queries/range.ts'),
  ]);
  const question = findQuestion(name, ownQuestions(runtime.config));
  const given = new Map(Object.entries(parameters).map(([key, value]) => [key, parameterText(value)]));
  const ranged = await withRange(question, given, {
    reading: { now: runtime.clock() },
    lastDay: (zone) => lastDayWithEvents(runtime, zone, tablesOfRange(question)),
  });
  return ask(question, ranged.given);
}

/** As `query QUESTION name=value` takes it. */
function parameterText(value: QuestionParameter): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const packageVersion = async (): Promise<string> =>
  (await import('../package.json', { with: { type: 'json' } })).default.version;
