/** `sql` as people use it: on terminals of 80 and 200 columns, and as scripts do: from a pipe. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binary, cli, projectRoot, temporaryFolder } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';

const { folder, remove } = temporaryFolder();
afterAll(remove);

const hostile = 'x\u001b[35m\u202eFORGED\u200b';

beforeAll(async () => {
  mkdirSync(join(folder, 'logs'));
  mkdirSync(join(folder, 'queries'));
  const line = (i: number): string =>
    JSON.stringify({
      decision_id: `id-${i}`,
      timestamp: `2023-07-11T16:${String(i % 60).padStart(2, '0')}:00Z`,
      labels: { id: 'i' },
      path: 'authz/decision',
      input: {
        subject: i === 7 ? hostile : `user${i % 5}`,
        action: 'read',
        resource: `/a/very/long/resource/of/some/depth/${i}`,
      },
      result: { allowed: i % 3 === 0, message: 'a message that says rather a lot about why it was so' },
    });
  writeFileSync(join(folder, 'logs', 'a.jsonl'), Array.from({ length: 60 }, (_, i) => line(i)).join('\n'));
  writeFileSync(join(folder, 'queries', 'mine.sql'), `-- summary: mine\n-- parameters: { who: { type: text, description: who, example: a, required: true } }\nSELECT count(*) AS of_mine FROM opa_decisions WHERE subject = $who`); // biome-ignore format: SQL
  const sources = [{ name: 'opa', type: 'opa', location: './logs' }];
  writeFileSync(
    join(folder, 'audit-warehouse.yaml'),
    JSON.stringify({ warehouse: './warehouse', sources, queries: ['queries'] }),
  );
  expect((await cli(['backfill'], { cwd: folder })).code).toBe(0);
});

const piped = (stdin: string, ...args: string[]) => cli(['sql', '--no-receipt', ...args], { cwd: folder, stdin });

describe('from a pipe', () => {
  it('statements, questions and commands run one after the other, the last without a semicolon too', async () => {
    const { code, stdout } = await piped(
      `select count(*) as n from opa_decisions; select 2\nas two;\n.format jsonl\nmine who=user1\ndecisions subject=user2 limit=1\nselect ';' as mark`,
    );
    expect(code).toBe(0);
    const [table, second, own, decision, last] = [
      / n\n-+\n60\n/,
      /two\n-+\n +2\n/,
      /\{"of_mine":\d+\}\n/,
      /"subject":"user2"/,
      /\{"mark":";"\}\n$/,
    ];
    for (const shown of [table, second, own, decision, last]) expect(stdout).toMatch(shown!);
  });

  it.each([`select 'open`, 'select "open', 'select 1 /* open', 'select $$open'])(
    'a statement whose end is missing fails: %s',
    async (statement) => {
      const { code, stdout, stderr } = await piped(`select 1 as a;\n${statement}\n`);
      expect({ code, stdout }).toEqual({ code: 1, stdout: 'a\n-\n1\n' });
      expect(stderr).toMatch(/^audit-warehouse: .*(never closed|unterminated)/i);
    },
  );

  it('the first that fails ends it', async () => {
    const { code, stdout, stderr } = await piped('select 1 as a;\nselect nobody from opa_decisions;\nselect 3 as c;');
    expect(code).toBe(1);
    expect(stdout).toMatch(/a\n-\n1\n$/);
    expect(stderr).toMatch(/nobody/);
    expect((await piped('.nothing')).code).toBe(2);
  });

  it.each([
    ['at .quit', ['sql'], 'select 1 as a;\n.quit\n', false, 0],
    ['at a statement that fails', ['sql'], 'select nobody from opa_decisions;\n', false, 1],
    ['stopped, between statements', ['sql'], 'select 1 as a;\n', true, 1],
    ['stopped, within one', ['query', '--sql', '-'], 'select', true, 1],
  ])('it ends %s, though its input stays open', async (_when, args, text, isStopped, code) => {
    const child = spawn(binary, [...args, '--no-receipt'], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    const ended = once(child, 'exit');
    child.stdin.write(text);
    if (isStopped) {
      if (args[0] === 'sql') await once(child.stdout, 'data');
      else await setTimeout(2000);
      child.kill('SIGINT');
    }
    expect(await Promise.race([ended, setTimeout(20_000, 'still there')])).toEqual([code, null]);
  });

  it('where no temporary file can be made, it says what to do', async () => {
    const { code, stderr } = await cli(['query', '--sql', 'select 1'], {
      cwd: folder,
      env: { TMPDIR: join(folder, 'not-there') },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/point TMPDIR to one that can be written\n +because: ENOENT/);
  });

  it('answers go into a private file, and back', async () => {
    await piped(`.format csv\n.output all.csv\nselect 1 as a;\nselect '${'\u001b'}' as b;\n.output\nselect 3 as c;`);
    expect(readFileSync(join(folder, 'all.csv'), 'utf8')).toBe('a\r\n1\r\nb\r\n\u001b\r\n');
    expect(statSync(join(folder, 'all.csv')).mode & 0o777).toBe(0o600);
  });

  it('what there is is listed, with what it means', async () => {
    const { stdout } = await piped(
      `.format csv\nshow tables; select table_comment from information_schema.tables where table_name = 'opa_decisions'; select column_comment from information_schema.columns where table_name = 'opa_decisions' and column_name = 'subject';`,
    );
    expect(stdout).toMatch(/audit_events\r\ningested_objects\r\nopa_decisions\r\nquarantine/);
    expect(stdout).toMatch(/TABLE_COMMENT\r\n"?Authorisation decisions/);
    expect(stdout).toMatch(/COLUMN_COMMENT\r\n"?Who asked/);
    const { stdout: shown } = await piped('.tables\n.inspect opa_decisions\n.questions mine');
    expect(shown).toMatch(/opa_decisions +table +60/);
    expect(shown).toMatch(/event_time +timestamp/);
    expect(shown).toMatch(/mine: mine\n +who/);
  });

  it.each([
    `copy (select 1) to 'out.csv'`,
    `attach 'x.db'`,
    `select * from read_csv('audit-warehouse.yaml')`,
    'create table t as select 1',
    'delete from opa_decisions',
  ])('nothing but reading is possible: %s', async (sql) => {
    const { code, stderr } = await piped(`${sql};`);
    expect(code).toBe(1);
    expect(stderr).not.toBe('');
    expect(existsSync(join(folder, 'out.csv'))).toBe(false);
  });
});

describeWith(['readers'], 'on a terminal', () => {
  const state = join(folder, 'state');
  const typed = async (columns: number, ...steps: (readonly [waitFor: string, keys: string])[]) => {
    process.env.XDG_STATE_HOME = state;
    process.env.TERM = 'xterm';
    const output = await rig.python('typed_terminal.py', [
      folder,
      String(columns),
      JSON.stringify(steps),
      binary,
      'sql',
    ]);
    const [code, ...shown] = output.split('\n');
    return { code: Number(code), shown: shown.join('\n').replaceAll('\r\n', '\n') };
  };
  const enter = '\r';

  it.each([80, 200])('of %i columns answers fit, and text from outside does nothing', async (columns) => {
    const { code, shown } = await typed(
      columns,
      ['audit> ', `select subject, action, resource, message, path, decision_id${enter}`],
      ['-> ', `from opa_decisions where decision_id < 'id-2' or decision_id = 'id-7'${enter}`],
      ['-> ', `order by decision_id;${enter}`],
      ['scanned', `.quit${enter}`],
    );
    expect({ code, shown }).toMatchObject({ code: 0, shown: expect.stringContaining('\\u{202e}FORGED') });
    // What readline itself does with the cursor, and colours of ours.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    const text = shown.replaceAll(/\u001b\[\d*[GJK]|\u001b\[[0-9;]*m/g, '');
    for (const acting of ['\u001b', '\u202e', '\u200b']) expect(text).not.toContain(acting);
    const answer = text.slice(text.lastIndexOf('order by'));
    for (const line of answer.split('\n').slice(1)) expect(line.length, line).toBeLessThanOrEqual(columns);
  });

  it('the tab key completes, Ctrl-C clears a line and ends a statement, and the shell goes on', async () => {
    const { code, shown } = await typed(
      80,
      ['audit> ', 'select count(*) from opa_d\t'],
      ['opa_decisions', `;${enter}`],
      ['60', ''],
      ['scanned', ''],
      ['audit> ', 'select something else'],
      ['else', '\u0003'],
      ['audit> ', `select count(*) from range(100000000) a, range(100000000) b;${enter}`],
      ['range(100000000) b;', ''],
      ['\n', '\u0003'],
      ['cancelled', `selec 1;${enter}`],
      ['syntax error', `mine who=user1${enter}`],
      ['of_mine', '\u0004'],
    );
    expect({ code, shown }).toMatchObject({ code: 0, shown: expect.stringContaining('of_mine') });
  });

  it('the history is there in the next session, and is private', async () => {
    await typed(80, ['audit> ', `select 41${enter}`], ['-> ', `+ 1 as answer;${enter}`], ['scanned', '\u0004']);
    const file = join(state, 'audit-warehouse', 'sql-history');
    expect(readFileSync(file, 'utf8')).toContain('select 41 + 1 as answer;\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { shown } = await typed(80, ['audit> ', '\u001b[A'], ['answer;', enter], ['42', ''], ['scanned', '\u0004']);
    expect(shown).toMatch(/answer[\s\S]*42/);
  });
});

it('has its command in the documentation', () => {
  expect(readFileSync(join(projectRoot, 'docs/cli.md'), 'utf8')).toContain('## sql');
});
