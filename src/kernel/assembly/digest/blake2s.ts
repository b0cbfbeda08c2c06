/**
 * BLAKE2s-256 without a key (RFC 7693) of many texts, four at a time: each lane of the vectors is a text of its own, and
 * takes the next one as soon as its own is at an end.
 */

const blockBytes: i32 = 64;
const digestBytes: i32 = 32;

/** RFC 7693, section 2.6. */
const iv: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
/** Section 2.5, the first parameter word: 32 bytes of digest, no key, no tree. */
const parameters: u32 = 0x01010020;
/** Section 2.7: for each round the order of the message words, as places of their vectors, 16 bytes each. */
const sigma: usize = memory.data<u8>([
  0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 224, 160, 64, 128, 144, 240, 208, 96, 16, 192,
  0, 32, 176, 112, 80, 48, 176, 128, 192, 0, 80, 32, 240, 208, 160, 224, 48, 96, 112, 16, 144, 64, 112, 144, 48, 16,
  208, 192, 176, 224, 32, 96, 80, 160, 64, 0, 240, 128, 144, 0, 80, 112, 32, 64, 160, 240, 224, 16, 176, 192, 96, 128,
  48, 208, 32, 192, 96, 160, 0, 176, 128, 48, 64, 208, 112, 80, 240, 224, 16, 144, 192, 80, 16, 240, 224, 208, 64, 160,
  0, 112, 96, 48, 144, 32, 128, 176, 208, 176, 112, 224, 192, 16, 48, 144, 80, 0, 240, 64, 128, 96, 32, 160, 96, 240,
  224, 144, 176, 48, 0, 128, 192, 32, 208, 112, 16, 64, 160, 80, 160, 32, 128, 64, 112, 96, 16, 80, 240, 176, 144, 224,
  48, 192, 208, 0,
]);
const rounds: i32 = 10;

/** A vector for each word of the chaining value, a lane for each text. */
const chain: usize = memory.data(8 * 16, 16);
/** The message words of one block of each text. */
const message: usize = memory.data(16 * 16, 16);
/** By lane: bytes hashed so far, all ones where the block is the last, the block; then the text's place, end and number. */
const counts: usize = memory.data(16, 16);
const isLast: usize = memory.data(16, 16);
const block: usize = memory.data(16, 16);
const at: usize = memory.data(16, 16);
const end: usize = memory.data(16, 16);
const text: usize = memory.data(16, 16);
/** Last blocks, filled up with zeros; idle lanes hash theirs over and over. */
const tails: usize = memory.data(4 * 64, 16);

/**
 * Digests of `count` texts that lie side by side from `start` on; `ends`: a word for each text, where it ends, counted from
 * `start`. Text i leaves its digest at target + 32 * i.
 */
export function digestTexts(start: usize, ends: usize, count: i32, target: usize): void {
  let next = 0;
  let open = 0;
  for (let lane: usize = 0; lane < 16; lane += 4) {
    store<i32>(text + lane, -1);
    store<usize>(block + lane, tails + (lane << 4));
  }
  do {
    for (let lane: usize = 0; lane < 16; lane += 4) {
      if (load<i32>(text + lane) < 0 && next < count) {
        store<i32>(text + lane, next);
        store<usize>(at + lane, next === 0 ? start : start + load<u32>(ends + ((<usize>next - 1) << 2)));
        store<usize>(end + lane, start + load<u32>(ends + ((<usize>next) << 2)));
        reset(lane);
        next++;
        open++;
      }
      if (load<i32>(text + lane) >= 0) feed(lane);
    }
    if (open === 0) return;
    compress();
    for (let lane: usize = 0; lane < 16; lane += 4) {
      const number = load<i32>(text + lane);
      if (number < 0 || load<i32>(isLast + lane) === 0) continue;
      finish(lane, target + <usize>number * digestBytes);
      store<i32>(text + lane, -1);
      open--;
    }
  } while (open > 0 || next < count);
}

function reset(lane: usize): void {
  for (let word: usize = 0; word < 8; word++) store<u32>(chain + (word << 4) + lane, load<u32>(iv + (word << 2)));
  store<u32>(chain + lane, load<u32>(iv) ^ parameters);
  store<i32>(counts + lane, 0);
}

/** The next block of a lane's text. */
function feed(lane: usize): void {
  const place = load<usize>(at + lane);
  const left = <i32>(load<usize>(end + lane) - place);
  const isEnd = left <= blockBytes;
  const bytes = isEnd ? left : blockBytes;
  store<i32>(isLast + lane, isEnd ? -1 : 0);
  store<i32>(counts + lane, load<i32>(counts + lane) + bytes);
  store<usize>(at + lane, place + bytes);
  if (bytes === blockBytes) {
    store<usize>(block + lane, place);
    return;
  }
  const tail = tails + (lane << 4);
  memory.fill(tail, 0, blockBytes);
  memory.copy(tail, place, bytes);
  store<usize>(block + lane, tail);
}

function finish(lane: usize, target: usize): void {
  for (let word: usize = 0; word < 8; word++) store<u32>(target + (word << 2), load<u32>(chain + (word << 4) + lane));
}

/** Four words of each of the four blocks, turned so that each vector has the same word of all. */
function gather(first: usize): void {
  const a = v128.load(load<usize>(block) + first);
  const b = v128.load(load<usize>(block, 4) + first);
  const c = v128.load(load<usize>(block, 8) + first);
  const d = v128.load(load<usize>(block, 12) + first);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const abHigh = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cdHigh = i32x4.shuffle(c, d, 2, 6, 3, 7);
  const target = message + (first << 2);
  v128.store(target, i64x2.shuffle(ab, cd, 0, 2));
  v128.store(target, i64x2.shuffle(ab, cd, 1, 3), 16);
  v128.store(target, i64x2.shuffle(abHigh, cdHigh, 0, 2), 32);
  v128.store(target, i64x2.shuffle(abHigh, cdHigh, 1, 3), 48);
}

function turn16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

function turn12(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 12), i32x4.shl(x, 20));
}

function turn8(x: v128): v128 {
  return i8x16.shuffle(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}

function turn7(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25));
}

function word(order: usize, index: usize): v128 {
  return v128.load(message + <usize>load<u8>(order + index));
}

/** Section 3.2, function F, of one block of each lane. */
function compress(): void {
  for (let first: usize = 0; first < 64; first += 16) gather(first);
  let v0 = v128.load(chain);
  let v1 = v128.load(chain, 16);
  let v2 = v128.load(chain, 32);
  let v3 = v128.load(chain, 48);
  let v4 = v128.load(chain, 64);
  let v5 = v128.load(chain, 80);
  let v6 = v128.load(chain, 96);
  let v7 = v128.load(chain, 112);
  let v8 = i32x4.splat(0x6a09e667);
  let v9 = i32x4.splat(0xbb67ae85);
  let v10 = i32x4.splat(0x3c6ef372);
  let v11 = i32x4.splat(0xa54ff53a);
  // Of the count of bytes the lower word alone: no text has 4 GiB.
  let v12 = v128.xor(i32x4.splat(0x510e527f), v128.load(counts));
  let v13 = i32x4.splat(0x9b05688c);
  let v14 = v128.xor(i32x4.splat(0x1f83d9ab), v128.load(isLast));
  let v15 = i32x4.splat(0x5be0cd19);
  for (let order = sigma, last = sigma + rounds * 16; order < last; order += 16) {
    v0 = i32x4.add(i32x4.add(v0, v4), word(order, 0));
    v1 = i32x4.add(i32x4.add(v1, v5), word(order, 2));
    v2 = i32x4.add(i32x4.add(v2, v6), word(order, 4));
    v3 = i32x4.add(i32x4.add(v3, v7), word(order, 6));
    v12 = turn16(v128.xor(v12, v0));
    v13 = turn16(v128.xor(v13, v1));
    v14 = turn16(v128.xor(v14, v2));
    v15 = turn16(v128.xor(v15, v3));
    v8 = i32x4.add(v8, v12);
    v9 = i32x4.add(v9, v13);
    v10 = i32x4.add(v10, v14);
    v11 = i32x4.add(v11, v15);
    v4 = turn12(v128.xor(v4, v8));
    v5 = turn12(v128.xor(v5, v9));
    v6 = turn12(v128.xor(v6, v10));
    v7 = turn12(v128.xor(v7, v11));
    v0 = i32x4.add(i32x4.add(v0, v4), word(order, 1));
    v1 = i32x4.add(i32x4.add(v1, v5), word(order, 3));
    v2 = i32x4.add(i32x4.add(v2, v6), word(order, 5));
    v3 = i32x4.add(i32x4.add(v3, v7), word(order, 7));
    v12 = turn8(v128.xor(v12, v0));
    v13 = turn8(v128.xor(v13, v1));
    v14 = turn8(v128.xor(v14, v2));
    v15 = turn8(v128.xor(v15, v3));
    v8 = i32x4.add(v8, v12);
    v9 = i32x4.add(v9, v13);
    v10 = i32x4.add(v10, v14);
    v11 = i32x4.add(v11, v15);
    v4 = turn7(v128.xor(v4, v8));
    v5 = turn7(v128.xor(v5, v9));
    v6 = turn7(v128.xor(v6, v10));
    v7 = turn7(v128.xor(v7, v11));
    v0 = i32x4.add(i32x4.add(v0, v5), word(order, 8));
    v1 = i32x4.add(i32x4.add(v1, v6), word(order, 10));
    v2 = i32x4.add(i32x4.add(v2, v7), word(order, 12));
    v3 = i32x4.add(i32x4.add(v3, v4), word(order, 14));
    v15 = turn16(v128.xor(v15, v0));
    v12 = turn16(v128.xor(v12, v1));
    v13 = turn16(v128.xor(v13, v2));
    v14 = turn16(v128.xor(v14, v3));
    v10 = i32x4.add(v10, v15);
    v11 = i32x4.add(v11, v12);
    v8 = i32x4.add(v8, v13);
    v9 = i32x4.add(v9, v14);
    v5 = turn12(v128.xor(v5, v10));
    v6 = turn12(v128.xor(v6, v11));
    v7 = turn12(v128.xor(v7, v8));
    v4 = turn12(v128.xor(v4, v9));
    v0 = i32x4.add(i32x4.add(v0, v5), word(order, 9));
    v1 = i32x4.add(i32x4.add(v1, v6), word(order, 11));
    v2 = i32x4.add(i32x4.add(v2, v7), word(order, 13));
    v3 = i32x4.add(i32x4.add(v3, v4), word(order, 15));
    v15 = turn8(v128.xor(v15, v0));
    v12 = turn8(v128.xor(v12, v1));
    v13 = turn8(v128.xor(v13, v2));
    v14 = turn8(v128.xor(v14, v3));
    v10 = i32x4.add(v10, v15);
    v11 = i32x4.add(v11, v12);
    v8 = i32x4.add(v8, v13);
    v9 = i32x4.add(v9, v14);
    v5 = turn7(v128.xor(v5, v10));
    v6 = turn7(v128.xor(v6, v11));
    v7 = turn7(v128.xor(v7, v8));
    v4 = turn7(v128.xor(v4, v9));
  }
  v128.store(chain, v128.xor(v128.load(chain), v128.xor(v0, v8)));
  v128.store(chain, v128.xor(v128.load(chain, 16), v128.xor(v1, v9)), 16);
  v128.store(chain, v128.xor(v128.load(chain, 32), v128.xor(v2, v10)), 32);
  v128.store(chain, v128.xor(v128.load(chain, 48), v128.xor(v3, v11)), 48);
  v128.store(chain, v128.xor(v128.load(chain, 64), v128.xor(v4, v12)), 64);
  v128.store(chain, v128.xor(v128.load(chain, 80), v128.xor(v5, v13)), 80);
  v128.store(chain, v128.xor(v128.load(chain, 96), v128.xor(v6, v14)), 96);
  v128.store(chain, v128.xor(v128.load(chain, 112), v128.xor(v7, v15)), 112);
}
