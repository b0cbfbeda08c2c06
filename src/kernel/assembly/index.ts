export { hashOf, isSame } from './bytes';
export { allocate, allocateZeros, release, room } from './memory';
export { bloomFilterOfNumbers, bloomFilterOfTexts } from './parquet/bloom-filter';
export { clearSink, sinkLength, sinkPlace } from './parquet/byte-sink';
export { writeDeltaLength, writeDeltaNumbers, writeDeltaStrings } from './parquet/delta';
export {
  dictionaryBytes,
  dictionaryEntries,
  dictionaryOfCodes,
  dictionaryOfNumbers,
  dictionaryOfTexts,
} from './parquet/dictionary';
export {
  countDefinition,
  hasNull,
  shredAbsent,
  shredOptional,
  shredPresent,
  shredRepeated,
  streamLevels,
  streamValues,
} from './parquet/levels';
export { cutPages, pageRanges } from './parquet/pages';
export { writeEntryNumbers, writeEntryTexts, writePlainNumbers, writePlainTexts } from './parquet/plain';
export { writeDefinition, writeIndices, writeLevelRun, writeRepetition } from './parquet/rle';
export {
  extremesOfBytes,
  extremesOfDoubles,
  extremesOfEntries,
  extremesOfInts,
  extremesOfLongs,
  extremesOfTexts,
  greatestSlot,
  leastSlot,
} from './parquet/statistics';
export { gatherNumbers, gatherTexts, plainTextBytes, textsWithin } from './parquet/values';
export { xxhash64 } from './parquet/xxhash64';
export { countCodes, orderOfLongs, scatterByCode } from './sort';
