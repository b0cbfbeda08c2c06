/**
 * Many records through one writer. It remembers keys, dictionary codes and days from record to record, its builders are
 * cleared between batches and turn from coded to plain: none of this may show in a row.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { propertyRuns } from '../../support/thorough.ts';
import { mutate, mutations, records } from './arbitraries.ts';
import { BothPaths } from './both-paths.ts';
import { sources } from './promotions.ts';

const uris = [
  's3://b/eopa=e1/first_ts=1/last_ts=2/batch_id=b.jsonl',
  's3://b/tenant=t/worker-10.1.2.3-0-u_audit.log',
  '',
];

const step = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('record') },
    { weight: 3, arbitrary: fc.constant('slowly') },
    { weight: 2, arbitrary: fc.constant('again') },
    { weight: 2, arbitrary: fc.constant('mutated') },
    { weight: 3, arbitrary: fc.constant('long') },
    { weight: 1, arbitrary: fc.constant('clear') },
    { weight: 1, arbitrary: fc.constant('open') },
  ),
  pick: fc.nat(),
  changes: mutations,
});

/** The id of a record replaced, so that it is no duplicate. */
const renamed = (record: string, n: number): string =>
  record.replace(/("(?:decision_id|request_id)":\s*)"(?:[^"\\]|\\.)*"/, `$1"id:${n}"`);

/** The same with a long text of its own wherever a short one was: dictionaries fill up by bytes. */
const lengthened = (record: string, n: number): string =>
  record.replace(/:(\s*)"(?!20|id:)([^"\\]*)"/g, `:$1"${n}${'long '.repeat(6000)}"`);

for (const type of ['opa', 'okera-audit'] as const) {
  test(`${type}: very different records, both paths into one buffer, and batches between`, () => {
    const seen = { fast: 0, slow: 0, duplicate: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(...sources[type].values()),
        fc.array(records[type], { minLength: 1, maxLength: 6 }),
        fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
        (source, pool, steps) => {
          const both = new BothPaths(source);
          for (const [n, { kind, pick, changes }] of steps.entries()) {
            const record = pool[pick % pool.length]!;
            if (kind === 'clear') both.clear();
            else if (kind === 'open') both.open(uris[pick % uris.length]!);
            else if (kind === 'again') both.take(record);
            else if (kind === 'mutated') both.take(mutate(renamed(record, n), changes));
            else
              both.take(kind === 'long' ? lengthened(renamed(record, n), n) : renamed(record, n), {
                slowly: kind === 'slowly',
              });
          }
          both.clear();
          for (const key of ['fast', 'slow', 'duplicate'] as const) seen[key] += both.counts[key];
        },
      ),
      { numRuns: propertyRuns(60) },
    );
    expect(Math.min(seen.fast, seen.slow, seen.duplicate)).toBeGreaterThan(0);
  });
}

const decision = (n: number, subject: string, more = ''): string =>
  `{"decision_id":"d-${n}","timestamp":"2023-07-1${n % 3}T17:01:42Z","input":{"subject":"${subject}","n":${n}},"labels":{"id":"i","team":"${subject}"},"result":{"allowed":true,"roles":["${subject}","r"]}${more}}`;

test.each([0, 1, 2, 3, 4, 5, 6])(
  'columns turn plain while their codes are still remembered, by record %i of 7',
  (turn) => {
    const both = new BothPaths(sources.opa.get('through and below columns that exist')!);
    const subject = (n: number): string => (n % 4 === 1 ? 'again' : `${n}${'long '.repeat(1600)}`);
    // A column is given up for its bytes in one of these rows, on either path; what comes again was remembered before.
    for (let n = 0; n < 250; n++) both.take(decision(n, subject(n)), { slowly: n % 7 === turn });
    both.clear();
    for (let n = 1000; n < 1020; n++) both.take(decision(n, subject(n)), { slowly: n % 7 === turn });
    both.clear();
    expect(both.counts).toMatchObject({
      quarantine: 0,
      duplicate: 0,
      slow: expect.toSatisfy((slow: number) => slow < 45),
    });
  },
);

test('columns turn plain by the number of their values', () => {
  const both = new BothPaths(sources.opa.get('none')!);
  for (let n = 0; n < 17_000; n++) {
    both.take(`{"decision_id":"d-${n}","timestamp":"2023-07-11T17:01:42Z"}`, { slowly: n % 7 === 3 });
  }
  both.clear();
  expect(both.counts).toMatchObject({ quarantine: 0, duplicate: 0 });
});

test('columns that stop and start again after hundreds of rows', () => {
  const both = new BothPaths(sources.opa.get('none')!);
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 700; n++) {
      const id = round * 1000 + n;
      if (n % 300 < 5) both.take(decision(id, 's', ',"error":"e","erased":["/input/x"],"metrics":{"m":1}'));
      else both.take(`{"decision_id":"d-${id}","timestamp":"2023-07-11T17:01:42Z"}`, { slowly: n % 2 === 0 });
    }
    both.clear();
  }
  expect(both.counts).toMatchObject({ quarantine: 0, duplicate: 0 });
});
