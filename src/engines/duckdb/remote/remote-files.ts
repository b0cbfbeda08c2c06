/**
 * The remote files of one engine: what has been fetched is there for the next question, up to a size on the disk beyond
 * which what is used no longer goes, the longest unused first.
 */
import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveFile } from '../../../iceberg/scan.ts';
import type { ByteRange } from '../../../parquet/read/footer-parts.ts';
import { TooMuchToFetch } from '../../../sql/parameter.ts';
import type { ObjectStore } from '../../../store/store.ts';
import { allEnded, type FetchOptions, ObjectRanges, type RangesInto } from './object-ranges.ts';
import { type ChunkKey, type FileCopy, RemoteFile } from './remote-file.ts';
import type { Scratch } from './scratch.ts';

export interface RemoteFilesOptions {
  readonly store: ObjectStore;
  readonly scratch: Scratch;
  /** Default: four fifths of what is free where temporary files are. */
  readonly maxBytes: number | undefined;
  readonly requestsAtATime: number;
}

/** Chunks that a copy has to have. */
export interface WantedChunks {
  readonly file: RemoteFile;
  readonly copy: FileCopy;
  readonly keys: readonly ChunkKey[];
}

export class RemoteFiles {
  readonly ranges: ObjectRanges;
  readonly #options: RemoteFilesOptions;
  readonly #files = new Map<string, RemoteFile>();
  #uses = 0;

  constructor(options: RemoteFilesOptions) {
    this.#options = options;
    this.ranges = new ObjectRanges(options.store, options.requestsAtATime);
  }

  async file(live: Pick<LiveFile, 'path' | 'fileSize'>): Promise<RemoteFile> {
    const folder = join(await this.#options.scratch.folder(), 'files');
    const file = this.#files.get(live.path) ?? new RemoteFile(live, folder);
    this.#files.set(live.path, file);
    return file;
  }

  /** Brings chunks into copies: out of another copy, or from the store. Throws TooMuchToFetch, and StoreError. */
  async ensure(wanted: readonly WantedChunks[], options: FetchOptions): Promise<void> {
    const local: { readonly from: FileCopy; readonly to: FileCopy; readonly range: ByteRange }[] = [];
    const remote: RangesInto[] = [];
    let bytes = 0;
    for (const { file, copy, keys } of wanted) {
      copy.lastUse = ++this.#uses;
      const ranges: ByteRange[] = [];
      for (const key of keys.filter((one) => !copy.has(one))) {
        const range = copy.rangeOf(key);
        bytes += range.end - range.start;
        const from = [...file.copies].find((other) => other !== copy && other.has(key));
        if (from === undefined) ranges.push(range);
        else local.push({ from, to: copy, range });
      }
      if (ranges.length > 0) remote.push({ object: file.object, ranges, path: copy.path });
    }
    await this.#makeRoom(bytes, new Set([...wanted.map(({ copy }) => copy), ...local.map(({ from }) => from)]));
    await allEnded([this.ranges.fetch(remote, options), copyRanges(local)]);
    for (const { copy, keys } of wanted) {
      for (const key of keys.filter((one) => !copy.has(one))) {
        const { start, end } = copy.rangeOf(key);
        copy.bytes += end - start;
      }
      copy.hold(keys);
    }
  }

  /** Room for so many bytes more. */
  async #makeRoom(bytes: number, keep: ReadonlySet<FileCopy>): Promise<void> {
    if (bytes === 0) return;
    const copies = [...this.#files.values()].flatMap((file) => [...file.copies].map((copy) => ({ file, copy })));
    let held = copies.reduce((sum, { copy }) => sum + copy.bytes, 0);
    const { bavail, bsize } = await statfs(await this.#options.scratch.folder());
    const most = this.#options.maxBytes ?? held + Math.floor(bavail * bsize * 0.8);
    if (held + bytes <= most) return;
    const unused = copies.filter(({ copy }) => copy.users === 0 && !keep.has(copy));
    for (const { file, copy } of unused.sort((a, b) => a.copy.lastUse - b.copy.lastUse)) {
      if (held + bytes <= most) return;
      held -= copy.bytes;
      await file.removeCopy(copy);
    }
    if (held + bytes <= most) return;
    throw new TooMuchToFetch(
      `the question needs ${bytes} bytes of remote files, more than the ${Math.max(0, most - held)} that are left for them on ` +
        'this disk: narrow it by time (ymd), name the columns that it needs instead of *, or ask Athena or Trino',
    );
  }
}

async function copyRanges(
  copies: readonly { readonly from: FileCopy; readonly to: FileCopy; readonly range: ByteRange }[],
): Promise<void> {
  for (const [from, group] of Map.groupBy(copies, (one) => one.from)) {
    const source = await open(from.path, 'r');
    const target = await open(group[0]!.to.path, 'r+');
    try {
      for (const { range } of group) {
        const bytes = Buffer.alloc(range.end - range.start);
        await source.read(bytes, 0, bytes.length, range.start);
        await target.write(bytes, 0, bytes.length, range.start);
      }
    } finally {
      await source.close();
      await target.close();
    }
  }
}
