import { describe, expect, it } from 'vitest';
import { mentionedNames } from '../../src/sql/mentioned-tables.ts';

const names = ['opa_decisions', 'quarantine', 'users', 'Odd Name'];

describe('no table that a statement reads is missed', () => {
  it.each([
    ['SELECT * FROM opa_decisions', ['opa_decisions']],
    ['select * from OPA_DECISIONS d join "quarantine" q using (ymd)', ['opa_decisions', 'quarantine']],
    ['FROM users', ['users']],
    ['SELECT * FROM main.users', ['users']],
    ['SELECT * FROM "Odd Name"', ['Odd Name']],
    ['SELECT 1 FROM(users)', ['users']],
    [`SELECT 'it''s' FROM users`, ['users']],
    [`SELECT e'it\\'s' FROM users`, ['users']],
    ['SELECT a$b$c FROM users', ['users']],
    ['SELECT $from FROM users WHERE a = $to', ['users']],
    ['/* a */ SELECT 1 -- b\nFROM users', ['users']],
    ['SELECT $$ text $$ FROM users', ['users']],
    [`SELECT $ü1$ it's $ü1$ FROM users`, ['users']],
    ['SELECT 1 -- b\rFROM users', ['users']],
  ])('%s', (sql, expected) => {
    expect(mentionedNames(sql, names)).toEqual(expected);
  });
});

describe('what only looks like a name is stepped over', () => {
  it.each([
    [`SELECT 'users'`],
    ['SELECT 1 -- users'],
    ['SELECT /* users */ 1'],
    ['SELECT $tag$ users $tag$'],
    ['SELECT $tag1$ users $tag1$'],
    ['SELECT my_users, users2'],
  ])('%s', (sql) => {
    expect(mentionedNames(sql, names)).toEqual([]);
  });
});
