/**
 * The values of the chunk that is being written, gathered from their slots to lie side by side: numbers as they are,
 * strings as texts, that is the place and the length of their bytes in four bytes each.
 */
import { grown } from '../memory';
import { slots, values } from './levels';

/** Bytes a number. */
export let width: i32 = 0;
export let numbers: usize = 0;
export let texts: usize = 0;

/** Numbers of 1, 4 or 8 bytes; `source` is what the slots are of. */
export function gatherNumbers(source: usize, bytes: i32): void {
  width = bytes;
  numbers = grown(numbers, 0, values * bytes);
  let slot = slots;
  const end = slots + ((<usize>values) << 2);
  let to = numbers;
  if (bytes === 8)
    for (; slot < end; slot += 4, to += 8) store<u64>(to, load<u64>(source + ((<usize>load<u32>(slot)) << 3)));
  else if (bytes === 4)
    for (; slot < end; slot += 4, to += 4) store<u32>(to, load<u32>(source + ((<usize>load<u32>(slot)) << 2)));
  else for (; slot < end; slot += 4, to++) store<u8>(to, load<u8>(source + load<u32>(slot)));
}

/** Strings by their slots, or by the codes in them unless `codes` is 0. */
export function gatherTexts(codes: usize, offsets: usize, bytes: usize): void {
  texts = grown(texts, 0, values << 3);
  let to = texts;
  for (let slot = slots, end = slots + ((<usize>values) << 2); slot < end; slot += 4, to += 8) {
    let entry = <usize>load<u32>(slot);
    if (codes !== 0) entry = load<u32>(codes + (entry << 2));
    store<u64>(to, textOf(offsets, bytes, entry));
  }
}

/** A text as one number: its place below its length. */
export function textOf(offsets: usize, bytes: usize, entry: usize): u64 {
  const start = load<u32>(offsets + (entry << 2));
  return ((<u64>(load<u32>(offsets + (entry << 2), 4) - start)) << 32) | (bytes + start);
}

export function lengthOf(text: usize): i32 {
  return load<i32>(text, 4);
}

/** What texts[from, to) take in PLAIN encoding. */
export function plainTextBytes(from: i32, to: i32): f64 {
  let sum: i64 = (<i64>(to - from)) << 2;
  for (let i = from; i < to; i++) sum += load<i32>(texts + ((<usize>i) << 3), 4);
  return <f64>sum;
}

/** Where texts that start at `from` have more than `bytes` bytes, and at most `most` values later. */
export function textsWithin(from: i32, most: i32, bytes: i32): i32 {
  let sum = 0;
  let to = from;
  for (const end = min(values, from + most); to < end && sum < bytes; to++)
    sum += load<i32>(texts + ((<usize>to) << 3), 4);
  return to;
}
