declare namespace __AdaptedExports {
  /** Exported memory */
  export const memory: WebAssembly.Memory;
  /**
   * assembly/bytes/hashOf
   * @param start `usize`
   * @param length `i32`
   * @returns `u32`
   */
  export function hashOf(start: number, length: number): number;
  /**
   * assembly/bytes/isSame
   * @param a `usize`
   * @param b `usize`
   * @param length `i32`
   * @returns `bool`
   */
  export function isSame(a: number, b: number, length: number): boolean;
  /**
   * assembly/memory/allocate
   * @param bytes `i32`
   * @returns `usize`
   */
  export function allocate(bytes: number): number;
  /**
   * assembly/memory/allocateZeros
   * @param bytes `i32`
   * @returns `usize`
   */
  export function allocateZeros(bytes: number): number;
  /**
   * assembly/memory/release
   * @param place `usize`
   */
  export function release(place: number): void;
  /**
   * assembly/memory/room
   * @param place `usize`
   * @returns `i32`
   */
  export function room(place: number): number;
  /**
   * assembly/parquet/bloom-filter/bloomFilterOfNumbers
   * @param bytes `i32`
   * @param hasDictionary `bool`
   * @returns `usize`
   */
  export function bloomFilterOfNumbers(bytes: number, hasDictionary: boolean): number;
  /**
   * assembly/parquet/bloom-filter/bloomFilterOfTexts
   * @param bytes `i32`
   * @param hasDictionary `bool`
   * @returns `usize`
   */
  export function bloomFilterOfTexts(bytes: number, hasDictionary: boolean): number;
  /**
   * assembly/parquet/byte-sink/clearSink
   */
  export function clearSink(): void;
  /**
   * assembly/parquet/byte-sink/sinkLength
   * @returns `i32`
   */
  export function sinkLength(): number;
  /**
   * assembly/parquet/byte-sink/sinkPlace
   * @returns `usize`
   */
  export function sinkPlace(): number;
  /**
   * assembly/parquet/delta/writeDeltaLength
   * @param from `i32`
   * @param to `i32`
   */
  export function writeDeltaLength(from: number, to: number): void;
  /**
   * assembly/parquet/delta/writeDeltaNumbers
   * @param from `i32`
   * @param to `i32`
   */
  export function writeDeltaNumbers(from: number, to: number): void;
  /**
   * assembly/parquet/delta/writeDeltaStrings
   * @param from `i32`
   * @param to `i32`
   */
  export function writeDeltaStrings(from: number, to: number): void;
  /**
   * assembly/parquet/dictionary/dictionaryBytes
   * @returns `i32`
   */
  export function dictionaryBytes(): number;
  /**
   * assembly/parquet/dictionary/dictionaryEntries
   * @returns `i32`
   */
  export function dictionaryEntries(): number;
  /**
   * assembly/parquet/dictionary/dictionaryOfCodes
   * @param codes `usize`
   * @param offsets `usize`
   * @param source `usize`
   * @param distinct `i32`
   * @returns `bool`
   */
  export function dictionaryOfCodes(codes: number, offsets: number, source: number, distinct: number): boolean;
  /**
   * assembly/parquet/dictionary/dictionaryOfNumbers
   * @returns `bool`
   */
  export function dictionaryOfNumbers(): boolean;
  /**
   * assembly/parquet/dictionary/dictionaryOfTexts
   * @returns `bool`
   */
  export function dictionaryOfTexts(): boolean;
  /**
   * assembly/parquet/levels/countDefinition
   * @param from `i32`
   * @param to `i32`
   * @param level `i32`
   * @returns `i32`
   */
  export function countDefinition(from: number, to: number, level: number): number;
  /**
   * assembly/parquet/levels/hasNull
   * @param valid `usize`
   * @param rows `usize`
   * @param count `i32`
   * @returns `bool`
   */
  export function hasNull(valid: number, rows: number, count: number): boolean;
  /**
   * assembly/parquet/levels/shredAbsent
   * @param count `i32`
   */
  export function shredAbsent(count: number): void;
  /**
   * assembly/parquet/levels/shredOptional
   * @param valid `usize`
   * @param rows `usize`
   * @param count `i32`
   */
  export function shredOptional(valid: number, rows: number, count: number): void;
  /**
   * assembly/parquet/levels/shredPresent
   * @param rows `usize`
   * @param count `i32`
   */
  export function shredPresent(rows: number, count: number): void;
  /**
   * assembly/parquet/levels/shredRepeated
   * @param valid `usize`
   * @param offsets `usize`
   * @param elementValid `usize`
   * @param nonePresent `bool`
   * @param rows `usize`
   * @param count `i32`
   * @param empty `i32`
   * @param present `i32`
   */
  export function shredRepeated(valid: number, offsets: number, elementValid: number, nonePresent: boolean, rows: number, count: number, empty: number, present: number): void;
  /**
   * assembly/parquet/levels/streamLevels
   * @returns `i32`
   */
  export function streamLevels(): number;
  /**
   * assembly/parquet/levels/streamValues
   * @returns `i32`
   */
  export function streamValues(): number;
  /**
   * assembly/parquet/pages/cutPages
   * @param rows `i32`
   * @param uniform `i32`
   * @param maxDefinition `i32`
   * @param isRepeated `bool`
   * @param isText `bool`
   * @returns `i32`
   */
  export function cutPages(rows: number, uniform: number, maxDefinition: number, isRepeated: boolean, isText: boolean): number;
  /**
   * assembly/parquet/pages/pageRanges
   * @returns `usize`
   */
  export function pageRanges(): number;
  /**
   * assembly/parquet/plain/writeEntryNumbers
   */
  export function writeEntryNumbers(): void;
  /**
   * assembly/parquet/plain/writeEntryTexts
   */
  export function writeEntryTexts(): void;
  /**
   * assembly/parquet/plain/writePlainNumbers
   * @param from `i32`
   * @param to `i32`
   */
  export function writePlainNumbers(from: number, to: number): void;
  /**
   * assembly/parquet/plain/writePlainTexts
   * @param from `i32`
   * @param to `i32`
   */
  export function writePlainTexts(from: number, to: number): void;
  /**
   * assembly/parquet/rle/writeDefinition
   * @param from `i32`
   * @param to `i32`
   * @param width `i32`
   */
  export function writeDefinition(from: number, to: number, width: number): void;
  /**
   * assembly/parquet/rle/writeIndices
   * @param from `i32`
   * @param to `i32`
   * @param width `i32`
   */
  export function writeIndices(from: number, to: number, width: number): void;
  /**
   * assembly/parquet/rle/writeLevelRun
   * @param level `i32`
   * @param count `i32`
   * @param width `i32`
   */
  export function writeLevelRun(level: number, count: number, width: number): void;
  /**
   * assembly/parquet/rle/writeRepetition
   * @param from `i32`
   * @param to `i32`
   */
  export function writeRepetition(from: number, to: number): void;
  /**
   * assembly/parquet/statistics/extremesOfBytes
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function extremesOfBytes(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/extremesOfDoubles
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function extremesOfDoubles(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/extremesOfEntries
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function extremesOfEntries(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/extremesOfInts
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function extremesOfInts(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/extremesOfLongs
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function extremesOfLongs(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/extremesOfTexts
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function extremesOfTexts(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/greatestSlot
   * @returns `u32`
   */
  export function greatestSlot(): number;
  /**
   * assembly/parquet/statistics/leastSlot
   * @returns `u32`
   */
  export function leastSlot(): number;
  /**
   * assembly/parquet/values/gatherNumbers
   * @param source `usize`
   * @param bytes `i32`
   */
  export function gatherNumbers(source: number, bytes: number): void;
  /**
   * assembly/parquet/values/gatherTexts
   * @param codes `usize`
   * @param offsets `usize`
   * @param bytes `usize`
   */
  export function gatherTexts(codes: number, offsets: number, bytes: number): void;
  /**
   * assembly/parquet/values/plainTextBytes
   * @param from `i32`
   * @param to `i32`
   * @returns `f64`
   */
  export function plainTextBytes(from: number, to: number): number;
  /**
   * assembly/parquet/values/textsWithin
   * @param from `i32`
   * @param most `i32`
   * @param bytes `i32`
   * @returns `i32`
   */
  export function textsWithin(from: number, most: number, bytes: number): number;
  /**
   * assembly/parquet/xxhash64/xxhash64
   * @param start `usize`
   * @param length `i32`
   * @returns `u64`
   */
  export function xxhash64(start: number, length: number): bigint;
  /**
   * assembly/sort/countCodes
   * @param codes `usize`
   * @param rows `usize`
   * @param count `i32`
   * @param distinct `i32`
   * @returns `usize`
   */
  export function countCodes(codes: number, rows: number, count: number, distinct: number): number;
  /**
   * assembly/sort/orderOfLongs
   * @param values `usize`
   * @param valid `usize`
   * @param rows `i32`
   * @returns `usize`
   */
  export function orderOfLongs(values: number, valid: number, rows: number): number;
  /**
   * assembly/sort/scatterByCode
   * @param codes `usize`
   * @param rows `usize`
   * @param count `i32`
   * @returns `usize`
   */
  export function scatterByCode(codes: number, rows: number, count: number): number;
}
/** Instantiates the compiled WebAssembly module with the given imports. */
export declare function instantiate(module: WebAssembly.Module, imports: {
  host: unknown,
}): Promise<typeof __AdaptedExports>;
