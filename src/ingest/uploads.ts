/** Files of a table on their way to the store: so many bytes of them are held, and what is stored is given back at once. */
import { giveBack } from '../columns/give-back.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { type FileTarget, storeDataFile } from '../iceberg/write.ts';
import type { DayFile } from '../parquet/write/day-files.ts';
import { ByteBudget } from './byte-budget.ts';
import { InFlight } from './in-flight.ts';

const uploadsAtOnce = 4;
/** Bytes of files that are encoded and not stored yet. */
const mostWaiting = 16 << 20;

export class Uploads {
  readonly #budget = new ByteBudget(mostWaiting);
  readonly #begun = new InFlight(uploadsAtOnce);

  /** Begins to store a file and resolves when the next one may be made. `files` gets it at `at`. Throws the first failure. */
  async add(target: FileTarget, file: DayFile, files: DataFile[], at: number): Promise<void> {
    const release = await this.#budget.acquire(file.encoded.size);
    await this.#begun.slot();
    this.#begun.start(async () => {
      try {
        files[at] = await storeDataFile(target, file);
        for (const chunk of file.encoded.chunks) giveBack(chunk);
      } finally {
        release();
      }
    });
  }

  /** All that was begun has ended; throws the first failure. */
  settled(): Promise<void> {
    return this.#begun.drain();
  }
}
