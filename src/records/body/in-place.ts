/** The data of a gzip member or a zstd frame in memory that is there for it. Node's streams make buffers, for which V8 collects garbage. */
import { constants, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { ZlibHandle } from '../../columns/zlib-handle.ts';
import type { Compression } from './compression.ts';
import { objectError } from './meter.ts';
import type { ChunkRooms } from './rooms.ts';
import type { StoredBody } from './stored-body.ts';

const nothing = new Uint8Array(0);

/** undefined where this Node.js has no handle for it. */
export const decoderInPlace = (compression: Compression): ZlibHandle | undefined =>
  ZlibHandle.of(compression === 'gzip' ? createInflateRaw() : createZstdDecompress());

/** Chunks of the data that begins in the input, which stands behind it afterwards. */
export async function* decodeInPlace(
  { input, compression, meter }: StoredBody,
  handle: ZlibHandle,
  rooms: ChunkRooms,
): AsyncGenerator<Buffer> {
  const [more, last] =
    compression === 'gzip'
      ? [constants.Z_NO_FLUSH, constants.Z_FINISH]
      : [constants.ZSTD_e_continue, constants.ZSTD_e_end];
  const start = input.taken;
  let taken = 0;
  let rest: Uint8Array = nothing;
  let room = rooms.next();
  let filled = 0;
  /** Whether all of the input so far has come out: it left some of the room. */
  let isDry = true;
  try {
    for (let isEnd = false; !isEnd; ) {
      if (rest.length === 0 && isDry) {
        input.release(taken);
        const chunk = await input.nextFor(compression);
        rest = chunk ?? nothing;
        isEnd = chunk === undefined;
      }
      const free = room.subarray(filled);
      handle.pass(isEnd ? last : more, rest, free);
      taken += rest.length - handle.unread;
      rest = rest.subarray(rest.length - handle.unread);
      filled += free.length - handle.unfilled;
      isDry = handle.unfilled > 0;
      isEnd ||= isDry && handle.unread > 0;
      if (isDry && !isEnd) continue;
      meter.stored = input.taken;
      if (filled > 0) yield meter.count(room.subarray(0, filled), input.taken);
      if (!isEnd) room = rooms.next();
      filled = 0;
    }
  } catch (error) {
    throw objectError(error, compression, meter, start + taken);
  } finally {
    handle.close();
    rooms.takeBack(room);
  }
  input.rewind(start + taken);
}
