/**
 * A bounded look at what is below a location: a listing of at most so many keys, and the beginnings of a few objects that
 * are spread over it.
 */
import { type Compression, compressionOf } from '../../records/body/compression.ts';
import { ObjectError } from '../../records/body/meter.ts';
import { openBody } from '../../records/decompress.ts';
import type { Limits } from '../../records/limits.ts';
import { type ObjectInfo, type ObjectStore, StoreError } from '../../store/store.ts';

export interface Listing {
  readonly objects: readonly ObjectInfo[];
  /** false: there are more. */
  readonly isWhole: boolean;
}

export interface Sample {
  readonly object: ObjectInfo;
  readonly compression: Compression;
  /** Decompressed. */
  readonly text: Buffer;
  /** The object goes on behind `text`. */
  readonly isCut: boolean;
  /** Stored bytes that were read for it. */
  readonly bytesRead: number;
  /** Why it cannot be read, where that is so. */
  readonly error?: string;
}

const mostListed = 100_000;
const mostSamples = 16;
const storedBytes = 1 << 20;
const textBytes = 192 << 10;
/** Where no record ends in that. A look must not need more memory than what it looks at took, however large records are. */
const largerTextBytes = [768 << 10, 3 << 20, 4 << 20];

export async function listSome(store: ObjectStore, location: string, signal?: AbortSignal): Promise<Listing> {
  const objects: ObjectInfo[] = [];
  for await (const object of store.list(location)) {
    signal?.throwIfAborted();
    if (objects.length === mostListed) return { objects, isWhole: false };
    objects.push(object);
  }
  return { objects, isWhole: true };
}

/** Of equal distance, so that instances, days and producers all have a chance. */
export function chooseSome(objects: readonly ObjectInfo[]): ObjectInfo[] {
  const filled = objects.filter(({ size }) => size > 0);
  if (filled.length <= mostSamples) return filled;
  return Array.from({ length: mostSamples }, (_, i) => filled[Math.floor((i * filled.length) / mostSamples)]!);
}

/** The beginning of an object. Never throws: why an object cannot be read is part of what was found. */
export const sampleObject = (
  store: ObjectStore,
  object: ObjectInfo,
  limits: Limits,
  signal?: AbortSignal,
): Promise<Sample> => readBeginning(store, object, textBytes, limits, signal);

/** More and more of the object of a sample in which no record ends, until that is all of it or 4 MiB. */
export async function* largerSamples(
  store: ObjectStore,
  sample: Sample,
  limits: Limits,
  signal?: AbortSignal,
): AsyncGenerator<Sample> {
  let before = sample;
  for (const most of largerTextBytes) {
    if (!before.isCut || before.error !== undefined) return;
    before = await readBeginning(store, sample.object, most, limits, signal);
    yield before;
  }
}

async function readBeginning(
  store: ObjectStore,
  object: ObjectInfo,
  mostBytes: number,
  limits: Limits,
  signal?: AbortSignal,
): Promise<Sample> {
  const mostStored = Math.max(storedBytes, mostBytes);
  let bytesRead = 0;
  let head: Uint8Array = new Uint8Array();
  async function* stored(): AsyncGenerator<Uint8Array> {
    const range = [0, Math.min(object.size, mostStored)] as const;
    const { chunks } = await store.get(object.uri, { range, ifMatch: object.etag, ...(signal && { signal }) });
    for await (const chunk of chunks) {
      if (bytesRead === 0) head = chunk.slice(0, 64);
      bytesRead += chunk.length;
      yield chunk;
    }
  }
  const pieces: Buffer[] = [];
  let length = 0;
  let error: string | undefined;
  try {
    for await (const piece of openBody(stored(), limits, { bytes: object.size })) {
      pieces.push(Buffer.from(piece));
      length += piece.length;
      if (length >= mostBytes) break;
    }
  } catch (cause) {
    if (!(cause instanceof ObjectError || cause instanceof StoreError)) throw cause;
    // A body that was cut on purpose cannot end well.
    if (bytesRead < mostStored || length === 0) error = cause.message;
  }
  const isCut = length >= mostBytes || bytesRead >= mostStored;
  const text = Buffer.concat(pieces).subarray(0, mostBytes);
  return { object, compression: compressionOf(head), text, isCut, bytesRead, ...(error !== undefined && { error }) };
}
