/**
 * Every folder fixtures/<source>/<case> is a test: its input read by its source gives the expected rows, quarantine rows
 * and counts, whole and in chunks of awkward sizes. The format of a folder: fixtures/README.md.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ObjectError } from '../src/records/body/meter.ts';
import type { SourceType } from '../src/sources/registry.ts';
import { type Fixture, loadFixture, readFixture } from './support/fixture.ts';

const root = join(import.meta.dirname, '..', 'fixtures');
const chunkSizes = [Number.POSITIVE_INFINITY, 1, 61];

for (const type of ['opa', 'okera-audit'] satisfies SourceType[]) {
  describe(`fixtures of ${type}`, () => {
    for (const name of readdirSync(join(root, type)).sort()) {
      const fixture = loadFixture(type, join(root, type, name));
      test(`${name}: ${fixture.about}`, () => check(fixture));
    }
  });
}

async function check(fixture: Fixture): Promise<void> {
  for (const chunkSize of chunkSizes) {
    const reading = readFixture(fixture, chunkSize);
    if (fixture.expectedError) {
      const error = await reading.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(ObjectError);
      expect(error).toMatchObject(fixture.expectedError);
      continue;
    }
    const { rows, quarantine, counts } = await reading;
    expect(rows, `rows in chunks of ${chunkSize}`).toEqual(fixture.expectedRows);
    expect(quarantine, `quarantine in chunks of ${chunkSize}`).toEqual(fixture.expectedQuarantine);
    expect(counts).toEqual(fixture.expectedCounts);
  }
}
