/**
 * A remote data file as this process has it: its footer, and private copies of parts of it. A copy is a Parquet file
 * that DuckDB reads like any other: it has some of the row groups, of which some column chunks are there, byte by byte and at
 * the same offsets as in the file. Where the others would be are holes, which take no space; zeros are no page
 * header, so that DuckDB fails, rather than give a wrong value, should it ever read one (parquet.thrift, struct PageHeader: required fields).
 */
import { createHash } from 'node:crypto';
import { open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveFile } from '../../../iceberg/scan.ts';
import { magic } from '../../../parquet/format/footer.ts';
import { ParquetFault } from '../../../parquet/read/fault.ts';
import { type ByteRange, FooterParts } from '../../../parquet/read/footer-parts.ts';
import { constantFile } from '../../../parquet/write/constant-file.ts';
import { partitionColumn } from '../../../tables/declaration.ts';
import type { FetchOptions, ObjectRanges, RemoteObject } from './object-ranges.ts';

/** Files up to this size are fetched at once. */
const wholeFileBytes = 32 << 10;

export interface Footer {
  readonly parts: FooterParts;
  /** Where the metadata starts: no chunk goes beyond it. */
  readonly start: number;
}

export class RemoteFile {
  readonly object: RemoteObject;
  readonly copies = new Set<FileCopy>();
  readonly #folder: string;
  readonly #name: string;
  #footer: Promise<void> | undefined;
  #day: Promise<void> | undefined;
  /** By where they start. */
  readonly #sections = new Set<number>();
  #copyCount = 0;

  constructor({ path, fileSize }: Pick<LiveFile, 'path' | 'fileSize'>, folder: string) {
    this.object = { uri: path, size: fileSize, etag: undefined };
    this.#folder = folder;
    this.#name = createHash('sha256').update(path).digest('hex');
  }

  /** Fetched once, and kept on the disk. Throws StoreError, and ParquetFault where it is not readable as Parquet. */
  async footer(ranges: ObjectRanges, options: FetchOptions): Promise<Footer> {
    const path = join(this.#folder, `${this.#name}.footer`);
    this.#footer ??= this.#fetchFooter(ranges, options, path).catch((error) => {
      this.#footer = undefined;
      throw error;
    });
    await this.#footer;
    const metadata = await readFile(path);
    return { parts: this.#parse(metadata), start: this.object.size - 8 - metadata.length };
  }

  /** Parts of the file outside of column chunks, such as bloom filters; they stay on the disk. In the order of `wanted`. */
  async sections(wanted: readonly ByteRange[], ranges: ObjectRanges, options: FetchOptions): Promise<Buffer[]> {
    const path = join(this.#folder, `${this.#name}.sections`);
    const missing = wanted.filter(({ start }) => !this.#sections.has(start));
    if (missing.length > 0) {
      await writeFile(path, '', { mode: 0o600, flag: 'a' });
      await ranges.fetch([{ object: this.object, ranges: missing, path }], options);
      for (const { start } of missing) this.#sections.add(start);
    }
    const handle = await open(path, 'r');
    try {
      return await Promise.all(
        wanted.map(async ({ start, end }) => {
          const bytes = Buffer.alloc(end - start);
          await handle.read(bytes, 0, bytes.length, start);
          return bytes;
        }),
      );
    } finally {
      await handle.close();
    }
  }

  /** A file of as many rows, of which only the day is known: nothing is fetched for it. Its path. */
  async dayOnly(ymd: string, rows: number): Promise<string> {
    const path = join(this.#folder, `${this.#name}.day.parquet`);
    this.#day ??= writeFile(path, constantFile(partitionColumn, ymd, rows), { mode: 0o600 });
    await this.#day;
    return path;
  }

  /** A copy with these row groups and none of their chunks yet. */
  async newCopy(footer: Footer, rowGroups: readonly number[]): Promise<FileCopy> {
    const copy = new FileCopy(this.#newPath(), footer);
    await writeFile(copy.path, magic, { mode: 0o600, flag: 'wx' });
    await copy.setRowGroups(rowGroups);
    this.copies.add(copy);
    return copy;
  }

  async removeCopy(copy: FileCopy): Promise<void> {
    this.copies.delete(copy);
    await rm(copy.path, { force: true });
  }

  #newPath = (): string => join(this.#folder, `${this.#name}-${++this.#copyCount}.parquet`);

  #parse(metadata: Uint8Array): FooterParts {
    try {
      return new FooterParts(metadata);
    } catch (cause) {
      throw this.#fault(cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  #fault(reason: string, cause?: unknown): Error {
    return new ParquetFault(this.object.uri, 'open', reason, cause);
  }

  async #fetchFooter(ranges: ObjectRanges, options: FetchOptions, path: string): Promise<void> {
    const { size } = this.object;
    const start = size - Math.min(size, tailBytes(size));
    const tail = await ranges.read(this.object, { start, end: size }, options);
    const end = tail.length - 8;
    if (end < 4 || !tail.subarray(-4).equals(magic)) throw this.#fault('it does not end as a Parquet file does');
    const length = tail.readUInt32LE(end);
    if (length > size - 12) throw this.#fault(`its footer is said to have ${length} bytes`);
    const missing = length - end;
    const rest =
      missing > 0 ? await ranges.read(this.object, { start: start - missing, end: start }, options) : Buffer.alloc(0);
    const metadata = missing > 0 ? Buffer.concat([rest, tail.subarray(0, end)]) : tail.subarray(end - length, end);
    if (start === 0) await this.#keepWhole(tail, metadata);
    await writeFile(path, metadata, { mode: 0o600, flag: 'wx' });
  }

  async #keepWhole(bytes: Buffer, metadata: Uint8Array): Promise<void> {
    const parts = this.#parse(metadata);
    const copy = new FileCopy(this.#newPath(), { parts, start: bytes.length - 8 - metadata.length });
    await writeFile(copy.path, bytes, { mode: 0o600, flag: 'wx' });
    copy.holdAll(bytes.length);
    this.copies.add(copy);
  }
}

/** Our own footers take some 0.45 % of a file; a footer that turns out longer takes a second request. */
const tailBytes = (size: number): number => (size <= wholeFileBytes ? size : (4 << 10) + Math.ceil(size * 0.0046));

/** Chunks are known by row group and leaf. */
export interface ChunkKey {
  readonly rowGroup: number;
  readonly leaf: number;
}

export class FileCopy {
  readonly path: string;
  readonly #footer: Footer;
  readonly #held = new Set<string>();
  #rowGroups: readonly number[] = [];
  /** Bytes on the disk. */
  bytes = 0;
  /** Questions that read it now. */
  users = 0;
  lastUse = 0;

  constructor(path: string, footer: Footer) {
    this.path = path;
    this.#footer = footer;
  }

  /** By their numbers in the file. */
  get rowGroups(): readonly number[] {
    return this.#rowGroups;
  }

  has({ rowGroup, leaf }: ChunkKey): boolean {
    return this.#held.has(`${rowGroup}/${leaf}`);
  }

  hold(keys: readonly ChunkKey[]): void {
    for (const { rowGroup, leaf } of keys) this.#held.add(`${rowGroup}/${leaf}`);
  }

  /** It is a copy of the whole file. */
  holdAll(bytes: number): void {
    const { rowGroups } = this.#footer.parts;
    this.#rowGroups = rowGroups.map((_, index) => index);
    for (const [rowGroup, { chunks }] of rowGroups.entries()) this.hold(chunks.map((_, leaf) => ({ rowGroup, leaf })));
    this.bytes = bytes;
  }

  /** Shows these from now on. Not for a copy that somebody reads. */
  async setRowGroups(rowGroups: readonly number[]): Promise<void> {
    const { parts, start } = this.#footer;
    const bytes = parts.subset(rowGroups);
    // What was there before must not show through.
    await truncate(this.path, start);
    const handle = await open(this.path, 'r+');
    try {
      await handle.write(bytes, 0, bytes.length, start);
    } finally {
      await handle.close();
    }
    this.#rowGroups = rowGroups;
  }

  rangeOf({ rowGroup, leaf }: ChunkKey): ByteRange {
    return this.#footer.parts.rowGroups[rowGroup]!.chunks[leaf]!.range;
  }
}
