/** Questions of the configuration: read, checked against the tables, listed, asked. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { checkOwnQuestions } from '../../src/queries/check-own.ts';
import { ownQuestions } from '../../src/queries/own-questions.ts';
import { ask, findQuestion } from '../../src/queries/questions.ts';
import { cli } from '../support/cli.ts';

const team = `-- summary: who of a team was denied what
-- parameters:
--   team: { type: text, description: the team, example: payments, required: true }
--   since: { type: instant, description: first day, example: 2023-07-11, default: 2023-01-01 }
--   subjects: { type: texts, description: only these, example: 'a,b' }
SELECT subject, resource, count(*) AS denials
FROM opa_decisions
WHERE ymd >= $since_ymd AND event_time >= $since AND NOT allowed AND team = $team
  AND subject IN ($subjects)      -- when subjects
GROUP BY 1, 2
ORDER BY 1, 2
`;

function folder(files: Readonly<Record<string, string>>, queries: readonly string[] = ['./queries']): string {
  const at = mkdtempSync(join(tmpdir(), 'aw-own-'));
  onTestFinished(() => rmSync(at, { recursive: true }));
  mkdirSync(join(at, 'queries'));
  mkdirSync(join(at, 'logs'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(at, 'queries', name), text);
  const columns = { team: { path: 'input.team', type: 'string' } };
  const sources = [{ name: 'opa', type: 'opa', location: './logs', columns }];
  writeFileSync(join(at, 'audit-warehouse.yaml'), JSON.stringify({ warehouse: './warehouse', sources, queries }));
  return at;
}

const configOf = (cwd: string) => loadConfig({ env: {}, cwd, reserved: () => new Set() }).config;

describe('a question of the configuration', () => {
  it('is asked with its values like a built-in one', () => {
    const own = ownQuestions(configOf(folder({ 'team-denials.sql': team })));
    const question = findQuestion('team-denials', own);
    expect(question.parameters.map(({ name, required }) => [name, required])).toEqual([
      ['team', true],
      ['since', false],
      ['subjects', false],
    ]);
    const { sql, parameters } = ask(
      question,
      new Map([
        ['team', 'payments'],
        ['subjects', 'a,b'],
      ]),
    );
    expect(sql).toContain('subject IN ($subjects_1, $subjects_2)');
    expect(parameters).toMatchObject({ team: 'payments', subjects_1: 'a', subjects_2: 'b', since_ymd: '2023-01-01' });
    expect(ask(question, new Map([['team', 'x']])).sql).not.toContain('subjects');
    expect(() => ask(question, new Map())).toThrow(/needs the parameter team: the team; add team=payments/);
    expect(() => findQuestion('team-denial', own)).toThrow(/did you mean team-denials/);
  });

  it('may have no more than a line of comment', () => {
    const [question] = ownQuestions(configOf(folder({ 'plain.sql': '-- all of\n-- them\nSELECT 1' })));
    expect(question).toMatchObject({ name: 'plain', summary: 'all of them', parameters: [] });
  });

  it('may be a single file', () => {
    const cwd = folder({ 'a.sql': '-- a\nSELECT 1', 'b.sql': '-- b\nSELECT 1' }, ['queries/b.sql']);
    expect(ownQuestions(configOf(cwd)).map(({ name }) => name)).toEqual(['b']);
  });

  it.each([
    ['of the name of a built-in one', 'decisions.sql', '-- x\nSELECT 1', /decisions\.sql: there is a built-in question decisions/],
    ['of a strange name', 'A b.sql', '-- x\nSELECT 1', /A b\.sql: the name of a question/],
    ['without a summary', 'x.sql', 'SELECT 1', /x\.sql: the first lines must say what it answers/],
    ['with a header that is no YAML', 'x.sql', '-- summary: [\nSELECT 1', /x\.sql: the lines of comment .* no YAML/],
    ['with an unknown key', 'x.sql', '-- summary: x\n-- parameter: {}\nSELECT 1', /x\.sql: parameter: is not known; did you mean parameters/],
    ['with an unknown type', 'x.sql', '-- summary: x\n-- parameters: { a: { type: string, description: a, example: a } }\nSELECT $a', /x\.sql: parameters\.a\.type: must be one of instant, text/],
    ['with an example that does not fit', 'x.sql', '-- summary: x\n-- parameters: { a: { type: number, description: a, example: many } }\nSELECT $a', /parameters\.a\.example: parameter a must be a whole number/],
    ['with a parameter that is not used', 'x.sql', '-- summary: x\n-- parameters: { a: { type: text, description: a, example: a } }\nSELECT 1', /parameters\.a: is not used: the SQL has no \$a/],
    ['with a value that no parameter gives', 'x.sql', '-- summary: x\n-- parameters: { team: { type: text, description: a, example: a } }\nSELECT $teem, $team', /the SQL has \$teem, .* did you mean \$team/],
  ])('%s is refused', (_what, name, text, message) => {
    expect(() => ownQuestions(configOf(folder({ [name]: text })))).toThrow(message);
  }); // biome-ignore format: a table

  it('is checked against the tables and columns of the configuration, views and promoted columns among them', async () => {
    const check = async (sql: string): Promise<void> => {
      const config = configOf(folder({ 'x.sql': `-- x\n${sql}` }));
      await checkOwnQuestions(config, ownQuestions(config));
    };
    await check('SELECT team, actor FROM audit_events JOIN opa_decisions ON actor = subject WHERE team IS NOT NULL');
    await expect(check('SELECT tem FROM opa_decisions')).rejects.toThrow(/question x: .*tem/);
    await expect(check('SELECT 1 FROM opa_decision')).rejects.toThrow(/question x: .*opa_decision/);
    await expect(check('DELETE FROM opa_decisions')).rejects.toThrow(/question x: only statements that read/);
    await expect(check('SELECT FROM WHERE')).rejects.toThrow(/question x: .*syntax/i);
  });
});

describe('the commands', () => {
  it('know a place that is none before anything is read', async () => {
    const { code, stderr } = await cli(['validate'], { cwd: folder({}, ['./nowhere']) });
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/queries.0.*neither a folder nor an \.sql file/),
    });
  });

  it('list, validate and complete them', async () => {
    const cwd = folder({ 'team-denials.sql': team });
    const list = await cli(['query', '--list', 'team-denials'], { cwd });
    expect(list.stdout).toMatch(
      /Of your own.*:\n\n {2}team-denials: who of a team was denied what\n {4}team {6}the team, required; such as payments/,
    );
    expect((await cli(['query', '--list'], { cwd })).stdout).toContain('team-denials');
    expect((await cli(['validate'], { cwd })).stdout).toMatch(/questions\n {2}team-denials +who of a team/);
    expect((await cli(['completion', 'fish'], { cwd })).stdout).toContain('team-denials');
    writeFileSync(join(cwd, 'queries', 'typo.sql'), '-- x\nSELECT subjekt FROM opa_decisions');
    const wrong = await cli(['validate'], { cwd });
    expect({ code: wrong.code, stderr: wrong.stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/question typo: .*subjekt/),
    });
  });
});
