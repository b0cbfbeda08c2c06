/**
 * The values of a page, decoded to lie side by side (parquet-format, Encodings.md): numbers of eight bytes each, or texts
 * (parquet/values.ts), or the indices of a dictionary. There is one page at a time, and one dictionary, of the chunk.
 */
import { copy } from '../bytes';
import {
  Encoding_DeltaBinary,
  Encoding_DeltaLength,
  Encoding_DeltaStrings,
  Encoding_Dictionary,
  Encoding_OldDictionary,
  Encoding_Plain,
  Encoding_Rle,
  Fault_Count,
  Fault_Dictionary,
  Fault_Index,
  Fault_Prefix,
  Fault_Values,
  Physical_Boolean,
  Physical_Double,
  Physical_Int32,
  Physical_Int64,
  Physical_Text,
} from '../codes';
import { grown, release, room } from '../memory';
import { lengthOf } from '../parquet/values';
import { readDeltas } from './delta';
import { readHybrid, readIndices } from './hybrid';
import { at, end, fail, fault, left, open, seek } from './input';

/** What single huge pages have made larger than this is not kept. */
const maxIdleBytes: i32 = 1 << 23;

/** What the page's values are: one of these three, or none at all. */
export let numbers: usize = 0;
export let texts: usize = 0;
export let indices: usize = 0;
/** Whether the texts follow each other in memory. */
export let isConsecutive: bool = false;

/** Of the chunk: its entries, as numbers or texts. */
export let entries: i32 = -1;
export let entryNumbers: usize = 0;
export let entryTexts: usize = 0;

let physical: i32 = 0;
let pageBlock: usize = 0;
let dictionaryBlock: usize = 0;
let numberBlock: usize = 0;
let textBlock: usize = 0;
let indexBlock: usize = 0;
let entryNumberBlock: usize = 0;
let entryTextBlock: usize = 0;
let lengths: usize = 0;
let prefixes: usize = 0;
let joined: usize = 0;

/** A chunk of this physical type (`Physical_…`) follows; it has no dictionary yet. */
export function beginChunk(type: i32): void {
  physical = type;
  entries = -1;
  pageBlock = trimmed(pageBlock);
  dictionaryBlock = trimmed(dictionaryBlock);
  joined = trimmed(joined);
}

function trimmed(block: usize): usize {
  if (room(block) <= maxIdleBytes) return block;
  release(block);
  return 0;
}

/** Where the host puts the body of the next page. */
export function pageSpace(bytes: i32): usize {
  pageBlock = grown(pageBlock, 0, bytes);
  return pageBlock;
}

/** Where the host puts the body of the dictionary page. */
export function dictionarySpace(bytes: i32): usize {
  dictionaryBlock = grown(dictionaryBlock, 0, bytes);
  return dictionaryBlock;
}

/** Takes what is in the dictionary's space for `count` entries; 0 or what is wrong with it (`Fault_…`). */
export function readDictionary(bytes: i32, count: i32): i32 {
  open(dictionaryBlock, bytes);
  entryNumberBlock = grown(entryNumberBlock, 0, count << 3);
  entryTextBlock = grown(entryTextBlock, 0, count << 3);
  if (physical === Physical_Text) readPlainTexts(entryTextBlock, count);
  else entryNumbers = readPlainNumbers(entryNumberBlock, count);
  entryTexts = entryTextBlock;
  entries = count;
  return fault;
}

/** Values that were laid side by side elsewhere (columns/gather.ts). */
export function takeNumbers(list: usize): void {
  numbers = list;
  texts = 0;
  indices = 0;
}

export function takeTexts(list: usize): void {
  numbers = 0;
  texts = list;
  indices = 0;
  isConsecutive = false;
}

/** Of the dictionary last taken. */
export function takeIndices(list: usize): void {
  numbers = 0;
  texts = 0;
  indices = list;
}

export function takeDictionary(list: usize, count: i32): void {
  entryTexts = list;
  entries = count;
}

/** Decodes `count` values of the open input. */
export function readValues(encoding: i32, count: i32): void {
  numbers = 0;
  texts = 0;
  indices = 0;
  isConsecutive = false;
  if (count === 0) return;
  if (encoding === Encoding_Dictionary || encoding === Encoding_OldDictionary) {
    readCoded(count);
    return;
  }
  if (physical === Physical_Text) {
    textBlock = grown(textBlock, 0, count << 3);
    texts = textBlock;
    if (encoding === Encoding_Plain) readPlainTexts(texts, count);
    else if (encoding === Encoding_DeltaLength) {
      lengths = grown(lengths, 0, count << 3);
      readDeltas(lengths, count, false);
      readConsecutive(texts, lengths, count);
      isConsecutive = true;
    } else if (encoding === Encoding_DeltaStrings) readDeltaStrings(count);
    else fail(Fault_Count);
    return;
  }
  numberBlock = grown(numberBlock, 0, (count << 3) + 128);
  numbers = numberBlock;
  if (encoding === Encoding_Plain) numbers = readPlainNumbers(numberBlock, count);
  else if (encoding === Encoding_DeltaBinary) readDeltas(numberBlock, count, physical === Physical_Int32);
  else if (encoding === Encoding_Rle && physical === Physical_Boolean) readBits(count);
  else fail(Fault_Count);
}

/** Where the numbers are: in the page itself, where they take eight bytes there. */
function readPlainNumbers(target: usize, count: i32): usize {
  const bytes: i64 =
    physical === Physical_Boolean ? (<i64>count + 7) >> 3 : (<i64>count) << (physical === Physical_Int32 ? 2 : 3);
  if (bytes > <i64>left()) {
    fail(Fault_Values);
    return target;
  }
  if (physical === Physical_Int64 || physical === Physical_Double) return at;
  if (physical === Physical_Int32)
    for (let i: usize = 0; i < <usize>count; i++) store<i64>(target + (i << 3), load<i32>(at + (i << 2)));
  else
    for (let i: usize = 0; i < <usize>count; i++)
      store<i64>(target + (i << 3), (load<u8>(at + (i >> 3)) >> <u8>(i & 7)) & 1);
  return target;
}

/** Booleans in the hybrid, behind its length. */
function readBits(count: i32): void {
  if (left() < 4) {
    fail(Fault_Values);
    return;
  }
  seek(at + 4);
  indexBlock = grown(indexBlock, 0, (count << 2) + 64);
  readIndices(indexBlock, count, 1);
  for (let i: usize = 0; i < <usize>count; i++) store<i64>(numbers + (i << 3), load<u32>(indexBlock + (i << 2)));
}

function readPlainTexts(target: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    if (left() < 4) {
      fail(Fault_Values);
      return;
    }
    const length = <u64>load<u32>(at);
    if (length > <u64>(left() - 4)) {
      fail(Fault_Values);
      return;
    }
    store<u64>(target + (i << 3), (length << 32) | <u64>(at + 4));
    seek(at + 4 + <usize>length);
  }
}

/** Texts of these lengths from here on. */
function readConsecutive(target: usize, lengths: usize, count: i32): void {
  if (fault !== 0) return;
  for (let i: usize = 0; i < <usize>count; i++) {
    const length = load<u64>(lengths + (i << 3));
    if (length > <u64>left()) {
      fail(Fault_Values);
      return;
    }
    store<u64>(target + (i << 3), (length << 32) | <u64>at);
    seek(at + <usize>length);
  }
}

/** Each text is a prefix of the one before it, and a suffix. */
function readDeltaStrings(count: i32): void {
  prefixes = grown(prefixes, 0, count << 3);
  lengths = grown(lengths, 0, count << 3);
  readDeltas(prefixes, count, false);
  if (fault === 0) readDeltas(lengths, count, false);
  readConsecutive(texts, lengths, count);
  if (fault !== 0) return;
  let bytes: u64 = 0;
  let before: u64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const prefix = load<u64>(prefixes + (i << 3));
    if (prefix > before) {
      fail(Fault_Prefix);
      return;
    }
    before = prefix + load<u64>(lengths + (i << 3));
    bytes += before;
  }
  // More than a block has room for is said by the allocator.
  joined = grown(joined, 0, <i32>min(bytes, <u64>i32.MAX_VALUE - 64));
  let target = joined;
  let previous = joined;
  for (let i: usize = 0; i < <usize>count; i++) {
    const prefix = load<i32>(prefixes + (i << 3));
    const suffix = load<i32>(lengths + (i << 3));
    const source = <usize>load<u32>(texts + (i << 3));
    copy(target, previous, prefix);
    copy(target + prefix, source, suffix);
    store<u64>(texts + (i << 3), ((<u64>(prefix + suffix)) << 32) | <u64>target);
    previous = target;
    target += prefix + suffix;
  }
  isConsecutive = true;
}

function readCoded(count: i32): void {
  if (entries < 0) {
    fail(Fault_Dictionary);
    return;
  }
  if (left() < 1) {
    fail(Fault_Values);
    return;
  }
  const width = <i32>load<u8>(at);
  seek(at + 1);
  indexBlock = grown(indexBlock, 0, (count << 2) + 64);
  if (width > 32) {
    fail(Fault_Values);
    return;
  }
  if (width === 0) memory.fill(indexBlock, 0, count << 2);
  else readIndices(indexBlock, count, width);
  if (fault !== 0) return;
  for (let i: usize = 0; i < <usize>count; i++)
    if (load<u32>(indexBlock + (i << 2)) >= <u32>entries) {
      fail(Fault_Index);
      return;
    }
  if (physical === Physical_Text) {
    indices = indexBlock;
    return;
  }
  numberBlock = grown(numberBlock, 0, (count << 3) + 128);
  numbers = numberBlock;
  for (let i: usize = 0; i < <usize>count; i++)
    store<u64>(numbers + (i << 3), load<u64>(entryNumbers + ((<usize>load<u32>(indexBlock + (i << 2))) << 3)));
}

/** The texts that the indices stand for, in place of these. */
export function resolveIndices(count: i32): void {
  textBlock = grown(textBlock, 0, count << 3);
  for (let i: usize = 0; i < <usize>count; i++)
    store<u64>(textBlock + (i << 3), load<u64>(entryTexts + ((<usize>load<u32>(indices + (i << 2))) << 3)));
  texts = textBlock;
  isConsecutive = false;
}

/** What texts[0, count) take. */
export function bytesOfTexts(list: usize, count: i32): i64 {
  let bytes: i64 = 0;
  for (let text = list, to = list + ((<usize>count) << 3); text < to; text += 8) bytes += lengthOf(text);
  return bytes;
}

/** Levels in the hybrid, a byte each, up to `stop`; the input goes on there. */
export function readLevels(target: usize, count: i32, width: i32, stop: usize): void {
  if (stop > end) {
    fail(Fault_Values);
    return;
  }
  readHybrid<u8>(target, count, width, stop);
  seek(stop);
}
