import { type SpawnOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, inject, test } from 'vitest';
import { Conversation } from './conversation.ts';
import { TrinoClient } from './trino.ts';

/**
 * The real engines, for tests. Each is started when it is first asked for, once in a run of vitest, and shared by all
 * test files; buckets and databases are fresh with every call, so that tests do not see each other.
 *
 *   describeWith(['s3', 'readers'], 'what is promised', () => { … const { endpoint, bucket } = await rig.s3(); … });
 */
export const rig = {
  /** An S3 (moto) with a fresh bucket. */
  async s3(): Promise<RigS3> {
    const env = await up('moto');
    const connection = connectionOf(env, 'AWS_ENDPOINT_URL_S3');
    const bucket = `aw-${randomBytes(8).toString('hex')}`;
    const client = new S3Client({ endpoint: connection.endpoint, region: connection.region, forcePathStyle: true });
    try {
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
    } finally {
      client.destroy();
    }
    return { ...connection, bucket };
  },

  /** A Glue (moto, beside the S3) with the name of a database that does not exist yet. */
  async glue(): Promise<RigGlue> {
    const env = await up('moto');
    return { ...connectionOf(env, 'AWS_ENDPOINT_URL_GLUE'), database: `aw_${randomBytes(8).toString('hex')}` };
  },

  /**
   * Trino on that S3 and Glue. Catalog `awsdatacatalog` reads whatever Glue holds, as Athena does; `iceberg` is the
   * Iceberg connector itself (`iceberg.<database>."t$files"`, INSERT, ALTER TABLE … EXECUTE optimize).
   */
  async trino(): Promise<TrinoClient> {
    const env = await up('trino');
    return new TrinoClient(env.TRINO_URL!, env.TRINO_CATALOG!);
  },

  /** Iceberg's own REST catalog server, for tables in folders, with a namespace that does not exist yet. */
  async rest(): Promise<RigRest> {
    const env = await up('rest');
    return { uri: env.ICEBERG_REST_URI!, namespace: `aw_${randomBytes(8).toString('hex')}` };
  },

  /**
   * Runs a script of test/support/python with pyarrow, duckdb, pyiceberg and boto3 at hand (and the S3 and Glue in its
   * environment where they run already); gives its standard output, or throws with its standard error.
   */
  async python(script: string, args: readonly string[] = [], stdin: string | Uint8Array = ''): Promise<string> {
    const env = await up('moto');
    const path = join(import.meta.dirname, 'python', script);
    return run(
      env.RIG_PYTHON!,
      [path, ...args],
      { env: { ...process.env, ...env, PYTHONDONTWRITEBYTECODE: '1' } },
      stdin,
    );
  },

  /** Runs a program of the environment that has dbt (python, mf) in a folder; its standard output. */
  async dbt(program: string, args: readonly string[], cwd: string, stdin = ''): Promise<string> {
    const env = await up('moto');
    return run(
      join(env.RIG_DBT!, program),
      args,
      { cwd, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } },
      stdin,
    );
  },

  /** Runs a script of test/support/python, or of another place, with pyspark and a Java at hand, in the same way. */
  spark(
    script: string,
    args: readonly string[] = [],
    stdin: string | Uint8Array = '',
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const path = resolve(import.meta.dirname, 'python', script);
    return run(stack, ['spark', path, ...args], { env: { ...process.env, ...env } }, stdin);
  },

  /**
   * Spark 3.5 with Iceberg 1.7.1, or a newer one for tables in folders, for as long as the test wants it; the catalog `lake`
   * has these properties, those of the Glue and S3 where none are given.
   */
  async icebergSpark(
    properties?: Readonly<Record<string, string>>,
    part: 'spark35' | 'spark35new' = 'spark35',
  ): Promise<Conversation> {
    const env = await up('moto');
    const glue = {
      'catalog-impl': 'org.apache.iceberg.aws.glue.GlueCatalog',
      'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
      'client.region': env.AWS_REGION!,
      'glue.endpoint': env.AWS_ENDPOINT_URL_GLUE!,
      's3.endpoint': env.AWS_ENDPOINT_URL_S3!,
      's3.path-style-access': 'true',
      // GlueCatalog asks for one, and every table says where it lies.
      warehouse: 's3://none/',
    };
    const script = join(import.meta.dirname, 'python', 'spark_sql.py');
    const args = [part, script, JSON.stringify(properties ?? glue)];
    return new Conversation(stack, args, { ...process.env, ...env });
  },

  /** PyIceberg on a database of that Glue. */
  async pyIceberg(database: string): Promise<Conversation> {
    const env = await up('moto');
    const script = join(import.meta.dirname, 'python', 'pyiceberg_session.py');
    return new Conversation(env.RIG_PYTHON!, [script, database], { ...process.env, ...env });
  },

  /** Path of an OPA. */
  async opa(): Promise<string> {
    return (await run(stack, ['opa'], {})).trimEnd();
  },

  /** Path of a Chromium or Chrome. */
  async chromium(): Promise<string> {
    return (await run(stack, ['chromium'], {})).trimEnd();
  },
};

export interface RigConnection {
  readonly endpoint: string;
  readonly region: string;
  /**
   * What a child process needs (credentials, region, endpoints). The test's own process has the credentials and the
   * region in its environment too, not the endpoints.
   */
  readonly env: Readonly<Record<string, string>>;
}

export interface RigS3 extends RigConnection {
  readonly bucket: string;
}

export interface RigGlue extends RigConnection {
  readonly database: string;
}

export interface RigRest {
  readonly uri: string;
  readonly namespace: string;
}

export type Need =
  | 's3'
  | 'glue'
  | 'trino'
  | 'rest'
  | 'readers'
  | 'spark'
  | 'spark35'
  | 'spark35new'
  | 'chromium'
  | 'opa'
  | 'dbt';

/**
 * `describe` for tests that need parts of the rig. Where one is missing on this machine the suite is skipped, and the
 * reason printed at the end of the run; with AUDIT_WAREHOUSE_SKIP=forbid it fails.
 */
export function describeWith(needs: readonly Need[], name: string, suite: () => void): void {
  const { missing, forbidSkipping, run: folder } = inject('rig');
  const parts = new Set(needs.map((need) => (need === 's3' || need === 'glue' ? 'moto' : need)));
  // Where they are stands in the environment of the S3 and Glue.
  if (parts.has('readers') || parts.has('dbt')) parts.add('moto');
  const reasons = [...parts].flatMap((part) => missing[part] ?? []);
  if (reasons.length === 0) {
    describe(name, suite);
  } else if (forbidSkipping) {
    describe(name, () => {
      test('has what it needs', () => {
        throw new Error(`cannot run: ${reasons.join('; ')}`);
      });
    });
  } else {
    appendFileSync(join(folder, 'skipped'), `${name}: ${reasons.join('; ')}\n`);
    describe.skip(name, suite);
  }
}

const stack = join(import.meta.dirname, '../../scripts/rig/stack');
const started = new Map<string, Promise<Readonly<Record<string, string>>>>();

/** The stack itself sees to it that what runs already is not started again, also between processes. */
function up(part: 'moto' | 'trino' | 'rest'): Promise<Readonly<Record<string, string>>> {
  let starting = started.get(part);
  if (starting === undefined) {
    starting = (async () => {
      const { run: folder, owner } = inject('rig');
      const own = { RIG_RUN: folder, ...(owner !== undefined && { RIG_OWNER: String(owner) }) };
      const output = await run(stack, ['up', part], { env: { ...process.env, ...own } });
      const env = assignments(output);
      for (const [name, value] of Object.entries(env)) {
        if (name.startsWith('AWS_') && !name.startsWith('AWS_ENDPOINT')) process.env[name] = value;
      }
      return env;
    })();
    started.set(part, starting);
  }
  return starting;
}

/** NAME=value lines. */
function assignments(text: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/^(\w+)=(.*)$/gm)) env[name!] = value!;
  return env;
}

function connectionOf(env: Readonly<Record<string, string>>, endpoint: string): RigConnection {
  const aws = Object.entries(env).filter(([name]) => name.startsWith('AWS_'));
  return { endpoint: env[endpoint]!, region: env.AWS_REGION!, env: Object.fromEntries(aws) };
}

/** Runs a program to its end; its standard output, or an error with the end of its standard error. */
function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  stdin: string | Uint8Array = '',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      const tail = Buffer.concat(err).toString().slice(-4000);
      reject(new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}:\n${tail}`));
    });
    // A program that does not read all of it has its reasons, which its exit code tells.
    child.stdin!.on('error', () => {});
    child.stdin!.end(stdin);
  });
}
