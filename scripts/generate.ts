/**
 * A deterministic generator of volume: the same options give the same bytes under the same keys, on any machine.
 * Decisions look like those of the Enterprise OPA blog post, audit records like those of the Okera tutorial, and some
 * of them are `dr_evil`'s, in 2023-07-11 16:55 to 17:00.
 */
import { gzipSync } from 'node:zlib';
import { Command, InvalidArgumentError, Option } from 'commander';
import { LocalStore } from '../src/store/local.ts';
import { RoutedStore } from '../src/store/router.ts';
import { S3Store } from '../src/store/s3.ts';

/** mulberry32: 32 bits of state, good enough to vary test data. */
class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  /** Small numbers far more often than large ones, as users and resources are. */
  skewed(n: number): number {
    return Math.floor(n * this.next() ** 3);
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.below(0x1000000).toString(16).padStart(6, '0');
    return text.slice(0, digits);
  }
  uuid(): string {
    const hex = this.hex(32);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

interface Options {
  readonly records: number;
  readonly days: number;
  readonly shares?: readonly number[];
  readonly start: string;
  readonly perObject: number;
  readonly instances: number;
  readonly bad: number;
  readonly seed: number;
  readonly numbered?: boolean;
  readonly gzip?: boolean;
  readonly source: 'opa' | 'okera-audit';
  readonly policy: 'article' | 'envoy';
  readonly wrap: Wrapping;
  readonly endpoint?: string;
}

const dayMs = 86_400_000;
const names = ['sarah', 'emily', 'bob', 'alice', 'janedoe', 'johndoe', 'chen', 'fatima', 'olu', 'igor'];
const surnames = ['smith', 'johnson', 'lopez', 'brown', 'garcia', 'miller', 'wilson', 'moore'];
const countries = ['USA', 'FRA', 'ISL', 'HUN', 'DEU', 'JPN', 'BRA', 'IND', 'NZL', 'KEN'];
const regions = ['us-east-1', 'us-east-2', 'eu-west-1', 'eu-central-1', 'ap-northeast-3', 'ap-south-2'];
const folders = [
  'sales/prospects',
  'documents/slides',
  'private/apitokens',
  'data/experiments',
  'hr/reviews',
  'finance/ledger',
];
const actions = ['GET', 'GET', 'GET', 'PUT', 'DELETE', 'POST'];
const badLines = [
  '{}',
  '{"decision_id":"no-time"}',
  '{"truncated":',
  '[1,2]',
  'not json at all',
  '{"decision_id":5,"timestamp":"2023-07-11T00:00:00Z","labels":{}}',
];

const subjectOf = (random: Random): string => {
  const n = random.skewed(3000);
  return `${names[n % names.length]}${surnames[Math.floor(n / names.length) % surnames.length]}${n > 79 ? n : ''}`;
};

function decision(random: Random, ms: number, instance: string, number?: number): string {
  const evil = ms >= Date.UTC(2023, 6, 11, 16, 55) && ms <= Date.UTC(2023, 6, 11, 17) && random.next() < 0.02;
  const subject = evil ? 'dr_evil' : subjectOf(random);
  const ip = evil
    ? `203.0.113.${random.below(256)}`
    : random.next() < 0.05
      ? ''
      : `10.${random.below(8)}.${random.below(256)}.${random.below(256)}`;
  const allowed = random.next() < 0.7;
  const resource = `/${random.pick(folders)}/${random.skewed(20000)}`;
  const micros = String(ms % 1000).padStart(3, '0') + String(random.below(1000)).padStart(3, '0');
  const time = `${new Date(ms).toISOString().slice(0, 19)}.${micros}Z`;
  const message = allowed ? 'sales may mutate sales records' : 'requests are denied by default';
  const roles = allowed ? '["sales","employee"]' : '[]';
  return (
    `{"bundles":{"./bdir/":{}},"decision_id":"${random.uuid()}",` +
    `"input":{"action":"${random.pick(actions)}","client_ip":"${ip}","country":"${random.pick(countries)}","region":"${random.pick(regions)}","resource":"${resource}","subject":"${subject}"},` +
    `"labels":{"id":"${instance}","type":"enterprise-opa","version":"0.54.0"},` +
    `"metrics":{"counter_regovm_eval_instructions":${200 + random.below(40)},"counter_server_query_cache_hit":1,"timer_rego_input_parse_ns":${12000 + random.below(5000)},"timer_regovm_eval_ns":${40000 + random.below(50000)},"timer_server_handler_ns":${80000 + random.below(90000)}},` +
    `"nd_builtin_cache":{},"path":"authz/decision",${number === undefined ? '' : `"req_id":${number},`}"result":{"allowed":${allowed},"message":"${message}","roles":${roles}},"timestamp":"${time}"}`
  );
}

/** As opa-envoy-plugin writes them. */
function envoyDecision(random: Random, ms: number, instance: string): string {
  const user = subjectOf(random);
  const method = random.pick(actions);
  const path = `/${random.pick(folders)}/${random.skewed(20000)}?limit=${random.below(50)}`;
  const ip = `10.${random.below(8)}.${random.below(256)}.${random.below(256)}`;
  const time = new Date(ms).toISOString();
  const http =
    `{"headers":{":authority":"shop.example.test",":method":"${method}",":path":"${path}","x-forwarded-for":"${ip}","x-user-id":"${user}"},` +
    `"host":"shop.example.test","id":"${random.below(2 ** 31)}","method":"${method}","path":"${path}","protocol":"HTTP/1.1","scheme":"https"}`;
  const input =
    `{"attributes":{"destination":{"address":{"socketAddress":{"address":"10.0.0.9","portValue":8080}},"principal":"spiffe://cluster.local/ns/shop/sa/orders"},` +
    `"request":{"http":${http},"time":"${time}"},` +
    `"source":{"address":{"socketAddress":{"address":"${ip}","portValue":${1024 + random.below(60000)}}},"principal":"spiffe://cluster.local/ns/shop/sa/web"}},` +
    `"parsed_path":${JSON.stringify(path.slice(1).split('?')[0]!.split('/'))},"parsed_query":{},"truncated_body":false,"version":{"encoding":"protojson","ext_authz":"v3"}}`;
  return (
    `{"decision_id":"${random.uuid()}","input":${input},"labels":{"id":"${instance}","version":"1.4.2-envoy"},` +
    `"metrics":{"timer_rego_query_eval_ns":${40000 + random.below(50000)},"timer_server_handler_ns":${80000 + random.below(90000)}},` +
    `"path":"envoy/authz/allow","requested_by":"","result":${random.next() < 0.7},"timestamp":"${time.slice(0, -1)}${String(random.below(1000)).padStart(3, '0')}Z"}`
  );
}

/** What a log shipper makes of lines; `none` leaves them as they are. OPA uploads arrays, and prints to the console. */
const wrappings = ['none', 'docker', 'vector', 'cri', 'firehose', 'cloudwatch', 'array', 'printed'] as const;
type Wrapping = (typeof wrappings)[number];
/** Log events in one record of CloudWatch Logs. */
const eventsPerRecord = 64;

function wrapped(lines: readonly string[], kind: Wrapping, ms: number): string {
  const timeOf = (i: number): string => new Date(ms + i).toISOString().replace('Z', `${String(i).padStart(6, '0')}Z`);
  const each = (wrap: (line: string, i: number) => string, join = '\n'): string => lines.map(wrap).join(join);
  switch (kind) {
    case 'none':
      return lines.join('\n');
    case 'docker':
      return each((line, i) => JSON.stringify({ log: `${line}\n`, stream: 'stderr', time: timeOf(i) }));
    case 'vector':
      return each((message, i) => {
        const from = { file: '/var/log/pods/opa/0.log', host: 'node-1' };
        return JSON.stringify({ ...from, message, source_type: 'file', timestamp: timeOf(i) });
      });
    case 'cri':
      return each((line, i) => `${timeOf(i)} stderr F ${line}`);
    case 'firehose': {
      const task = { ecs_cluster: 'prod', ecs_task_arn: 'arn:aws:ecs:eu-west-1:1:task/prod/1', source: 'stderr' };
      // Firehose joins what it delivers without line ends.
      return each((log) => JSON.stringify({ container_name: 'opa', ...task, log }), '');
    }
    case 'array':
      return `[${lines.join(',')}]`;
    case 'printed':
      return each((line) => JSON.stringify(JSON.parse(line), null, 2));
    case 'cloudwatch': {
      const records: string[] = [];
      for (let first = 0; first < lines.length; first += eventsPerRecord) {
        const events = lines.slice(first, first + eventsPerRecord);
        const logEvents = events.map((message, i) => ({ id: String(first + i), timestamp: ms + first + i, message }));
        const about = { messageType: 'DATA_MESSAGE', owner: '123456789012', logGroup: '/opa', logStream: 'opa/1' };
        records.push(JSON.stringify({ ...about, subscriptionFilters: ['all'], logEvents }));
      }
      return records.join('');
    }
  }
}

const statements = [
  'PLAN',
  'SCAN_START',
  'SCAN_END',
  'DESCRIBE',
  'SHOW_DBS',
  'CREATE_TABLE',
  'GRANT_ROLE',
  'REVOKE_ROLE',
];
const tables = ['marketing.transactions', 'creditcard.transactions_cc', 'hr.people', 'sales.orders'];

function auditRecord(random: Random, ms: number): string {
  const type = random.pick(statements);
  const user = subjectOf(random);
  const table = type.startsWith('GRANT') || type.startsWith('REVOKE') ? '' : random.pick(tables);
  const statement =
    type === 'GRANT_ROLE'
      ? `GRANT ROLE role_${random.below(30)} TO GROUP group_${random.below(50)}`
      : type === 'REVOKE_ROLE'
        ? `REVOKE ROLE role_${random.below(30)} FROM GROUP group_${random.below(50)}`
        : `select count(*) from ${table} where id = ${random.below(100000)}`;
  const time = new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
  return (
    `{"request_time":"${time}${String(random.below(1000000)).padStart(6, '0')}","request_id":"${random.hex(16)}:${random.hex(16)}","session_id":"${random.hex(16)}:${random.hex(15)}",` +
    `"start_unix_time":${ms},"end_unix_time":${ms + random.below(900)},"auth_failure":${random.next() < 0.01},"status":"ok","user":"${user}","connected_user":"root","client_network_address":"172.23.${random.below(256)}.${random.below(256)}:${1024 + random.below(60000)}",` +
    `"client_application":"${random.pick(['presto (1.0.0)', 'okera-rest-server', 'spark (2.4.5)'])}","num_results_returned":${random.below(5000)},"num_results_read":${random.below(5000)},"bytes_scanned":${random.below(1 << 30)},"server_total_time_ms":${random.below(2000)},"queue_time_ms":0,"planning_time_ms":${random.below(50)},"execution_time_ms":${random.below(1500)},` +
    `"statement_type":"${type}","for_reporting":true,"default_db":"default","statement":"${statement}","ae_attribute":"","ae_database":"${table.split('.')[0]}","ae_function":"","ae_path":"","ae_role":"","ae_table":"${table}","ae_view":""}`
  );
}

/** The time of each record, in milliseconds: evenly over all days, or over each day as many as its share. */
function spread({ records, days, shares }: Options, start: number): (index: number) => number {
  if (shares === undefined) {
    const spacing = (days * dayMs) / Math.max(1, records);
    return (index) => start + Math.floor(index * spacing);
  }
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const ends = shares.map((_, day) => {
    const upToIt = shares.slice(0, day + 1).reduce((sum, share) => sum + share, 0);
    return Math.round((records * upToIt) / whole);
  });
  return (index) => {
    const day = ends.findIndex((end) => index < end);
    const first = ends[day - 1] ?? 0;
    return start + day * dayMs + Math.floor(((index - first) * dayMs) / (ends[day]! - first));
  };
}

async function generate(location: string, options: Options): Promise<void> {
  const s3 = new S3Store({
    forcePathStyle: options.endpoint !== undefined,
    ...(options.endpoint && { endpoint: options.endpoint }),
  });
  const store = new RoutedStore({ file: new LocalStore(), s3 });
  const root = location.includes('://')
    ? location.replace(/\/$/, '')
    : `file://${await import('node:path').then((path) => path.resolve(location))}`;
  const random = new Random(options.seed);
  const start = Date.parse(`${options.start}T00:00:00Z`);
  const instances = Array.from({ length: options.instances }, () => random.uuid());
  const timeOf = spread(options, start);
  /** Requests of each instance so far. */
  const numbers = new Map<string, number>();
  const nextNumber = (instance: string): number | undefined => {
    if (!options.numbered) return undefined;
    numbers.set(instance, (numbers.get(instance) ?? 0) + 1);
    return numbers.get(instance);
  };
  let [objects, bytes] = [0, 0];
  for (let done = 0; done < options.records; ) {
    const instance = instances[objects % instances.length]!;
    const first = timeOf(done);
    // One object never spans a day here, so that `--days` is what the tables show.
    const endOfDay = start + (Math.floor((first - start) / dayMs) + 1) * dayMs;
    const lines: string[] = [];
    let last = first;
    while (lines.length < options.perObject && done < options.records) {
      const ms = timeOf(done);
      if (ms >= endOfDay) break;
      last = ms;
      const isBad = options.bad > 0 && random.next() < options.bad;
      lines.push(
        isBad
          ? random.pick(badLines)
          : options.source === 'opa'
            ? options.policy === 'envoy'
              ? envoyDecision(random, ms, instance)
              : decision(random, ms, instance, nextNumber(instance))
            : auditRecord(random, ms),
      );
      done++;
    }
    const text = Buffer.from(wrapped(lines, options.wrap, first));
    const body = options.gzip === true ? gzipSync(text, { level: 6 }) : text;
    const extension = options.gzip === true ? '.gz' : '';
    const seconds = (ms: number): number => Math.floor(ms / 1000);
    const key =
      options.source === 'opa'
        ? `eopa=${instance}/first_ts=${seconds(first)}/last_ts=${seconds(last)}/batch_id=${random.uuid()}.jsonl${extension}`
        : `ymd=${new Date(first).toISOString().slice(0, 10)}/planner-10.1.10.181-${objects}-${random.uuid()}_audit.log${extension}`;
    await store.put(`${root}/${key}`, body);
    objects++;
    bytes += body.length;
  }
  process.stdout.write(`${JSON.stringify({ location: root, records: options.records, objects, bytes })}\n`);
}

const count = (text: string): number => {
  const number = Number(text);
  if (!(number >= 0)) throw new InvalidArgumentError('not a number above or equal to 0');
  return number;
};

await new Command('generate')
  .description('Writes audit records as their producers lay them out, the same for the same options.')
  .argument('<location>', 'folder or s3://bucket/prefix')
  .option('--records <n>', 'records, bad ones included', count, 100_000)
  .option('--days <n>', 'days that they spread over', count, 3)
  .option('--shares <n,n,…>', 'instead: one day for each share, with so many of the records', (text) =>
    text.split(',').map(count),
  )
  .option('--start <day>', 'first day', '2023-07-10')
  .option('--per-object <n>', 'records an object, as in at_count', count, 2048)
  .option('--instances <n>', 'Enterprise OPA processes', count, 4)
  .option('--bad <share>', 'share of records that belong into quarantine', count, 0)
  .option('--seed <n>', 'seed of the random numbers', count, 1)
  .option('--numbered', 'with req_id, the number of the request that each instance counts')
  .option('--gzip', 'compress the objects')
  .option('--source <type>', 'opa or okera-audit', 'opa')
  .addOption(new Option('--policy <name>', 'of decisions').choices(['article', 'envoy']).default('article'))
  .addOption(new Option('--wrap <kind>', 'what a log shipper put around').choices(wrappings).default('none'))
  .option('--endpoint <url>', 'S3 endpoint')
  .action(generate)
  .parseAsync();
