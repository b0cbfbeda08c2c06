/** The accounts of a batch: read = rows + quarantined + duplicates + skipped, object by object. */
import type { ObjectCounts } from '../ledger/entry.ts';
import type { SkipReason } from '../records/outcome.ts';
import type { TakenCounts } from '../records/scan/row-writer.ts';
import type { ObjectInfo } from '../store/store.ts';

/** Counts of one object, and the check that each record read has become exactly one thing. */
export class Tally {
  records = 0;
  quarantined = 0;
  /** By reason. */
  readonly skips = new Map<SkipReason, number>();
  duplicates = 0;
  /** Of the rows, those that share their id with another row of the batch and differ from it. */
  conflicts = 0;
  #rows = 0;
  #bytes = 0;
  #min: bigint | null = null;
  #max: bigint | null = null;
  /** Of `records`, those that the fast path left to the reference path. */
  fallbacks = 0;

  /** Microseconds since the epoch. */
  row(eventTime: bigint): void {
    this.#rows++;
    this.#met(eventTime);
  }

  /** Everything that the fast path took of the object. */
  taken({ rows, duplicates, conflicts, least, greatest }: TakenCounts): void {
    this.records += rows + duplicates;
    this.duplicates += duplicates;
    this.conflicts += conflicts;
    this.#rows += rows;
    for (const time of [least, greatest]) if (time !== null) this.#met(time);
  }

  #met(eventTime: bigint): void {
    if (this.#min === null || eventTime < this.#min) this.#min = eventTime;
    if (this.#max === null || eventTime > this.#max) this.#max = eventTime;
  }

  async *measured(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  /** `mapping`: what the rows were made with (Source.mapping). */
  counts(object: ObjectInfo, mapping: string | null): ObjectCounts {
    const { records, quarantined, duplicates, skips } = this;
    const skipped = skips.values().reduce((sum, count) => sum + count, 0);
    if (records !== this.#rows + quarantined + skipped + duplicates) {
      throw new AccountingError(
        `${object.uri}: read ${records} records, but ${this.#rows} rows + ${quarantined} quarantined + ${duplicates} duplicates + ${skipped} skipped`,
      );
    }
    return {
      records,
      rows: this.#rows,
      quarantined,
      skipped,
      requestLines: skips.get('request-line') ?? 0,
      responseLines: skips.get('response-line') ?? 0,
      duplicates,
      mapping,
      bytesDecompressed: this.#bytes,
      minEventTime: this.#min,
      maxEventTime: this.#max,
    };
  }
}

/** A record was lost or counted twice: a fault of this program. Nothing of the batch is committed. */
export class AccountingError extends Error {
  override readonly name = 'AccountingError';
}

/** Adds to a count by key. */
export function increase<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
