import type { Compression } from './compression.ts';
import type { Input } from './input.ts';
import type { Meter } from './meter.ts';
import type { ChunkRooms } from './rooms.ts';

/** A compressed body on its way to its data. */
export interface StoredBody {
  readonly input: Input;
  readonly compression: Compression;
  readonly meter: Meter;
  /** For the data, where there are any. */
  readonly rooms?: ChunkRooms | undefined;
}
