/** A source that cannot be listed fails the run, but only after all others have been read. */
import type { Logger } from 'pino';
import { type ObjectInfo, StoreError } from '../../store/store.ts';
import { logEvent } from '../../telemetry/events.ts';
import type { BackfillAccount } from './report.ts';

/** What a listing failed by: a fault of its source, as opposed to one of the warehouse. */
export class ListingFault extends Error {
  override readonly name = 'ListingFault';
  readonly fault: StoreError;
  constructor(fault: StoreError) {
    super(fault.message, { cause: fault });
    this.fault = fault;
  }
}

/** The same objects. Throws ListingFault where the store fails. */
export async function* sourceListing(objects: AsyncIterable<ObjectInfo>): AsyncGenerator<ObjectInfo> {
  try {
    yield* objects;
  } catch (error) {
    throw error instanceof StoreError ? new ListingFault(error) : error;
  }
}

export class UnlistedSources {
  readonly #names = new Set<string>();
  readonly #log: Logger;
  readonly #account: BackfillAccount;
  readonly #sources: number;

  /** `sources`: how many there are in all. */
  constructor(log: Logger, account: BackfillAccount, sources: number) {
    this.#log = log;
    this.#account = account;
    this.#sources = sources;
  }

  get any(): boolean {
    return this.#names.size > 0;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Throws what the store said where there is no other source. */
  add({ name, location }: { readonly name: string; readonly location: string }, { fault }: ListingFault): void {
    this.#names.add(name);
    if (this.#names.size === this.#sources) throw fault;
    const { code, message } = fault;
    logEvent(this.#log, 'source-unlisted', { source: name, code, reason: message });
    this.#account.failures.push({ uri: location, code, message });
  }
}
