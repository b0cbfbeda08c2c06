/** What the host may call (../kernel.ts). Places and structs are addresses. */
export { copy, hashOf, isSame } from './bytes';
export { bytesOf, closeSlot, describe, emptyColumn, newColumn, pad } from './columns/column';
export { appendLong, appendNumber } from './columns/fixed';
export { appendString } from './columns/strings';
export { addIdentity, addRecord, emptyIdentities, newIdentities } from './identities';
export { allocate, allocateZeros, release, room } from './memory';
export { setLong, setText } from './scan/fields';
export { describeMember, newMember, newNode, setSlots } from './scan/program';
export {
  addField,
  bytesOfRows,
  duplicatesOf,
  emptyRows,
  endRow,
  forgetDays,
  greatestTime,
  leastTime,
  mismatchesOf,
  newWriter,
  openObject,
  padAll,
  rowsOf,
  setDigested,
  setRequired,
  settle,
  takeLines,
  takenOf,
  takeRecord,
} from './scan/writer';
export { hashHigh, hashLow, setHashKey, sipHash } from './siphash';
