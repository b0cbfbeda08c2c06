/** The columns that rows are compared by, or told apart by, as the host describes them: where the arrays of each are. */
import { Kind_String } from './codes';
import { grown } from './memory';

@unmanaged
export class Key {
  /** `Kind_…`, none of them nested; -1 where all rows are null. */
  kind: i32;
  /** A byte per row, 1 where it holds a value; 0: all do. */
  valid: usize;
  /** Numbers, or the codes of strings that have a dictionary, else 0. */
  values: usize;
  offsets: usize;
  text: usize;
  entries: i32;
  /** By code, the place of the entry among all in order (sort.ts). */
  ranks: usize;
  /** Longs count in units of so many, rounded down; 0 as they are. */
  unit: i64;
}

let list: usize = 0;
export let keyCount: i32 = 0;

export function clearKeys(): void {
  keyCount = 0;
}

export function addKey(
  kind: i32,
  valid: usize,
  values: usize,
  offsets: usize,
  text: usize,
  entries: i32,
  unit: i64,
): void {
  const size = <i32>offsetof<Key>();
  list = grown(list, keyCount * size, (keyCount + 1) * size);
  keyCount++;
  const key = keyAt(keyCount - 1);
  key.kind = kind;
  key.valid = valid;
  key.values = values;
  key.offsets = offsets;
  key.text = text;
  key.entries = entries;
  key.ranks = 0;
  key.unit = unit;
}

export function keyAt(index: i32): Key {
  return changetype<Key>(list + <usize>index * offsetof<Key>());
}

export function isNull(key: Key, row: i32): bool {
  return key.kind < 0 || (key.valid !== 0 && load<u8>(key.valid + row) === 0);
}

/** Of a string: where its offsets are. */
export function offsetsAt(key: Key, row: i32): usize {
  const entry = key.values === 0 ? row : load<i32>(key.values + ((<usize>row) << 2));
  return key.offsets + ((<usize>entry) << 2);
}

export function isText(key: Key): bool {
  return key.kind === Kind_String;
}
