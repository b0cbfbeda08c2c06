/** Files of a table on their way to the store: so many bytes of them are held, and what is stored is given back at once. */
import pLimit from 'p-limit';
import { giveBack } from '../columns/give-back.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { type FileTarget, storeDataFile } from '../iceberg/write.ts';
import type { DayFile } from '../parquet/write/day-files.ts';
import { ByteBudget } from './byte-budget.ts';
import { InFlight } from './in-flight.ts';

const uploadsAtOnce = 4;
/** Bytes of files that are encoded and not stored yet. */
const mostWaiting = 16 << 20;
/** What a small file counts as: its figures take memory too. */
const leastCounted = 1 << 20;

export class Uploads {
  readonly #limit = pLimit(uploadsAtOnce);
  readonly #budget = new ByteBudget(mostWaiting);
  /** As many as the budget has room for. */
  readonly #begun = new InFlight(mostWaiting / leastCounted);
  #last: DataFile | undefined;

  /** Begins to store a file and resolves when the next one may be made. `files` gets it at `at`. Throws the first failure. */
  async add(target: FileTarget, file: DayFile, files: DataFile[], at: number): Promise<void> {
    const release = await this.#budget.acquire(Math.max(file.encoded.size, leastCounted));
    await this.#begun.slot();
    this.#begun.start(() =>
      this.#limit(async () => {
        files[at] = this.#last = sharing(await storeDataFile(target, file), this.#last);
        for (const chunk of file.encoded.chunks) giveBack(chunk);
      }).finally(release),
    );
  }

  /** All that was begun has ended; throws the first failure. */
  settled(): Promise<void> {
    return this.#begun.drain();
  }
}

/** The file with the other's counts where they are the same, as they are in small files of many days. */
function sharing(file: DataFile, other: DataFile | undefined): DataFile {
  if (other === undefined) return file;
  const either = (counts: 'columnSizes' | 'valueCounts' | 'nullCounts'): ReadonlyMap<number, number> => {
    const [own, others] = [file[counts], other[counts]];
    return own.size === others.size && [...own].every(([id, count]) => others.get(id) === count) ? others : own;
  };
  return {
    ...file,
    columnSizes: either('columnSizes'),
    valueCounts: either('valueCounts'),
    nullCounts: either('nullCounts'),
  };
}
