/** Describes columns to the kernel as what rows are sorted by or told apart by (assembly/keys.ts). */
import type { ScalarData } from '../columns/batch.ts';
import { kindOf } from './columns.ts';
import { kernel, placeOf } from './kernel.ts';

export interface KeyData {
  readonly data: ScalarData;
  /** Longs and timestamps count in units of so many, rounded down. */
  readonly unit?: bigint | undefined;
}

/** Makes these the keys that the kernel goes by, until it is given others. */
export function setKeys(keys: readonly KeyData[]): void {
  const { call } = kernel();
  call.clearKeys();
  for (const { data, unit = 0n } of keys) {
    if (data.nullCount === data.length) {
      call.addKey(-1, 0, 0, 0, 0, 0, unit);
      continue;
    }
    const valid = placeOf(data.valid);
    if (data.kind === 'fixed') {
      call.addKey(kindOf(data.type), valid, placeOf(data.values), 0, 0, 0, unit);
      continue;
    }
    const { codes, entries, offsets, bytes } = data;
    call.addKey(kindOf('string'), valid, placeOf(codes), placeOf(offsets), placeOf(bytes), entries, unit);
  }
}
