/** Memory for chunks of a body, each of which is over when the next one is asked for (ingest/chunk-memory.ts). */
export interface ChunkRooms {
  /** Nobody looks back at a chunk from now on; until then those that are handed over are copies. */
  begin(): void;
  /** For the next chunk, all of it or a part. */
  next(): Buffer;
  /** Of a chunk that was not handed over. */
  takeBack(room: Uint8Array): void;
  /** Chunks that are made there, or elsewhere. */
  handOver(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined>;
}
