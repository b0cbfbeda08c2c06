/**
 * Whoever may write one object chooses its name and what is in it. Through every command, into a pipe and on a terminal,
 * such text drives nothing, turns nothing around and forges no line: what leaves is visible characters and line feeds.
 * Data that another program reads (--json, CSV) is exact in a pipe, and harmless on a terminal.
 */
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binary, cli, type RunResult, temporaryFolder } from '../support/cli.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

/** Each part does something to a terminal, or to a reader, where it arrives as it is. */
const hostile =
  'x\u001b[35m\u001b]0;owned\u0007\u009b31m\u0085\r\u202eFORGED\u2066\u200f\u2028\u{e0041}\u200b\ufe0f\nFORGED line\n\u001b[2K';
const acts = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** Set in, a line is a part of the message above it. */
const forged = /^FORGED/im;
/**
 * What the program itself does to a terminal: the progress bar keeps a place, moves in the line, clears it, hides the
 * cursor, wraps or not; tables have bold, dim and three colours, none of which text from outside has here.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const ours = /\u001b[78]|\u001b\[(\?25[lh]|\?7[lh]|\d*G|\d*K|[012]m|3[123]m)/g;

const decision = (id: string, members: object = {}): string =>
  JSON.stringify({
    decision_id: id,
    timestamp: '2023-07-11T16:57:42Z',
    labels: { [hostile]: hostile },
    path: hostile,
    input: { subject: hostile, resource: hostile, action: '=1+1', client_ip: '10.0.0.1' },
    result: { allowed: true, message: hostile },
    ...members,
  });

function put(name: string, body: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, body);
  return path;
}

/** A semicolon would end the statement that names it. */
const group = hostile.replaceAll(';', '');
const logs = `logs ${hostile}`;
const page = `report ${hostile}.html`;

beforeAll(async () => {
  put(
    'audit-warehouse.yaml',
    JSON.stringify({
      warehouse: `./warehouse ${hostile}`,
      sources: [
        { name: 'opa', type: 'opa', location: `./${logs}`, columns: { odd: { path: 'input.odd', type: 'long' } } },
        {
          name: 'countries',
          type: 'reference',
          table: 'countries',
          location: `./side ${hostile}`,
          columns: { name: { type: 'string' }, n: { type: 'long', required: true } },
        },
        { name: 'okera', type: 'okera-audit', location: './audit' },
        { name: 'identities', type: 'okera-identities', location: './identities' },
      ],
      expire: { grace: '1h' },
      worker: { listen: 'off' },
    }),
  );
  put(
    `side ${hostile}/${hostile}.jsonl`,
    `${JSON.stringify({ name: hostile, n: 1 })}\n${JSON.stringify({ name: hostile, n: hostile })}\n`,
  );
  put(
    `${logs}/${hostile}.jsonl`,
    [
      decision(hostile),
      decision('', { input: { odd: hostile } }),
      `{"${hostile}"`,
      decision(hostile, { timestamp: hostile }),
    ].join('\n'),
  );
  put(
    'audit/grant.jsonl',
    JSON.stringify({
      request_time: '2023-07-11 16:57:42',
      request_id: hostile,
      user: `admin ${hostile}`,
      status: 'ok',
      statement_type: 'GRANT_ROLE',
      statement: `GRANT ROLE r TO GROUP \`${group}\``,
    }),
  );
  put('identities/users.jsonl', JSON.stringify({ id: 1, user_name: hostile }));
  put('identities/groups.jsonl', JSON.stringify({ group_id: 1, group_name: group }));
  put(
    'identities/user_group_mappings.jsonl',
    JSON.stringify({ id: 1, user_name_id: 1, group_name_id: 1, last_observed: '2023-07-11T00:00:00Z' }),
  );
  put(`${logs}/b ${hostile}.jsonl`, decision('b'));
  put(`${logs}/broken ${hostile}.jsonl.gz`, gzipSync(decision('c')).subarray(0, 40));
});

const run = (args: readonly string[]): Promise<RunResult> => cli(args, { cwd: folder });

async function onTerminal(args: readonly string[]): Promise<{ code: number; shown: string }> {
  const script = join(import.meta.dirname, '../support/python/terminal.py');
  const { stdout, stderr } = await cli([script, folder, binary, ...args], { cwd: folder, command: 'python3' });
  expect(stderr).toBe('');
  const end = stdout.indexOf('\n');
  // The terminal's own driver makes CR LF of a line feed.
  return {
    code: Number(stdout.slice(0, end)),
    shown: stdout
      .slice(end + 1)
      .replace(ours, '')
      .replaceAll('\r\n', '\n'),
  };
}

interface Invocation {
  readonly args: readonly string[];
  readonly code?: number;
  /** What is on stdout is data, which is exact in a pipe. */
  readonly data?: true;
}

/** In this order; every command is here, and so is each way of printing. */
const invocations: Readonly<Record<string, readonly Invocation[]>> = {
  validate: [{ args: [] }, { args: ['--json'], data: true }],
  doctor: [{ args: [] }, { args: ['--json'], data: true }, { args: ['--policy'], data: true }],
  backfill: [
    { args: ['--dry-run'] },
    { args: [], code: 1 },
    { args: ['--log-format', 'text'], code: 1 },
    { args: ['--log-format', 'json', '--log-level', 'trace', '--json'], code: 1, data: true },
    { args: ['--source', hostile], code: 2 },
    { args: ['--from', hostile], code: 2 },
    { args: ['--config', hostile], code: 2 },
    { args: ['--set', `${hostile}=1`], code: 2 },
    { args: [`--${hostile}`], code: 2 },
  ],
  worker: [
    { args: ['--once'], code: 1 },
    { args: ['--once', '--log-format', 'text', '--log-level', 'debug', '--json'], code: 1, data: true },
  ],
  query: [
    { args: ['--list'] },
    { args: ['--sql', 'select * from opa_decisions'] },
    { args: ['--sql', 'select input from opa_decisions'] },
    { args: ['--sql', `select 1 as "${hostile.replace(/\n/g, ' ')}"`] },
    { args: ['--sql', 'select cast(subject as integer) from opa_decisions'], code: 1 },
    { args: ['--sql', `select error('${hostile}')`], code: 1 },
    { args: ['--sql', hostile], code: 1 },
    { args: ['--sql', 'select * from opa_decisions', '--format', 'json'], data: true },
    { args: ['--sql', 'select * from opa_decisions', '--format', 'csv'], data: true },
    { args: ['--sql', 'select * from opa_decisions', '--format', 'jsonl'], data: true },
    { args: ['--sql', 'select * from opa_decisions', '--format', 'markdown'] },
    { args: ['--sql', 'select * from opa_decisions', '--format', 'line'] },
    { args: ['--sql', 'select * from opa_decisions', '--columns', hostile], code: 2 },
    { args: ['decisions', '--from', hostile], code: 2 },
    { args: ['--sql', 'select * from opa_decisions', '--format', 'csv', '--csv-safe'], data: true },
    { args: ['subject-activity', '--param', `subject=${hostile}`] },
    { args: [hostile], code: 2 },
  ],
  investigate: [
    { args: [hostile, '--from', '2023-07-11', '--to', '2023-07-11'] },
    { args: [hostile, '--from', '2023-07-11', '--to', '2023-07-11', '--format', 'jsonl'], data: true },
    { args: [hostile, '--from', '2023-07-11', '--to', '2023-07-11', '--format', 'html'], data: true },
  ],
  raw: [
    { args: [hostile], data: true },
    { args: [`file:///${hostile}#1`], code: 1 },
    { args: [`file:///${hostile}#1`, '--json'], code: 1, data: true },
  ],
  report: [
    { args: ['--from', '2023-07-11', '--to', '2023-07-11', '--title', hostile, '--output', '-'], data: true },
    { args: ['--from', '2023-07-11', '--to', '2023-07-11', '--output', page] },
    { args: ['--from', '2023-07-11', '--output', `${hostile}/nowhere/x.html`], code: 1 },
    {
      args: ['--from', '2023-07-11', '--to', '2023-07-11', '--subject', hostile, '--output', page, '--data', '--index'],
    },
    { args: ['--from', '2023-07-11', '--to', '2023-07-11', '--json'], data: true },
    { args: ['--source', hostile], code: 2 },
  ],
  // What its pages show is test/e2e/serve.test.ts.
  serve: [
    { args: ['--port', hostile], code: 2 },
    { args: ['--config', hostile], code: 2 },
  ],
  tables: [{ args: [] }, { args: ['--json'], data: true }],
  verify: [
    { args: [], code: 4 },
    { args: ['--deep'], code: 4 },
    { args: ['--json'], code: 4, data: true },
    { args: ['--repair', '--source', 'opa'], code: 4 },
  ],
  quarantine: [{ args: [] }, { args: ['--reveal', '--samples', '100'] }, { args: ['--reveal', '--json'], data: true }],
  replay: [
    { args: ['--dry-run'] },
    { args: [] },
    { args: ['--json'], data: true },
    { args: ['--source', hostile], code: 2 },
  ],
  compact: [
    { args: ['--dry-run'] },
    { args: ['--table', hostile], code: 2 },
    { args: [] },
    { args: ['--json'], data: true },
  ],
  expire: [{ args: ['--dry-run'] }, { args: ['--dry-run', '--json'], data: true }],
  erase: [
    { args: ['--subject', hostile, '--dry-run'] },
    { args: ['--subject', hostile, '--dry-run', '--json'], data: true },
  ],
  // A person's: test/e2e/sql-shell.test.ts. It prints as query does.
  sql: [],
  relocate: [
    { args: ['--dry-run'] },
    { args: ['--dry-run', '--json'], data: true },
    { args: ['--dry-run', '--from', hostile] },
  ],
  connect: [
    { args: ['duckdb'], data: true },
    { args: ['duckdb', '--output', `${hostile}.sql`] },
    { args: [hostile], code: 2 },
  ],
  completion: [{ args: ['bash'] }, { args: [hostile], code: 2 }],
  init: [{ args: ['--force', '--output', `${hostile}.yaml`] }, { args: ['--output', `${hostile}.yaml`], code: 2 }],
  // Units that are claimed by name would be out of reach of what comes after.
  job: [
    { args: ['commit'], data: true },
    { args: ['plan', '--source', hostile], code: 2 },
  ],
};

const readOnly = new Set(['completion', 'validate', 'doctor', 'query', 'investigate', 'raw', 'tables', 'quarantine']);

describe.sequential('text from outside', () => {
  test('is led through every command that there is', async () => {
    const { stdout } = await run(['--help']);
    const commands = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)].map(
      ([, name]) => name,
    );
    expect(commands.filter((name) => name !== 'help').sort()).toEqual(Object.keys(invocations).sort());
  });

  const all = Object.entries(invocations).flatMap(([name, given]) =>
    given.map(({ args, code = 0, data = false }) => ({ args: [name, ...args], code, data })),
  );
  test.each(all)('$args is harmless', async ({ args, code, data }) => {
    if (args[0] === 'expire') orphan();
    const changes = !readOnly.has(args[0]!);
    // What changes the warehouse does so once: the terminal sees the second run.
    const first = run(args);
    if (changes) await first;
    const [piped, terminal] = await Promise.all([first, onTerminal(args)]);
    expect({ code: piped.code, stderr: piped.stderr.match(acts)?.[0] }).toEqual({ code, stderr: undefined });
    expect(piped.stderr).not.toMatch(forged);
    expect(terminal.shown).not.toMatch(acts);
    if (!data) {
      expect(piped.stdout).not.toMatch(acts);
      expect(piped.stdout).not.toMatch(forged);
      expect(terminal.shown).not.toMatch(forged);
    }
  });

  test('is shown by its code points where it is named', async () => {
    const { stdout } = await run(['quarantine']);
    expect(stdout).toContain('x\\u{1b}[35m\\u{1b}]0;owned\\u{7}\\u{9b}31m\\u{85}\\u{d}\\u{202e}FORGED\\u{2066}');
    const { shown } = await onTerminal(['backfill']);
    expect(shown).toMatch(/error object left unclaimed {2}uri="file:.*broken x\\u\{1b\}\[35m.*" code=truncated_gzip/);
    // Wrapped at its spaces, where the terminal ends.
    expect(shown).toMatch(/not read, and left for the next run:\n {2}file:[\s\S]*broken\s+x\\u\{1b\}\[35m/);
  });

  const sql = 'select subject, action, resource, source_uri from opa_decisions';

  test('is exact in JSON and CSV in a pipe, and exact JSON on a terminal', async () => {
    const json = await run(['query', '--sql', sql, '--format', 'json']);
    const parsed = JSON.parse(json.stdout) as { rows: string[][] };
    expect(parsed.rows).toContainEqual([hostile, '=1+1', hostile, expect.stringContaining(`/b ${hostile}.jsonl`)]);
    expect(json.stdout).toContain('\u202eFORGED');

    const { shown } = await onTerminal(['query', '--sql', sql, '--format', 'json', '--log-level', 'silent']);
    expect((JSON.parse(shown) as { rows: string[][] }).rows).toEqual(parsed.rows);

    const csv = await run(['query', '--sql', sql, '--format', 'csv']);
    expect(csv.stdout).toContain(`"${hostile}",=1+1,"${hostile}",`);
  });

  test('has a report whose page hides and turns around nothing', async () => {
    const text = readFileSync(join(folder, page), 'utf8');
    expect(text).not.toMatch(acts);
    expect(text).toContain('\\u{202e}FORGED');
  });
});

describe.sequential('--csv-safe', () => {
  const safe = async (sql: string): Promise<string[]> => {
    const { code, stdout } = await run(['query', '--sql', sql, '--format', 'csv', '--csv-safe']);
    expect(code).toBe(0);
    return stdout.split('\r\n').slice(1, -1);
  };

  test.each(['=1+1', '+1+1', '-1+1', '@SUM(1)', '\tx', '\rx', '\nx', '＝1+1', '-5', '+49'])(
    'puts an apostrophe before %j',
    async (text) => {
      expect(await safe(`select '${text}' as t`)).toEqual([`"'${text}"`]);
    },
  );

  test('leaves numbers and other text as they are, and quotes text so that no separator splits it', async () => {
    const [row] = await safe(
      `select -5 a, -1.5::double b, cast(-2.50 as decimal(5,2)) c, -9223372036854775807 d, null e, '' f, 'a=1' g, 'a;=1' h, 'a"b' i`,
    );
    expect(row).toBe('-5,-1.5,-2.50,-9223372036854775807,,,"a=1","a;=1","a""b"');
  });

  test('guards names of columns too', async () => {
    const { stdout } = await run(['query', '--sql', `select 1 as "=1+1"`, '--format', 'csv', '--csv-safe']);
    expect(stdout).toBe(`"'=1+1"\r\n1\r\n`);
  });

  test('is refused with another format', async () => {
    expect(await run(['query', '--sql', 'select 1', '--csv-safe'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--format csv'),
    });
  });
});

/** A file that nothing needs and that is old enough to go, of a name that an outsider chose. */
function orphan(): void {
  const path = put(`warehouse ${hostile}/opa_decisions/data/${hostile}.parquet`, 'x');
  utimesSync(path, 1e9, 1e9);
}
