/** Caps on what an outsider controls. */
export interface Limits {
  readonly recordBytes: number;
  readonly nestingDepth: number;
  /** Decompressed bytes of one object. */
  readonly objectBytes: number;
  /** Decompressed over stored bytes of one object, looked at once 1 MiB has come out. */
  readonly compressionRatio: number;
  /** Records of one object that may be quarantined: each costs a row, however few bytes it has. */
  readonly rejectedRecords: number;
  readonly daysPerBatch: number;
}
