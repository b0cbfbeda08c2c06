/**
 * How many bytes Trino reads to answer audit questions: from Enterprise OPA's objects under the DDL of its article, and
 * from our tables as `backfill` and then `compact` leave them. Both have to give the same rows. Trino's readers have
 * their default settings. Everything that is started here is ended here.
 *
 * The raw objects stay in the folder where they are generated, where Trino reads them and `backfill` too; the tables
 * are in the S3 of the rig, that is, in memory: some 80 bytes a decision, and as much again after a compaction.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Command, InvalidArgumentError } from 'commander';
import type { QueryEngine } from '../../src/engines/engine.ts';
import { createTrinoEngine } from '../../src/engines/trino/engine.ts';
import { S3Store } from '../../src/store/s3.ts';
import { type Answer, answer, difference, rawAnswer } from './lib/scanned-answers.ts';
import { embeddedAnswer, httpfsBytes } from './lib/scanned-embedded.ts';
import { daysOf, prepareInput, registerRaw, root, run, someDecisionId } from './lib/scanned-input.ts';
import {
  buildWarehouse,
  defaultLayout,
  type Layout,
  type Place,
  parseLayout,
  type Warehouse,
} from './lib/scanned-layouts.ts';
import { type Question, questionsAbout } from './lib/scanned-questions.ts';
import {
  embeddedVerdicts,
  label,
  type Measured,
  type Results,
  type State,
  table,
  verdicts,
} from './lib/scanned-report.ts';

interface Options {
  readonly records: number;
  readonly days: readonly number[];
  readonly data?: string;
  readonly json?: string;
  readonly quick?: boolean;
  readonly raw: boolean;
  readonly layouts: readonly Layout[];
  readonly stages: readonly State['stage'][];
  readonly python?: string;
}

const bucket = 'scanned';

async function bench(options: Options): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'audit-warehouse-scanned-'));
  const data = resolve(options.data ?? join(work, 'data'));
  mkdirSync(data, { recursive: true });
  // A stack that runs already, with RIG_LOCAL for the same folder, is used and left running.
  const rig = process.env.RIG_RUN ?? join(work, 'rig');
  process.on('exit', () => {
    if (process.env.RIG_RUN === undefined) spawnSync(stack, ['down'], { env: { ...process.env, RIG_RUN: rig } });
    rmSync(work, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

  const records = options.quick ? 70_000 : options.records;
  note(`${records} decisions in ${data}`);
  const input = await prepareInput(data, records, options.days);
  note('starting moto and Trino');
  const env = await startRig(rig, data);
  Object.assign(process.env, env);
  const place = await openPlace(work, env);
  note(`registering ${input.objects} raw objects`);
  await registerRaw(place.glue, input);

  const questions = questionsAbout(someDecisionId(input), daysOf(input.shares));
  const rawEngine = trino(env, 'eopa_athena_tutorial_db');
  const asked: Asked[] = [];
  for (const question of questions) {
    const raw = options.raw ? await rawAnswer(rawEngine, input.folder, question) : undefined;
    asked.push({ question, ...(raw && { reference: raw, rawBytes: raw.bytes }), ours: [] });
    if (raw) note(`raw: ${question.name}: ${raw.bytes} bytes, ${raw.rows.length} rows, ${raw.seconds.toFixed(1)} s`);
  }

  const states: State[] = [];
  for (const layout of options.layouts) {
    note(`${layout.name}: backfill`);
    const warehouse = await buildWarehouse(layout, input, place);
    const ours = trino(env, warehouse.database);
    for (const stage of options.stages) {
      if (stage === 'compacted') {
        note(`${layout.name}: compact`);
        await warehouse.compact();
      }
      const state = { layout: layout.name, stage, ...(await sizeOf(ours, warehouse)) };
      states.push(state);
      for (const entry of asked) {
        const { question, ours: answers } = entry;
        const given = await answer(ours, question.ours, question);
        entry.reference ??= given;
        const differs = difference(entry.reference, given);
        note(`${label(state)}: ${question.name}: ${given.bytes} bytes, ${given.seconds.toFixed(1)} s`);
        const here = await embeddedAnswer(warehouse, question);
        const other = difference(entry.reference, here);
        const httpfs =
          options.python &&
          (await httpfsBytes(warehouse, question.ours, options.python, env).catch((error) => {
            note(`httpfs: ${question.name}: ${String(error).split('\n')[0]}`);
            return undefined;
          }));
        note(
          `embedded: ${question.name}: ${here.bytes} bytes${httpfs ? `, httpfs ${httpfs}` : ''}, ${here.seconds.toFixed(1)} s`,
        );
        answers.push({
          bytes: given.bytes,
          seconds: given.seconds,
          ...(differs !== undefined && { difference: differs }),
          embedded: { bytes: here.bytes, seconds: here.seconds, ...(other !== undefined && { difference: other }) },
          ...(typeof httpfs === 'number' && { httpfs }),
        });
      }
    }
    await warehouse.drop();
  }

  const { folder: _, name: __, ...about } = input;
  const results: Results = { input: about, states, questions: asked.map(toMeasured) };
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
  process.stdout.write(table(results));
  process.exitCode = judge(results, options.quick === true) ? 0 : 1;
}

/** A question and its answers so far. */
interface Asked {
  readonly question: Question;
  /** The answer that others are compared with: without the raw table, that of our first one. */
  reference?: Answer;
  readonly rawBytes?: number;
  readonly ours: Measured['ours'][number][];
}

const toMeasured = ({ question: { name, target }, reference, rawBytes, ours }: Asked): Measured => ({
  question: name,
  ...(target && { target }),
  rows: reference!.rows.length,
  ...(rawBytes !== undefined && { rawBytes }),
  ours,
});

/** Rows always have to be the same; the targets are for the compacted table, at a size that has something to leave out. */
function judge(results: Results, quick: boolean): boolean {
  const differences = results.questions.flatMap(({ question, ours }) =>
    ours.flatMap(({ difference, embedded }, i) =>
      [difference, embedded.difference].flatMap((text, engine) =>
        text === undefined
          ? []
          : [
              `FAIL  ${engine === 1 ? 'embedded, ' : ''}${label(results.states[i]!)}: ${question}: other rows: ${text.slice(0, 2000)}`,
            ],
      ),
    ),
  );
  const targets = quick ? [] : [...verdicts(results), ...embeddedVerdicts(results)];
  const sameRows = differences.length === 0 ? ['PASS  the same rows everywhere'] : differences;
  process.stdout.write(`\n${[...sameRows, ...targets.map(({ text }) => text)].join('\n')}\n`);
  return differences.length === 0 && targets.every(({ passed, state }) => passed || state.stage === 'ingested');
}

const stack = join(root, 'scripts/rig/stack');

/** The environment to use it with. */
async function startRig(rig: string, data: string): Promise<Record<string, string>> {
  const output = await run(stack, ['up', 'trino'], {
    env: { ...process.env, RIG_RUN: rig, RIG_LOCAL: data, RIG_PRUNING: '0', RIG_OWNER: String(process.pid) },
  });
  return Object.fromEntries([...output.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

async function openPlace(folder: string, env: Record<string, string>): Promise<Place> {
  const region = env.AWS_REGION!;
  const endpoint = env.AWS_ENDPOINT_URL_S3!;
  const s3 = new S3Client({ endpoint, region, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  s3.destroy();
  return {
    bucket,
    folder,
    env,
    store: new S3Store({ endpoint, region, forcePathStyle: true }),
    glue: new GlueClient({ endpoint: env.AWS_ENDPOINT_URL_GLUE!, region }),
  };
}

const trino = ({ TRINO_URL: url, TRINO_CATALOG: catalog }: Record<string, string>, schema: string): QueryEngine =>
  createTrinoEngine({ url: url!, catalog: catalog!, schema });

async function sizeOf(engine: QueryEngine, { database }: Warehouse): Promise<{ files: number; bytes: number }> {
  const sql = `SELECT count(*), sum(file_size_in_bytes) FROM iceberg.${database}."opa_decisions$files"`;
  const { chunks } = await engine.query({ sql });
  for await (const [row] of chunks) return { files: Number(row![0]), bytes: Number(row![1]) };
  throw new Error(`Trino lists no files of ${database}`);
}

const note = (text: string): void =>
  void process.stderr.write(`${new Date().toISOString().slice(11, 19)} scanned: ${text}\n`);

const count = (text: string): number => {
  const value = Number(text.replaceAll(/[_,]/g, '').replace(/k$/i, '000').replace(/m$/i, '000000'));
  if (!(value > 0)) throw new InvalidArgumentError('not a number above 0');
  return value;
};

const stages = (text: string): State['stage'][] => {
  const chosen = text.split(',');
  const known = (stage: string): stage is State['stage'] => stage === 'ingested' || stage === 'compacted';
  if (!chosen.every(known)) throw new InvalidArgumentError('ingested, compacted or both');
  return chosen;
};

await new Command('bench/scanned')
  .description('Bytes that Trino reads for audit questions, from raw Enterprise OPA objects and from our tables.')
  .option('--records <n>', 'decisions: a number, or such as 500k and 7m', count, 7_000_000)
  .option(
    '--days <shares>',
    'days, by their share of the decisions; that of the breach is the busiest',
    (text) => text.split(',').map(count),
    [1, 5, 1],
  )
  .option(
    '--data <dir>',
    'where the raw objects are, or are put, and kept for the next run; otherwise a temporary folder',
  )
  .option(
    '--layouts <layout...>',
    "layouts to compare, each as 'NAME key=value … clustering=hour(event_time)+subject'",
    (text, all: Layout[] | undefined) => [...(all ?? []), parseLayout(text)],
  )
  .option('--stages <stages>', 'ask after these: ingested,compacted', stages, ['ingested', 'compacted'])
  .option(
    '--python <path>',
    'a Python with duckdb and duckdb-extension-httpfs (PyPI): the same files by httpfs, as a yardstick',
  )
  .option('--no-raw', 'do not ask the raw table: layouts are compared with each other only')
  .option('--json <file>', 'every figure, as one JSON document')
  .option('--quick', '70,000 decisions, to see that it works; too few for the targets')
  .action((options: Omit<Options, 'layouts'> & { layouts?: Layout[] }) =>
    bench({ ...options, layouts: options.layouts ?? [defaultLayout] }),
  )
  .parseAsync();
