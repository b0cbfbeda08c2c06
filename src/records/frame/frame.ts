export interface Frame {
  /** The bytes of one record as they stood (a line without its end, an element of an array, one of several values). */
  readonly bytes: Uint8Array;
  /** Of the first byte of `bytes` in the decompressed object. */
  readonly offset: number;
  /** Set by the framer where a cap cut it: `bytes` is then only the head, `length` the full size. */
  readonly tooLarge?: { readonly length: number };
}
