/** Whole objects, framed and read with and without the fast path: the same rows, the same outcome for each record. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openBody } from '../../../src/records/decompress.ts';
import { LOOKAHEAD_BYTES } from '../../../src/records/frame/detect.ts';
import { createSource } from '../../../src/sources/index.ts';
import type { SourceType } from '../../../src/sources/registry.ts';
import type { Source } from '../../../src/sources/source.ts';
import { inChunks, loadFixture } from '../../support/fixture.ts';
import { propertyRuns, someOf } from '../../support/thorough.ts';
import { mutate, mutations, records } from './arbitraries.ts';
import { bothWays, readObject } from './objects.ts';
import { sources } from './promotions.ts';

const junk = [
  '',
  '{}',
  '   ',
  '\r',
  'no JSON',
  '[1]',
  '{"truncated":',
  '\ufeff',
  '\0',
  '{"level":"info","msg":"Received request.","time":"2023-07-11T17:01:42Z"}',
  '{"log":"{\\"decision_id\\":\\"in\\",\\"timestamp\\":\\"2023-07-11T17:01:42Z\\"}\\n","stream":"stderr"}',
  '{"log":"{\\"decision_id\\":\\"cut","stream":"stderr"}',
  '{"event":{"decision_id":"e","timestamp":"2023-07-11T17:01:42Z"},"time":1}',
  '2023-07-11T17:01:42Z stdout P {"decision_id":"c","timest\n2023-07-11T17:01:42Z stdout F amp":"2023-07-11T17:01:42Z"}',
  'OPAL | INFO | Decision Log {"decision_id":"o","timestamp":"2023-07-11T17:01:42Z"}',
  'I0905 16:19:02.267323   228 impala-server.cc:679] Audit.log: {"request_id":"a:b","request_time":"2020-10-30 10:05:01"}',
];
/** Of UTF-16, which the rest is not. */
const strayMark = Buffer.from([0xff, 0xfe, 0x0a]);
const lineEnd = fc.oneof(
  { weight: 6, arbitrary: fc.constant('\n') },
  { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n\n', ' ', '', ' \n\t', ',', '\n]\n[') },
);
/** So much that all that follows is lines, whatever it looks like, and is not held until the end. */
const blankLines = Buffer.alloc(LOOKAHEAD_BYTES, '\n');
const sizes = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 600 }));

for (const type of ['opa', 'okera-audit'] as const satisfies SourceType[]) {
  test(`${type}: records, junk and changed bytes in any order and framing, in chunks of any size`, async () => {
    const line = fc.oneof(
      { weight: 6, arbitrary: records[type].map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: fc.tuple(records[type], mutations).map((mutated) => mutate(...mutated)) },
      { weight: 1, arbitrary: fc.constantFrom(...junk).map((text) => Buffer.from(text)) },
    );
    let certain = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources[type].values()),
        fc.constantFrom(
          ...['', '', '\ufeff', '\n', '[', ' ', '[{\n'].map((text) => Buffer.from(text)),
          strayMark,
          blankLines,
        ),
        fc.array(fc.tuple(line, lineEnd), { maxLength: 12 }),
        sizes,
        async (source, head, lines, size) => {
          const parts = lines.flatMap(([bytes, end]) => [bytes, Buffer.from(end)]);
          const least = head === blankLines ? 60 : 1;
          certain += (await bothWays(source, Buffer.concat([head, ...parts]), Math.max(size, least))).certain;
        },
      ),
      { numRuns: propertyRuns(120) },
    );
    expect(certain).toBeGreaterThan(0);
  });
}

for (const type of ['opa', 'okera-audit'] as const satisfies SourceType[]) {
  test(`${type}: elements of arrays, and values one behind the other, printed or not`, async () => {
    const list = fc
      .tuple(fc.array(fc.oneof(records[type], fc.constantFrom('{}', 'no JSON')), { maxLength: 4 }))
      .map(([messages]) => {
        const logEvents = messages.map((message, i) => ({ id: `${i}`, timestamp: 1_689_094_902_000, message }));
        return JSON.stringify({ messageType: 'DATA_MESSAGE', owner: '1', logGroup: 'g', logStream: 's', logEvents });
      });
    const printed = records[type].map((text) => {
      try {
        return JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        return text;
      }
    });
    const value = fc.oneof(
      { weight: 8, arbitrary: fc.oneof(records[type], printed).map((text) => Buffer.from(text)) },
      { weight: 1, arbitrary: list.map((text) => Buffer.from(text)) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('null', '17', '"text"', '[]', '[{}]', ...junk).map((text) => Buffer.from(text)),
      },
      { weight: 1, arbitrary: fc.tuple(records[type], mutations).map((mutated) => mutate(...mutated)) },
    );
    const between = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('', '\n', ' ', '\r\n  ') },
      { weight: 1, arbitrary: fc.constantFrom('\u001e', '\0', '\ufeff', ',', '][', ']\n[', '\n[INFO] text\n') },
    );
    let certain = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...sources[type].values()),
        fc.boolean(),
        fc.array(fc.tuple(value, between, between), { maxLength: 8 }),
        fc.boolean(),
        sizes,
        async (source, isArray, values, isWhole, size) => {
          const parts = values.flatMap(([bytes, before, behind], i) => [
            Buffer.from(isArray && i > 0 ? `${before},${behind}` : before),
            bytes,
          ]);
          const [open, close] = isArray ? ['[', isWhole ? ']' : ''] : ['', isWhole ? '\n' : ''];
          const object = Buffer.concat([Buffer.from(open), ...parts, Buffer.from(close)]);
          certain += (await bothWays(source, object, size)).certain;
        },
      ),
      { numRuns: propertyRuns(150) },
    );
    expect(certain).toBeGreaterThan(0);
  });
}

const root = join(import.meta.dirname, '../../../fixtures');
const fixtures = (['opa', 'okera-audit'] as const)
  .flatMap((type) =>
    readdirSync(join(root, type)).map((name) => ({ name, ...loadFixture(type, join(root, type, name)) })),
  )
  .filter(({ expectedError }) => expectedError === undefined);

test.each(fixtures)('fixture $type $name', async ({ type, columns, mapping, limits, input, uri }) => {
  const read = (source: Source, size: number, isFast: boolean) =>
    readObject(source, uri, openBody(inChunks(input, size), limits), limits, isFast);
  const others = someOf([...sources[type].values()], 3);
  for (const source of [createSource(type, columns, limits, mapping), ...others]) {
    const slow = await read(source, Number.POSITIVE_INFINITY, false);
    for (const size of [Number.POSITIVE_INFINITY, 97]) {
      expect({ ...(await read(source, size, true)), certain: 0 }).toEqual(slow);
    }
  }
});

const cutRecord = [
  '{"decision_id":"cut","timest',
  'amp":"2023-07-11T17:01:42Z","input":{"subject":"carol"}}\n',
] as const;
const dockerPiece = (log: string): string => JSON.stringify({ log, stream: 'stderr', time: '2023-07-11T17:01:42Z' });

test.each([
  ['Docker', cutRecord.map(dockerPiece)],
  ['CRI-O', cutRecord.map((piece, i) => `2023-07-11T17:01:42Z stderr ${'PF'[i]} ${piece.trimEnd()}`)],
  ['FireLens', cutRecord.map((log, i) => JSON.stringify({ source: 'stdout', log, partial_last: String(i === 1) }))],
])('a record in pieces of %s, whose chunks stand in the same place', async (_, [first, last]) => {
  const [source] = sources.opa.values();
  const before = Buffer.concat([blankLines, Buffer.from(`${first}\n`)]);
  const bytes = Buffer.concat([before, Buffer.from(`${last}\n`)]);
  const { rows } = await bothWays(source!, bytes, before.length);
  expect(rows).toHaveLength(1);
});
