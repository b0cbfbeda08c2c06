/** What the host may call (../kernel.ts). Places and structs are addresses. */
export { copy, hashOf, isSame } from './bytes';
export {
  bytesOf,
  closeSlot,
  describe,
  emptyColumn,
  freeColumn,
  newColumn,
  pad,
  renewColumn,
} from './columns/column';
export { appendLong, appendNumber } from './columns/fixed';
export { appendRows } from './columns/gather';
export { appendString } from './columns/strings';
export { contentHash, contentKeyBytes, setContentKey } from './content-hash';
export { digestTexts } from './digest/blake2s';
export { digestColumnWords, digestRows, hashRows } from './digest/row-text';
export { isWithin } from './digest/within';
export {
  addDigests,
  findRepeated,
  forgetSeen,
  newDigests,
  releaseDigests,
  repeatedDigests,
  repeatedRows,
} from './digests';
export { addContent, addRecord, emptyIdentities, newIdentities } from './identities';
export { addKey, clearKeys } from './keys';
export { allocate, allocateZeros, memoryTop, release, room } from './memory';
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
  greatestSlot,
  leastSlot,
  minMaxOfBytes,
  minMaxOfDoubles,
  minMaxOfEntries,
  minMaxOfInts,
  minMaxOfLongs,
  minMaxOfTexts,
} from './parquet/statistics';
export { gatherNumbers, gatherTexts, plainTextBytes, textsWithin } from './parquet/values';
export { xxhash64 } from './parquet/xxhash64';
export { addDictionary, appendPage, beginLeaf } from './read/pages';
export { dictionarySpace, pageSpace } from './read/values';
export { addAlternative, setJoin, setLead } from './scan/alternatives';
export { addFormMember, newForm, newFormObject } from './scan/envelope';
export { setLong, setText } from './scan/fields';
export { describeMember, newMember, newNode, setSlots } from './scan/program';
export {
  addField,
  addForm,
  begunOf,
  bytesOfRows,
  conflictsOf,
  duplicatesOf,
  emptyRows,
  endRow,
  forgetDays,
  forgetOddKeys,
  greatestTime,
  leastTime,
  mismatchesOf,
  mostForms,
  newWriter,
  openObject,
  padAll,
  releaseRows,
  rowsOf,
  setCompared,
  setComparing,
  setRequired,
  settle,
  takeLines,
  takenOf,
  takeRecord,
  takeValues,
} from './scan/writer';
export { hashHigh, hashLow, setHashKey, sipHash } from './siphash';
export { countCodes, orderOfKeys, orderOfLongs, scatterByCode } from './sort';
