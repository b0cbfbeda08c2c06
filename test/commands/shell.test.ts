/** The parts of the shell that need no terminal. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { complete } from '../../src/commands/shell/complete.ts';
import { entryOf, History, historyFile } from '../../src/commands/shell/history.ts';
import { cutStatements, isBlank, wordsOf } from '../../src/commands/shell/statements.ts';
import { questions } from '../../src/queries/questions.ts';

describe('statements end at a semicolon', () => {
  it.each([
    ['one', 'select 1;', ['select 1'], ''],
    ['several, and the beginning of another', 'select 1; select 2;\nselect', ['select 1', 'select 2'], '\nselect'],
    ['none yet', 'select 1', [], 'select 1'],
    ['but not in a string', `select ';', 'it''s;';`, [`select ';', 'it''s;'`], ''],
    ['in a quoted name', 'select ";""";', ['select ";"""'], ''],
    ['in a comment', 'select 1 -- ;\n + /* ; /* ; */ ; */ 2;', ['select 1 -- ;\n + /* ; /* ; */ ; */ 2'], ''],
    ['behind a comment that a carriage return ends', '-- a; b\rselect 1;', ['-- a; b\rselect 1'], ''],
    ['in dollars', 'select $$;$$, $a$;$$;$a$;', ['select $$;$$, $a$;$$;$a$'], ''],
    ['behind a backslash of an E string', `select E'\\';', 'x\\';`, [`select E'\\';', 'x\\'`], ''],
    ['an open string', `select 'a; b`, [], `select 'a; b`],
    ['nothing but comments', '-- a;\n;/* b */;', [], ''],
  ])('%s', (_what, text, statements, rest) => {
    expect(cutStatements(text)).toEqual({ statements, rest });
  });

  it('wherever lines end', () => {
    // A comment in front may come with a statement or not.
    const bare = (text: string): string => text.replace(/^(?:\s|--.*\n|\/\*[\s\S]*?\*\/)*/, '').trim();
    const piece = fc.constantFrom('select ', `'a;b'`, '"c;d"', ' ', ';', '-- e;\n', '/* f;\n */', '$$;$$', '1', '\n');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = `${pieces.join('')};`;
        const whole = cutStatements(text).statements;
        const byLine: string[] = [];
        let pending = '';
        for (const line of text.split('\n')) {
          const { statements, rest } = cutStatements(pending === '' ? line : `${pending}\n${line}`);
          byLine.push(...statements);
          pending = isBlank(rest) && !rest.includes('/*') ? '' : rest;
        }
        expect(byLine.map(bare)).toEqual(whole.map(bare));
      }),
      { numRuns: 200 },
    );
  });

  it('and words of a question have quotes around spaces', () => {
    expect(wordsOf(`decisions  subject='a b' resource="c'd"e`)).toEqual(['decisions', 'subject=a b', "resource=c'de"]);
    expect(wordsOf(`decisions subject='a`)).toBeUndefined();
  });
});

describe('the tab key offers', () => {
  const relations = [
    { name: 'opa_decisions', kind: 'table' as const, description: '', columns: ['subject', 'allowed', 'sub\u001b[0m'].map((name) => ({ name, type: 'string', description: '' })) },
    { name: 'users', kind: 'table' as const, description: '', columns: [{ name: 'surname', type: 'string', description: '' }] },
  ]; // biome-ignore format: a table
  const offered = { commands: ['.help', '.tables', '.inspect', '.format', '.questions'], questions, relations };
  const of = (line: string, before = ''): string[] => complete(line, before, offered)[0];

  it.each([
    ['words that begin a statement', 'SE', '', ['SELECT']],
    ['questions', 'decisions-', '', ['decisions-by-policy']],
    ['parameters of a question', 'decisions sub', '', ['subject=']],
    ['no parameter twice', 'decisions subject=a sub', '', []],
    ['options of the range', 'decisions --l', '', ['--last']],
    ['tables', 'select * from op', '', ['opa_decisions']],
    ['columns of the tables that are named', 'select su', 'from users', ['surname', 'sum']],
    ['columns behind a table and a dot', 'select opa_decisions.al', '', ['allowed']],
    ['nothing that acts on a terminal', 'select subj', 'from opa_decisions', ['subject']],
    ['commands', '.ta', '', ['.tables']],
    ['tables behind a command', '.inspect u', '', ['users']],
    ['formats', '.format js', '', ['json', 'jsonl']],
  ])('%s', (_what, line, before, hits) => {
    expect(of(line, before)).toEqual(hits);
  });
});

describe('the history', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aw-history-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is a private file of the state folder, the newest entry first', async () => {
    const file = historyFile({ XDG_STATE_HOME: folder });
    expect(file).toBe(join(folder, 'audit-warehouse', 'sql-history'));
    expect(historyFile({ XDG_STATE_HOME: 'relative', HOME: '/home/a' })).toBe(
      '/home/a/.local/state/audit-warehouse/sql-history',
    );
    const history = new History(file);
    expect(await history.read()).toEqual([]);
    await history.add('select 1;');
    await history.add('select 2;');
    expect(await new History(file).read()).toEqual(['select 2;', 'select 1;']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'audit-warehouse')).mode & 0o777).toBe(0o700);
  });

  it('forgets the oldest, and does not fail where it cannot be kept', async () => {
    const history = new History(join(folder, 'long'));
    for (let i = 0; i < 2001; i++) appendFileSync(join(folder, 'long'), `select ${i};\n`);
    expect((await history.read()).length).toBe(1000);
    expect(readFileSync(join(folder, 'long'), 'utf8').split('\n').length).toBe(1001);
    await new History(join(folder, 'long', 'below')).add('select 1;');
  });

  it('keeps a statement of several lines as one, where that changes nothing', () => {
    expect(entryOf(`select 1\n  from t\nwhere a = 'b'`)).toBe(`select 1 from t where a = 'b'`);
    expect(entryOf('select 1 -- one\nfrom t')).toBeUndefined();
    expect(entryOf(`select 'a\nb'`)).toBeUndefined();
  });
});
