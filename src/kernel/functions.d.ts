export declare namespace __AdaptedExports {
  /**
   * assembly/bytes/copy
   * @param target `usize`
   * @param source `usize`
   * @param length `i32`
   */
  export function copy(target: number, source: number, length: number): void;
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
   * assembly/columns/column/bytesOf
   * @param column `assembly/columns/slots/Slots`
   * @returns `i32`
   */
  export function bytesOf(column: number): number;
  /**
   * assembly/columns/column/closeSlot
   * @param column `assembly/columns/column/NestedColumn`
   */
  export function closeSlot(column: number): void;
  /**
   * assembly/columns/column/describe
   * @param column `assembly/columns/slots/Slots`
   * @param target `usize`
   */
  export function describe(column: number, target: number): void;
  /**
   * assembly/columns/column/emptyColumn
   * @param column `assembly/columns/slots/Slots`
   */
  export function emptyColumn(column: number): void;
  /**
   * assembly/columns/column/freeColumn
   * @param column `assembly/columns/slots/Slots`
   */
  export function freeColumn(column: number): void;
  /**
   * assembly/columns/column/newColumn
   * @param kind `i32`
   * @param elementKind `i32`
   * @returns `assembly/columns/slots/Slots`
   */
  export function newColumn(kind: number, elementKind: number): number;
  /**
   * assembly/columns/column/pad
   * @param column `assembly/columns/slots/Slots`
   * @param row `i32`
   */
  export function pad(column: number, row: number): void;
  /**
   * assembly/columns/column/renewColumn
   * @param column `assembly/columns/slots/Slots`
   */
  export function renewColumn(column: number): void;
  /**
   * assembly/columns/fixed/appendLong
   * @param column `assembly/columns/fixed/FixedColumn`
   * @param value `i64`
   */
  export function appendLong(column: number, value: bigint): void;
  /**
   * assembly/columns/fixed/appendNumber
   * @param column `assembly/columns/fixed/FixedColumn`
   * @param value `f64`
   */
  export function appendNumber(column: number, value: number): void;
  /**
   * assembly/columns/gather/appendRows
   * @param column `assembly/columns/slots/Slots`
   * @param source `assembly/columns/slots/Slots`
   * @param rows `usize`
   * @param count `i32`
   */
  export function appendRows(column: number, source: number, rows: number, count: number): void;
  /**
   * assembly/columns/strings/appendString
   * @param column `assembly/columns/strings/StringColumn`
   * @param start `usize`
   * @param length `i32`
   */
  export function appendString(column: number, start: number, length: number): void;
  /**
   * assembly/content-hash/contentHash
   * @param start `usize`
   * @param length `i32`
   */
  export function contentHash(start: number, length: number): void;
  /**
   * assembly/content-hash/contentKeyBytes
   * @returns `i32`
   */
  export function contentKeyBytes(): number;
  /**
   * assembly/content-hash/setContentKey
   * @param bytes `usize`
   */
  export function setContentKey(bytes: number): void;
  /**
   * assembly/digest/blake2s/digestTexts
   * @param start `usize`
   * @param ends `usize`
   * @param count `i32`
   * @param target `usize`
   */
  export function digestTexts(start: number, ends: number, count: number, target: number): void;
  /**
   * assembly/digest/row-text/digestColumnWords
   * @returns `i32`
   */
  export function digestColumnWords(): number;
  /**
   * assembly/digest/row-text/digestRows
   * @param columns `usize`
   * @param columnCount `i32`
   * @param rows `usize`
   * @param first `i32`
   * @param count `i32`
   * @param target `usize`
   */
  export function digestRows(columns: number, columnCount: number, rows: number, first: number, count: number, target: number): void;
  /**
   * assembly/digest/row-text/hashRows
   * @param columns `usize`
   * @param columnCount `i32`
   * @param rows `usize`
   * @param first `i32`
   * @param count `i32`
   * @param target `usize`
   */
  export function hashRows(columns: number, columnCount: number, rows: number, first: number, count: number, target: number): void;
  /**
   * assembly/digest/within/isWithin
   * @param kind `i32`
   * @param valid `usize`
   * @param values `usize`
   * @param offsets `usize`
   * @param text `usize`
   * @param rows `i32`
   * @param lower `usize`
   * @param lowerBytes `i32`
   * @param upper `usize`
   * @param upperBytes `i32`
   * @returns `bool`
   */
  export function isWithin(kind: number, valid: number, values: number, offsets: number, text: number, rows: number, lower: number, lowerBytes: number, upper: number, upperBytes: number): boolean;
  /**
   * assembly/digests/addDigests
   * @param digests `assembly/digests/Digests`
   * @param rows `i32`
   * @param dead `usize`
   * @param passes `i32`
   * @param pass `i32`
   */
  export function addDigests(digests: number, rows: number, dead: number, passes: number, pass: number): void;
  /**
   * assembly/digests/findRepeated
   * @param digests `assembly/digests/Digests`
   * @param rows `i32`
   * @param dead `usize`
   * @param passes `i32`
   * @param pass `i32`
   * @returns `i32`
   */
  export function findRepeated(digests: number, rows: number, dead: number, passes: number, pass: number): number;
  /**
   * assembly/digests/forgetSeen
   * @param digests `assembly/digests/Digests`
   */
  export function forgetSeen(digests: number): void;
  /**
   * assembly/digests/newDigests
   * @returns `assembly/digests/Digests`
   */
  export function newDigests(): number;
  /**
   * assembly/digests/releaseDigests
   * @param digests `assembly/digests/Digests`
   */
  export function releaseDigests(digests: number): void;
  /**
   * assembly/digests/repeatedDigests
   * @param digests `assembly/digests/Digests`
   * @returns `i32`
   */
  export function repeatedDigests(digests: number): number;
  /**
   * assembly/digests/repeatedRows
   * @returns `usize`
   */
  export function repeatedRows(): number;
  /**
   * assembly/identities/addContent
   * @param set `assembly/identities/Identities`
   * @param content `usize`
   * @param contentLength `i32`
   * @returns `i32`
   */
  export function addContent(set: number, content: number, contentLength: number): number;
  /**
   * assembly/identities/addRecord
   * @param set `assembly/identities/Identities`
   * @param id `usize`
   * @param idLength `i32`
   * @param content `usize`
   * @param contentLength `i32`
   * @returns `i32`
   */
  export function addRecord(set: number, id: number, idLength: number, content: number, contentLength: number): number;
  /**
   * assembly/identities/emptyIdentities
   * @param set `assembly/identities/Identities`
   * @param bytes `i32`
   */
  export function emptyIdentities(set: number, bytes: number): void;
  /**
   * assembly/identities/newIdentities
   * @returns `assembly/identities/Identities`
   */
  export function newIdentities(): number;
  /**
   * assembly/keys/addKey
   * @param kind `i32`
   * @param valid `usize`
   * @param values `usize`
   * @param offsets `usize`
   * @param text `usize`
   * @param entries `i32`
   * @param unit `i64`
   */
  export function addKey(kind: number, valid: number, values: number, offsets: number, text: number, entries: number, unit: bigint): void;
  /**
   * assembly/keys/clearKeys
   */
  export function clearKeys(): void;
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
   * assembly/memory/memoryTop
   * @returns `usize`
   */
  export function memoryTop(): number;
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
   * assembly/parquet/statistics/minMaxOfBytes
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function minMaxOfBytes(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/minMaxOfDoubles
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function minMaxOfDoubles(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/minMaxOfEntries
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function minMaxOfEntries(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/minMaxOfInts
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function minMaxOfInts(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/minMaxOfLongs
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function minMaxOfLongs(from: number, to: number): boolean;
  /**
   * assembly/parquet/statistics/minMaxOfTexts
   * @param from `i32`
   * @param to `i32`
   * @returns `bool`
   */
  export function minMaxOfTexts(from: number, to: number): boolean;
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
   * assembly/read/pages/addDictionary
   * @param bytes `i32`
   * @param count `i32`
   * @returns `i32`
   */
  export function addDictionary(bytes: number, count: number): number;
  /**
   * assembly/read/pages/appendPage
   * @param owner `usize`
   * @param column `assembly/columns/slots/Slots`
   * @param bytes `i32`
   * @param count `i32`
   * @param encoding `i32`
   * @param repetitionBytes `i32`
   * @param definitionBytes `i32`
   * @returns `i32`
   */
  export function appendPage(owner: number, column: number, bytes: number, count: number, encoding: number, repetitionBytes: number, definitionBytes: number): number;
  /**
   * assembly/read/pages/beginLeaf
   * @param physical `i32`
   * @param definitionMost `i32`
   * @param repeated `bool`
   * @param present `i32`
   * @param entry `i32`
   */
  export function beginLeaf(physical: number, definitionMost: number, repeated: boolean, present: number, entry: number): void;
  /**
   * assembly/read/values/dictionarySpace
   * @param bytes `i32`
   * @returns `usize`
   */
  export function dictionarySpace(bytes: number): number;
  /**
   * assembly/read/values/pageSpace
   * @param bytes `i32`
   * @returns `usize`
   */
  export function pageSpace(bytes: number): number;
  /**
   * assembly/scan/alternatives/addAlternative
   * @param field `assembly/scan/fields/Field`
   * @param slot `i32`
   * @param action `i32`
   * @param usable `i32`
   * @param isAbove `bool`
   * @param document `i32`
   * @returns `assembly/scan/alternatives/Alternative`
   */
  export function addAlternative(field: number, slot: number, action: number, usable: number, isAbove: boolean, document: number): number;
  /**
   * assembly/scan/alternatives/setJoin
   * @param alternative `assembly/scan/alternatives/Alternative`
   * @param text `usize`
   * @param length `i32`
   */
  export function setJoin(alternative: number, text: number, length: number): void;
  /**
   * assembly/scan/alternatives/setLead
   * @param alternative `assembly/scan/alternatives/Alternative`
   * @param text `usize`
   * @param length `i32`
   */
  export function setLead(alternative: number, text: number, length: number): void;
  /**
   * assembly/scan/envelope/addFormMember
   * @param object `assembly/scan/envelope/FormObject`
   * @param lead `usize`
   * @param leadLength `i32`
   * @param accepts `i32`
   * @param isHolder `bool`
   * @param isGuarded `bool`
   * @param text `usize`
   * @param textLength `i32`
   */
  export function addFormMember(object: number, lead: number, leadLength: number, accepts: number, isHolder: boolean, isGuarded: boolean, text: number, textLength: number): void;
  /**
   * assembly/scan/envelope/newForm
   * @param isCri `bool`
   * @param object `assembly/scan/envelope/FormObject | null`
   * @returns `assembly/scan/envelope/Form`
   */
  export function newForm(isCri: boolean, object: number): number;
  /**
   * assembly/scan/envelope/newFormObject
   * @param holds `i32`
   * @param inner `assembly/scan/envelope/FormObject | null`
   * @returns `assembly/scan/envelope/FormObject`
   */
  export function newFormObject(holds: number, inner: number): number;
  /**
   * assembly/scan/fields/setLong
   * @param field `assembly/scan/fields/Field`
   * @param value `i64`
   */
  export function setLong(field: number, value: bigint): void;
  /**
   * assembly/scan/fields/setText
   * @param field `assembly/scan/fields/Field`
   * @param start `usize`
   * @param length `i32`
   */
  export function setText(field: number, start: number, length: number): void;
  /**
   * assembly/scan/program/describeMember
   * @param member `assembly/scan/program/Member`
   * @param slot `i32`
   * @param accepts `i32`
   * @param plain `i32`
   * @param shape `i32`
   * @param elements `i32`
   * @param node `assembly/scan/program/ObjectNode | null`
   * @param isKnown `bool`
   */
  export function describeMember(member: number, slot: number, accepts: number, plain: number, shape: number, elements: number, node: number, isKnown: boolean): void;
  /**
   * assembly/scan/program/newMember
   * @param node `assembly/scan/program/ObjectNode`
   * @param key `usize`
   * @param length `i32`
   * @returns `assembly/scan/program/Member`
   */
  export function newMember(node: number, key: number, length: number): number;
  /**
   * assembly/scan/program/newNode
   * @param isWhole `bool`
   * @param hasIndexes `bool`
   * @returns `assembly/scan/program/ObjectNode`
   */
  export function newNode(isWhole: boolean, hasIndexes: boolean): number;
  /**
   * assembly/scan/program/setSlots
   * @param member `assembly/scan/program/Member`
   * @param slots `usize`
   * @param count `i32`
   */
  export function setSlots(member: number, slots: number, count: number): void;
  /**
   * assembly/scan/writer/addField
   * @param writer `assembly/scan/writer/Writer`
   * @param kind `i32`
   * @param slot `i32`
   * @param holds `i32`
   * @param isDoubtful `bool`
   * @param column `assembly/columns/slots/Slots`
   * @returns `assembly/scan/fields/Field`
   */
  export function addField(writer: number, kind: number, slot: number, holds: number, isDoubtful: boolean, column: number): number;
  /**
   * assembly/scan/writer/addForm
   * @param writer `assembly/scan/writer/Writer`
   * @param form `assembly/scan/envelope/Form`
   */
  export function addForm(writer: number, form: number): void;
  /**
   * assembly/scan/writer/begunOf
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i32`
   */
  export function begunOf(writer: number): number;
  /**
   * assembly/scan/writer/bytesOfRows
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i32`
   */
  export function bytesOfRows(writer: number): number;
  /**
   * assembly/scan/writer/conflictsOf
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i32`
   */
  export function conflictsOf(writer: number): number;
  /**
   * assembly/scan/writer/duplicatesOf
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i32`
   */
  export function duplicatesOf(writer: number): number;
  /**
   * assembly/scan/writer/emptyRows
   * @param writer `assembly/scan/writer/Writer`
   */
  export function emptyRows(writer: number): void;
  /**
   * assembly/scan/writer/endRow
   * @param writer `assembly/scan/writer/Writer`
   */
  export function endRow(writer: number): void;
  /**
   * assembly/scan/writer/forgetDays
   * @param writer `assembly/scan/writer/Writer`
   */
  export function forgetDays(writer: number): void;
  /**
   * assembly/scan/writer/forgetOddKeys
   * @param writer `assembly/scan/writer/Writer`
   */
  export function forgetOddKeys(writer: number): void;
  /**
   * assembly/scan/writer/greatestTime
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i64`
   */
  export function greatestTime(writer: number): bigint;
  /**
   * assembly/scan/writer/leastTime
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i64`
   */
  export function leastTime(writer: number): bigint;
  /**
   * assembly/scan/writer/mismatchesOf
   * @param field `assembly/scan/fields/Field`
   * @returns `i32`
   */
  export function mismatchesOf(field: number): number;
  /**
   * assembly/scan/writer/mostForms
   * @returns `i32`
   */
  export function mostForms(): number;
  /**
   * assembly/scan/writer/newWriter
   * @param root `assembly/scan/program/ObjectNode`
   * @param slots `i32`
   * @param maxDepth `i32`
   * @param timeSlot `i32`
   * @param isZoneRequired `bool`
   * @param idSlot `i32`
   * @param identities `assembly/identities/Identities`
   * @returns `assembly/scan/writer/Writer`
   */
  export function newWriter(root: number, slots: number, maxDepth: number, timeSlot: number, isZoneRequired: boolean, idSlot: number, identities: number): number;
  /**
   * assembly/scan/writer/openObject
   * @param writer `assembly/scan/writer/Writer`
   */
  export function openObject(writer: number): void;
  /**
   * assembly/scan/writer/padAll
   * @param writer `assembly/scan/writer/Writer`
   */
  export function padAll(writer: number): void;
  /**
   * assembly/scan/writer/releaseRows
   * @param writer `assembly/scan/writer/Writer`
   */
  export function releaseRows(writer: number): void;
  /**
   * assembly/scan/writer/rowsOf
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i32`
   */
  export function rowsOf(writer: number): number;
  /**
   * assembly/scan/writer/setCompared
   * @param writer `assembly/scan/writer/Writer`
   * @param columns `usize`
   * @param count `i32`
   */
  export function setCompared(writer: number, columns: number, count: number): void;
  /**
   * assembly/scan/writer/setComparing
   * @param writer `assembly/scan/writer/Writer`
   * @param isComparing `bool`
   */
  export function setComparing(writer: number, isComparing: boolean): void;
  /**
   * assembly/scan/writer/setRequired
   * @param writer `assembly/scan/writer/Writer`
   * @param slots `usize`
   * @param count `i32`
   */
  export function setRequired(writer: number, slots: number, count: number): void;
  /**
   * assembly/scan/writer/settle
   * @param writer `assembly/scan/writer/Writer`
   */
  export function settle(writer: number): void;
  /**
   * assembly/scan/writer/takeLines
   * @param writer `assembly/scan/writer/Writer`
   * @param start `usize`
   * @param end `usize`
   * @param offset `f64`
   * @param recordBytes `i32`
   * @returns `usize`
   */
  export function takeLines(writer: number, start: number, end: number, offset: number, recordBytes: number): number;
  /**
   * assembly/scan/writer/takenOf
   * @param writer `assembly/scan/writer/Writer`
   * @returns `i32`
   */
  export function takenOf(writer: number): number;
  /**
   * assembly/scan/writer/takeRecord
   * @param writer `assembly/scan/writer/Writer`
   * @param start `usize`
   * @param end `usize`
   * @param offset `f64`
   * @returns `bool`
   */
  export function takeRecord(writer: number, start: number, end: number, offset: number): boolean;
  /**
   * assembly/scan/writer/takeValues
   * @param writer `assembly/scan/writer/Writer`
   * @param start `usize`
   * @param end `usize`
   * @param offset `f64`
   * @param recordBytes `i32`
   * @param inArray `bool`
   * @returns `usize`
   */
  export function takeValues(writer: number, start: number, end: number, offset: number, recordBytes: number, inArray: boolean): number;
  /**
   * assembly/siphash/hashHigh
   * @returns `u64`
   */
  export function hashHigh(): bigint;
  /**
   * assembly/siphash/hashLow
   * @returns `u64`
   */
  export function hashLow(): bigint;
  /**
   * assembly/siphash/setHashKey
   * @param key `usize`
   */
  export function setHashKey(key: number): void;
  /**
   * assembly/siphash/sipHash
   * @param start `usize`
   * @param length `i32`
   */
  export function sipHash(start: number, length: number): void;
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
   * assembly/sort/orderOfKeys
   * @param rows `i32`
   * @returns `usize`
   */
  export function orderOfKeys(rows: number): number;
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
