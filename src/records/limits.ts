/** Caps on what an outsider controls. */
export interface Limits {
  readonly recordBytes: number;
  readonly nestingDepth: number;
  /** Decompressed bytes of one object. */
  readonly objectBytes: number;
  /** Decompressed over stored bytes of one object, looked at once 1 MiB has come out. */
  readonly compressionRatio: number;
  readonly daysPerBatch: number;
}
