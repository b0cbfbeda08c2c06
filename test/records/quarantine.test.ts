import { expect, test } from 'vitest';
import { reject } from '../../src/records/parse.ts';
import { PAYLOAD_BYTES, quarantineRow } from '../../src/records/quarantine.ts';
import { quarantine } from '../../src/tables/quarantine.ts';

const context = {
  sourceType: 'opa' as const,
  uri: 's3://b/k',
  facts: { relevant: true, columns: {} },
  lastModified: Date.UTC(2023, 6, 13, 23, 59),
};
const rejection = reject('malformed_json', '', 'd');

function row(bytes: Buffer, more: object = {}, facts: object = {}): Record<string, unknown> {
  const values = quarantineRow({ ...context, ...facts }, { bytes, offset: 7 }, { ...rejection, ...more });
  return Object.fromEntries(quarantine.columns.map(({ name }, i) => [name, values[i]]));
}
const text = (value: unknown): string => Buffer.from(value as Uint8Array).toString();

test('the payload is the record, as text or base64', () => {
  expect(row(Buffer.from('{é'))).toMatchObject({
    payload_encoding: 'utf-8',
    payload_bytes: 3n,
    payload_truncated: false,
  });
  expect(text(row(Buffer.from('{é')).payload)).toBe('{é');
  expect(row(Buffer.from([0x7b, 0xff]))).toMatchObject({
    payload_encoding: 'base64',
    payload: 'e/8=',
    payload_bytes: 2n,
  });
});

test('a long payload is cut at 64 KiB, never inside of a character', () => {
  const long = Buffer.from(`x${'é'.repeat(PAYLOAD_BYTES)}`);
  const cut = row(long);
  expect(cut).toMatchObject({ payload_encoding: 'utf-8', payload_truncated: true, payload_bytes: BigInt(long.length) });
  expect(text(cut.payload)).toBe(`x${'é'.repeat(PAYLOAD_BYTES / 2 - 1)}`);
  const binary = row(Buffer.alloc(PAYLOAD_BYTES + 1, 0xff));
  expect(binary).toMatchObject({ payload_encoding: 'base64', payload_truncated: true });
  expect(Buffer.from(binary.payload as string, 'base64').length).toBe(PAYLOAD_BYTES);
});

test('a record that the framer cut has its full size', () => {
  const values = quarantineRow(
    context,
    { bytes: Buffer.from('head'), offset: 0, tooLarge: { length: 1e9 } },
    rejection,
  );
  const at = (name: string): unknown => values[quarantine.columns.findIndex((column) => column.name === name)];
  expect(at('payload_bytes')).toBe(1_000_000_000n);
  expect(at('payload_truncated')).toBe(true);
});

test("the day is the record's own, else that of the key, else that of the object", () => {
  const facts = { facts: { relevant: true, columns: {}, range: [Date.UTC(2023, 6, 11, 17), Date.UTC(2023, 6, 12)] } };
  expect(row(Buffer.from('x'), { eventTime: 0n }, facts).ymd).toBe('1970-01-01');
  expect(row(Buffer.from('x'), {}, facts).ymd).toBe('2023-07-11');
  expect(row(Buffer.from('x')).ymd).toBe('2023-07-13');
});
