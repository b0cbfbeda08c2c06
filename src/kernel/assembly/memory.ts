/**
 * The memory of the kernel: blocks of 2^k bytes. A block that is given back waits for the next one of its size, so the
 * columns of one batch become those of the next without a page that the machine has to find again. The first bytes of a
 * block say how large it is; what nobody has written to costs nothing.
 */
import { brokenMemory, outOfMemory } from './host';

/** In front of a block; places handed out are multiples of it. */
const header: i32 = 16;
/** Behind what was asked for: whole words may be read and written past the end of a value. */
export const slack: i32 = 16;
const page: i32 = 4096;
const leastClass: i32 = 7;
const mostClass: i32 = 30;

/** By class: the first free block, which holds the place of the next. */
const free: usize = memory.data(32 * 4, 16);
let top: usize = (__heap_base + 15) & ~15;

/** Room for at least `bytes`, whatever stands there. */
export function allocate(bytes: i32): usize {
  const needed = bytes + header + slack;
  const size = max(leastClass, 32 - clz(needed - 1));
  if (bytes < 0 || size > mostClass) outOfMemory(bytes);
  let block = load<usize>(free + ((<usize>size) << 2));
  if (block !== 0) {
    if (load<i32>(block) !== size) brokenMemory();
    store<usize>(free + ((<usize>size) << 2), load<usize>(block + 4));
  } else {
    block = top;
    const after = <u64>top + ((<u64>1) << size);
    if (after > (<u64>memory.size()) << 16) outOfMemory(bytes);
    top = <usize>after;
    store<i32>(block, size);
  }
  return block + header;
}

/** The same, filled with zeros as far as `bytes`. */
export function allocateZeros(bytes: i32): usize {
  const place = allocate(bytes);
  memory.fill(place, 0, bytes);
  return place;
}

/** How far blocks reach: what was never part of one has never been written to. */
export function memoryTop(): usize {
  return top;
}

/** Takes a block back; 0 is none. */
export function release(place: usize): void {
  if (place === 0) return;
  const block = place - header;
  const size = load<i32>(block);
  if (size < leastClass || size > mostClass) brokenMemory();
  const list = free + ((<usize>size) << 2);
  store<usize>(block + 4, load<usize>(list));
  store<usize>(list, block);
}

/** How many bytes a block has room for; 0 for none. */
export function room(place: usize): i32 {
  return place === 0 ? 0 : (1 << load<i32>(place - header)) - header - slack;
}

/**
 * A block with room for `bytes` and the first `used` bytes of `place`, which is given back if it is another. What grows
 * past a page gets room for eight times as much, while there is plenty: that costs nothing before it is written to, and
 * every move less is a copy less and a block less that stays behind.
 */
export function grown(place: usize, used: i32, bytes: i32): usize {
  if (bytes <= room(place)) return place;
  const isRoomy = place !== 0 && bytes >= page && (<u64>top + ((<u64>bytes) << 4)) << 1 < (<u64>memory.size()) << 16;
  const larger = allocate(isRoomy ? bytes << 3 : bytes);
  if (place !== 0) {
    memory.copy(larger, place, used);
    release(place);
  }
  return larger;
}
