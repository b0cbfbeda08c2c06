/**
 * Records that were wrapped in envelopes in envelopes, cut in pieces at any place and written by several containers in
 * turn, are the rows that their bare lines would be: each once, in the order of its container.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyCharacter } from '../../support/any-character.ts';
import { propertyRuns } from '../../support/thorough.ts';
import { decisionOf, ownLine, readObject } from './read.ts';

const json = JSON.stringify;

/** What the pieces of one line become, a line each; `container` names who wrote it, `n` the line. */
type Shipper = (pieces: readonly string[], container: string, n: number) => string[];

const isLast = (i: number, all: readonly unknown[]): boolean => i === all.length - 1;

const shippers: Readonly<Record<string, Shipper>> = {
  docker: (pieces, attrs) =>
    pieces.map((log, i) => json({ log: isLast(i, pieces) ? `${log}\n` : log, stream: 'stderr', attrs: { attrs } })),
  cri: (pieces) => pieces.map((piece, i) => `2026-11-28T10:00:00.1Z stderr ${isLast(i, pieces) ? 'F' : 'P'} ${piece}`),
  'fluent-bit': (pieces, pod_name) =>
    pieces.map((log, i) =>
      json({ time: 't', logtag: isLast(i, pieces) ? 'F' : 'P', log, kubernetes: { pod_name, container_name: 'opa' } }),
    ),
  firelens: (pieces, container_id, n) =>
    pieces.map((log, i) =>
      json({
        ...{ container_id, log, source: 'stderr' },
        ...(pieces.length > 1 && {
          ...{ partial_message: 'true', partial_id: `${container_id}-${n}` },
          ...{ partial_ordinal: String(i + 1), partial_last: String(isLast(i, pieces)) },
        }),
      }),
    ),
};

/** Envelopes around lines that are envelopes already; a line of a container each. */
type Outer = (line: string, container: string) => string;

const outers: readonly Outer[] = [
  (line) => line,
  (message, host) => json({ host, message, source_type: 'file' }),
  (line, tag) => json({ tag, event: line }),
  (message, logStream) =>
    json({
      ...{ messageType: 'DATA_MESSAGE', logGroup: 'g', logStream },
      logEvents: [{ id: '1', timestamp: 1, message }],
    }),
  (line, host) => json({ resource: { host }, body: { stringValue: line } }),
];

/** Texts that readers by pattern take for something else. */
const misleading = fc.constantFrom(
  'heidi 2026-11-28T10:00:00Z stderr F x',
  'ivan{"log":1}',
  json(decisionOf('inner')),
  '{"message":"{\\"decision_id\\":\\"x\\"}"}',
  '\\n\\u0000 } {',
);
const input = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.dictionary(fc.oneof(fc.string(), misleading), fc.oneof(fc.string({ unit: anyCharacter }), misleading)),
);

interface Line {
  readonly input: unknown;
  /** Where it is cut, as shares of its length. */
  readonly cuts: readonly number[];
  readonly isOwn: boolean;
}
const line: fc.Arbitrary<Line> = fc.record({
  input,
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  isOwn: fc.boolean(),
});

/** Between characters: runtimes cut bytes, and what they cut through a character they write as U+FFFD, which nobody can undo. */
function cutAt(text: string, cuts: readonly number[]): string[] {
  const betweenCharacters = (at: number): number => (/^[\udc00-\udfff]/.test(text.slice(at, at + 1)) ? at + 1 : at);
  const places = [...new Set(cuts.map((share) => betweenCharacters(1 + Math.floor(share * (text.length - 2)))))].sort(
    (a, b) => a - b,
  );
  return [0, ...places].map((at, i) => text.slice(at, places[i] ?? text.length));
}

const container = fc.record({
  shipper: fc.constantFrom(...Object.keys(shippers)),
  lines: fc.array(line, { minLength: 1, maxLength: 5 }),
});

test('wrapped, cut and by turns is as bare', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...outers),
      fc.array(container, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(2), { maxLength: 60 }),
      async (outer, containers, turns) => {
        const bare: string[][] = containers.map(() => []);
        const streams = containers.map(({ shipper, lines }, c) => {
          // The runtime's prefix names nobody: containers behind the same outer name would be one stream.
          const name = `container-${c}`;
          return lines.flatMap(({ input: value, cuts, isOwn }, n) => {
            const text = isOwn ? ownLine : json(decisionOf(`${c}-${n}`, value));
            if (!isOwn) bare[c]!.push(text);
            return shippers[shipper]!(cutAt(text, isOwn ? [] : cuts), name, n).map((one) => outer(one, name));
          });
        });
        const isNamed = outer !== outers[0];
        const mixed = isNamed ? inTurn(streams, turns) : streams.flat();
        const expected = await readObject(bare.flat().join('\n'));
        const read = await readObject(mixed.join('\n'));
        expect(read.quarantined).toEqual([]);
        expect(sorted(read.rows)).toEqual(sorted(expected.rows));
        for (const c of containers.keys())
          expect(read.rows.filter(([id]) => id.startsWith(`${c}-`))).toEqual(
            expected.rows.filter(([id]) => id.startsWith(`${c}-`)),
          );
      },
    ),
    { numRuns: propertyRuns(150) },
  );
});

/** Lines of several streams, each in its order. */
function inTurn(streams: readonly (readonly string[])[], turns: readonly number[]): string[] {
  const rest = streams.map((lines) => [...lines]);
  const mixed: string[] = [];
  for (const turn of turns) mixed.push(...(rest[turn % rest.length]?.splice(0, 1) ?? []));
  return [...mixed, ...rest.flat()];
}

const sorted = (rows: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] =>
  [...rows].sort(([a], [b]) => (a > b ? 1 : -1));
