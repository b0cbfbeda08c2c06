/** The raw side: generated once into a folder and kept there, registered in Glue by the article's own DDL. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  BatchCreatePartitionCommand,
  CreateDatabaseCommand,
  CreateTableCommand,
  DeleteDatabaseCommand,
  type GlueClient,
  type StorageDescriptor,
} from '@aws-sdk/client-glue';

export const root = resolve(import.meta.dirname, '../../..');

export interface Input {
  /** Inside the data folder. */
  readonly name: string;
  readonly folder: string;
  readonly records: number;
  readonly objects: number;
  /** Of all raw objects. */
  readonly bytes: number;
  readonly shares: readonly number[];
}

/** The busiest is that of the breach. */
export const daysOf = (shares: readonly number[]): string[] =>
  shares.map((_, i) => {
    const days = i - shares.indexOf(Math.max(...shares));
    return new Date(Date.UTC(2023, 6, 11) + days * 86_400_000).toISOString().slice(0, 10);
  });

/** What stands in the folder from an earlier run is taken as it is. */
export async function prepareInput(data: string, records: number, shares: readonly number[]): Promise<Input> {
  const name = `decisions-${records}-${shares.join('-')}`;
  const folder = join(data, name);
  const about = join(folder, 'input.json');
  if (!existsSync(about)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, 'countries'), { recursive: true });
    const options = { records, shares, start: daysOf(shares)[0] };
    const args = Object.entries(options).flatMap(([option, value]) => [`--${option}`, String(value)]);
    const report = JSON.parse(await run(join(root, 'scripts/generate'), [join(folder, 'raw'), ...args]));
    writeFileSync(join(folder, 'countries', 'countries.jsonl'), countries);
    writeFileSync(about, JSON.stringify({ objects: report.objects, bytes: report.bytes }));
  }
  return { name, folder, records, shares, ...JSON.parse(readFileSync(about, 'utf8')) };
}

/** From where each may work. */
const countries = Object.entries({
  dr_evil: ['USA'],
  sarahsmith: ['USA', 'FRA'],
  emilysmith: ['ISL'],
  bobsmith: ['HUN', 'DEU', 'JPN'],
})
  .flatMap(([subject, list]) => list.map((country) => `${JSON.stringify({ subject, country })}\n`))
  .join('');

export interface Partition {
  readonly eopa: string;
  readonly firstTs: string;
  readonly lastTs: string;
}

function partitionsOf({ folder }: Input): Partition[] {
  const raw = join(folder, 'raw');
  const value = (text: string): string => text.slice(text.indexOf('=') + 1);
  return readdirSync(raw).flatMap((eopa) =>
    readdirSync(join(raw, eopa)).flatMap((first) =>
      readdirSync(join(raw, eopa, first)).map((last) => ({
        eopa: value(eopa),
        firstTs: value(first),
        lastTs: value(last),
      })),
    ),
  );
}

/** An id out of the middle of the history. */
export function someDecisionId({ folder }: Input): string {
  const files = readdirSync(join(folder, 'raw'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.jsonl'),
  );
  const byTime = files.sort((a, b) => Number(/first_ts=(\d+)/.exec(a)![1]) - Number(/first_ts=(\d+)/.exec(b)![1]));
  const lines = readFileSync(join(folder, 'raw', byTime[byTime.length >> 1]!), 'utf8').split('\n');
  return JSON.parse(lines[lines.length >> 1]!).decision_id;
}

const columns = (given: Readonly<Record<string, string>>): { Name: string; Type: string }[] =>
  Object.entries(given).map(([Name, Type]) => ({ Name, Type }));

/** A JSON table of Hive over a folder, as Athena's CREATE EXTERNAL TABLE registers one. */
const storage = (given: Readonly<Record<string, string>>, location: string): StorageDescriptor => ({
  Columns: columns(given),
  Location: location,
  InputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
  OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
  SerdeInfo: {
    SerializationLibrary: 'org.openx.data.jsonserde.JsonSerDe',
    Parameters: { 'ignore.malformed.json': 'FALSE', 'case.insensitive': 'TRUE', mapping: 'TRUE' },
  },
});

const decisionColumns = {
  decision_id: 'string',
  input: 'string',
  labels: 'map<string,string>',
  metrics: 'map<string,bigint>',
  path: 'string',
  result: 'string',
  timestamp: 'string',
};

/**
 * The article's DDL. Its MSCK REPAIR TABLE is BatchCreatePartition here, which is what it comes to. Trino reads the
 * objects where they were generated (`local:///`), as many bytes as it would ask an S3 for, or from a copy at `location`.
 */
export async function registerRaw(
  glue: GlueClient,
  input: Input,
  { database = 'eopa_athena_tutorial_db', location = `local:///${input.name}` } = {},
): Promise<void> {
  await glue.send(new DeleteDatabaseCommand({ Name: database })).catch(() => {});
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: database } }));
  const at = (path: string): string => `${location}/${path}`;
  const external = { TableType: 'EXTERNAL_TABLE', Parameters: { EXTERNAL: 'TRUE', classification: 'json' } };
  await glue.send(
    new CreateTableCommand({
      DatabaseName: database,
      TableInput: {
        ...external,
        Name: 'eopa_athena_tutorial_user_countries',
        StorageDescriptor: storage({ subject: 'string', country: 'string' }, at('countries')),
      },
    }),
  );
  const table = 'eopa_athena_tutorial_table_01';
  await glue.send(
    new CreateTableCommand({
      DatabaseName: database,
      TableInput: {
        ...external,
        Name: table,
        PartitionKeys: columns({ eopa: 'string', first_ts: 'bigint', last_ts: 'bigint' }),
        StorageDescriptor: storage(decisionColumns, at('raw')),
      },
    }),
  );
  const partitions = partitionsOf(input);
  for (let i = 0; i < partitions.length; i += 100) {
    const PartitionInputList = partitions.slice(i, i + 100).map(({ eopa, firstTs, lastTs }) => ({
      Values: [eopa, firstTs, lastTs],
      StorageDescriptor: storage(decisionColumns, at(`raw/eopa=${eopa}/first_ts=${firstTs}/last_ts=${lastTs}`)),
    }));
    const { Errors = [] } = await glue.send(
      new BatchCreatePartitionCommand({ DatabaseName: database, TableName: table, PartitionInputList }),
    );
    if (Errors.length > 0) throw new Error(`Glue refused partitions of the raw table: ${JSON.stringify(Errors[0])}`);
  }
}

/** Runs a program to its end: its standard output. What it says on standard error passes through. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) done(stdout);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}`));
    });
  });
}
