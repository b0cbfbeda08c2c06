/**
 * Every folder of fixtures/reference and fixtures/okera-identities is a test: its input gives the expected rows,
 * quarantine rows and counts, whole and in chunks of awkward sizes. The format of a folder: fixtures/README.md.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sideSource } from '../../src/config/sources.ts';
import { openBody } from '../../src/records/decompress.ts';
import { quarantineRow } from '../../src/records/quarantine.ts';
import { dayOfMillis } from '../../src/records/time.ts';
import type { SideSourceType } from '../../src/sources/config.ts';
import { readSideRecords } from '../../src/sources/reference/read.ts';
import { createSideSource } from '../../src/sources/side.ts';
import { quarantine as quarantineTable } from '../../src/tables/quarantine.ts';
import { defaultLimits, inChunks, plainRow } from '../support/fixture.ts';

const root = join(import.meta.dirname, '../../fixtures');
const locations = { reference: 's3://audit-logs/', 'okera-identities': 's3://audit-logs/identities/' } as const;

for (const type of ['reference', 'okera-identities'] satisfies SideSourceType[]) {
  describe(`fixtures of ${type}`, () => {
    for (const name of readdirSync(join(root, type)).sort()) {
      const folder = join(root, type, name);
      const { about } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
      test(`${name}: ${about}`, async () => {
        for (const chunkSize of [Number.POSITIVE_INFINITY, 1, 61]) {
          const { rows, quarantine } = await read(type, folder, chunkSize);
          expect(rows, `rows in chunks of ${chunkSize}`).toEqual(lines(folder, 'expected.jsonl'));
          const expected = lines(folder, 'expected-quarantine.jsonl');
          expect(quarantine, `quarantine in chunks of ${chunkSize}`).toEqual(expected);
          expect({
            records: rows.length + quarantine.length,
            rows: rows.length,
            quarantined: quarantine.length,
          }).toEqual(JSON.parse(readFileSync(join(folder, 'expected-counts.json'), 'utf8')));
        }
      });
    }
  });
}

async function read(type: SideSourceType, folder: string, chunkSize: number) {
  const {
    key,
    lastModified: changed,
    source: keys,
    limits: own,
  } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
  const limits = { ...defaultLimits, ...own };
  const [uri, lastModified] = [`s3://audit-logs/${key}`, Date.parse(changed)];
  const config = sideSource(
    { name: 'fixture', type, location: '', columns: {}, ...keys },
    locations[type],
    [],
    (_, message) => {
      throw new Error(message);
    },
  );
  const table = createSideSource(config).tableOf(uri, config.location);
  if (table === undefined) throw new Error(`${uri} belongs to no table`);
  const input = readFileSync(join(folder, readdirSync(folder).find((file) => file.startsWith('input.'))!));
  const rows: unknown[] = [];
  const quarantine: unknown[] = [];
  for await (const records of readSideRecords(openBody(inChunks(input, chunkSize), limits), table, limits)) {
    for (const { frame, outcome } of records) {
      if (Array.isArray(outcome)) {
        const values = [...outcome, dayOfMillis(lastModified), uri, BigInt(frame.offset)];
        rows.push(plainRow(table.declaration, values));
      } else {
        const context = { sourceType: type, uri, facts: { relevant: true, columns: {} }, lastModified };
        quarantine.push(plainRow(quarantineTable, quarantineRow(context, frame, outcome)));
      }
    }
  }
  return { rows, quarantine };
}

const lines = (folder: string, file: string): unknown[] =>
  existsSync(join(folder, file))
    ? readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
