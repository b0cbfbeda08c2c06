/** Describes columns to the kernel as what rows are sorted by or told apart by (assembly/keys.ts). */
import type { ScalarData } from '../columns/batch.ts';
import { kindOf } from './columns.ts';
import type { KernelAddresses } from './copies.ts';
import { kernel } from './kernel.ts';

export interface KeyData {
  readonly data: ScalarData;
  /** Longs and timestamps count in units of so many, rounded down. */
  readonly unit?: bigint | undefined;
}

/** Makes these the keys that the kernel goes by, until it is given others. Copies what it cannot see into `places`. */
export function setKeys(keys: readonly KeyData[], places: KernelAddresses): void {
  const { call } = kernel();
  call.clearKeys();
  for (const { data, unit = 0n } of keys) {
    const { length } = data;
    if (data.nullCount === length) {
      call.addKey(-1, 0, 0, 0, 0, 0, unit);
      continue;
    }
    const valid = places.of(data.valid, length);
    if (data.kind === 'fixed') {
      const values = places.of(data.values, length * data.values!.BYTES_PER_ELEMENT);
      call.addKey(kindOf(data.type), valid, values, 0, 0, 0, unit);
      continue;
    }
    const { codes, entries, offsets, bytes } = data;
    const values = places.of(codes, length * 4);
    call.addKey(
      kindOf('string'),
      valid,
      values,
      places.of(offsets, entries * 4 + 4),
      places.of(bytes, bytes.length),
      entries,
      unit,
    );
  }
}
