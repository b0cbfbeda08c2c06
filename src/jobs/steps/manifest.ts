/** A manifest: units as lines of JSON. Small enough for memory: a unit names its objects by the claim that has them. */
import { UsageError } from '../../config/errors.ts';
import { parseUnit, type Unit } from './unit.ts';

const mostLineBytes = 64 << 10;

export const unitLine = (unit: Unit): string => `${JSON.stringify(unit)}\n`;

/** The units of a manifest, line by line as they come in. Throws UsageError for anything else. */
export async function* readUnits(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Unit> {
  for await (const line of lines(chunks)) if (line.trim() !== '') yield parseUnit(line);
}

/** Unit number `wanted` of a manifest. */
export async function readUnit(chunks: AsyncIterable<Uint8Array>, wanted: number): Promise<Unit> {
  for await (const unit of readUnits(chunks)) if (unit.unit === wanted) return unit;
  throw new UsageError(`the manifest has no unit ${wanted}`);
}

async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let start = 0;
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      yield rest.toString('utf8', start, end);
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > mostLineBytes) throw new UsageError('a line of the manifest is too long for a unit');
  }
  yield rest.toString('utf8');
}
