/**
 * Turns: which process of those that share a warehouse commits next. One small object says who has the turn, and it
 * changes hands by conditional writes, so commits seldom meet and little that was staged for one is staged again.
 *
 * Nothing rests on it but that. A turn that is taken from a holder who is only slow leads to a conflict, which commits
 * are made to survive. So no clocks are compared: a turn is taken over once its object has stayed the same for as long
 * as a holder may take, or at once where its holder is known to be dead.
 */
import { StoreError } from '../store/store.ts';
import type { LedgerRuntime } from './runtime.ts';

const pollMs = 100;
/** Longer than a commit of a group takes. */
const turnMs = 15_000;
/** A turn is kept for what waits already when a group is done, but not for longer than this. */
const keptMs = 1000;

interface Turn {
  readonly etag: string;
  /** Counts turns, so that no two states of the object are alike. */
  readonly number: number;
  /** Whose turn it is or was. */
  readonly owner: string;
  readonly isOver: boolean;
  /** Another process waits for it to end. */
  readonly isWanted: boolean;
  /** When the last batch of a source was committed in a turn, in milliseconds, by source. */
  readonly commits: Readonly<Record<string, number>>;
}

/** Sources that a turn knows, at most: those of the last commits. */
const mostSources = 1000;

/** A turn that is ours, or as good as. */
export interface Taken {
  /** Others were seen to have had a turn since the last work was told. */
  readonly othersCommit: boolean;
  /**
   * Resolves once the turn is held. Until then everything may be prepared, and nothing committed. True where others held it
   * in between, so that what was prepared may be of a state that they have changed.
   */
  readonly held: Promise<boolean>;
}

interface TakeOptions {
  readonly rest?: (givenOn: Promise<void>) => void;
  readonly isNextWaiting?: () => boolean;
}

type TurnsRuntime = Pick<LedgerRuntime, 'store' | 'config' | 'owner' | 'clock' | 'sleep'>;

export class Turns {
  readonly #runtime: TurnsRuntime;
  readonly #uri: string;
  /** The last one of ours, as it was given on. */
  #ours: Turn | undefined;
  #ahead: Promise<Turn | undefined> | undefined;
  /** Ours, for the work that follows. */
  #kept: { readonly turn: Turn; readonly since: number } | undefined;
  #endedAt = Number.NEGATIVE_INFINITY;
  #othersCommit = false;
  #othersWait = false;
  /** The last turn was not to be had at once. */
  #isContended = false;
  /** In the turn that is ours. */
  #commits: Readonly<Record<string, number>> = {};
  #lastCommits: Readonly<Record<string, number>> = {};

  constructor(runtime: TurnsRuntime) {
    this.#runtime = runtime;
    this.#uri = `${runtime.config.warehouse}/_commits/turn.json`;
  }

  /** Looks whose turn it is, so that the first one of this process need not. */
  prepare(): void {
    if (this.#ahead !== undefined) return;
    const ahead = this.#read();
    this.#ahead = ahead;
    // A turn looks itself, perhaps weeks later, when the failure is long over.
    ahead.catch(() => {
      if (this.#ahead === ahead) this.#ahead = undefined;
    });
  }

  /**
   * Takes a turn, and gives it on afterwards. `work` begins once the turn is held, or, where taking it is expected to need
   * one request at most, beside that request. `rest` is given the promise of its end; without it that is waited for. Where
   * `isNextWaiting` says so, the turn is kept for the next work of this process, which the caller begins in any case.
   */
  async take<T>(work: (taken: Taken) => Promise<T>, { rest, isNextWaiting }: TakeOptions = {}): Promise<T> {
    const { clock } = this.#runtime;
    const kept = this.#kept;
    this.#kept = undefined;
    const isFree = kept !== undefined || (await this.#isFree());
    const acquired =
      kept === undefined ? this.#acquire().then((turn) => ({ turn, since: clock() })) : Promise.resolve(kept);
    const held = acquired.then(() => kept === undefined && this.#isContended);
    held.catch(() => {});
    if (!isFree) await held;
    const othersCommit = this.#othersCommit;
    this.#othersCommit = false;
    try {
      return await work({ othersCommit, held });
    } finally {
      const { turn, since } = await acquired;
      if (isNextWaiting?.() === true && clock() - since < keptMs) this.#kept = { turn, since };
      else {
        const givenOn = this.#release(turn);
        if (rest === undefined) await givenOn;
        else rest(givenOn);
      }
    }
  }

  /** Batches of these sources were committed in the turn that is ours. */
  committed(sources: Iterable<string>): void {
    const now = this.#runtime.clock();
    this.#commits = { ...this.#commits, ...Object.fromEntries([...sources].map((source) => [source, now])) };
  }

  /** When a batch of the source was last committed, by any process, in milliseconds: as it was when last looked at. */
  lastCommit(source: string): number | undefined {
    return this.#lastCommits[source];
  }

  /** Looks at what others have committed. */
  async look(): Promise<void> {
    this.#lastCommits = (await this.#read())?.commits ?? {};
  }

  /** Whether, as far as is known, the next request makes the turn ours. */
  async #isFree(): Promise<boolean> {
    if (this.#ours !== undefined) return !this.#isContended && !this.#othersWait;
    try {
      if (this.#ahead === undefined) return false;
      const seen = await this.#ahead;
      return seen === undefined || this.#isToBeHad(seen);
    } catch {
      // Taking it meets the same failure.
      return false;
    }
  }

  #isToBeHad({ isOver, owner }: Turn): boolean {
    return isOver || this.#runtime.owner.isDead(owner);
  }

  async #acquire(): Promise<Turn> {
    const { owner, clock, sleep } = this.#runtime;
    this.#isContended = false;
    // They look only now and then, and would never get a turn that is taken again at once.
    const pause = this.#othersWait ? this.#endedAt + 2 * pollMs - clock() : 0;
    if (pause > 0) await sleep(pause);
    const next = this.#ours && (await this.#put(this.#ours, { isOver: false }));
    this.#othersWait = false;
    if (next !== undefined) return next;
    this.#isContended = this.#ours !== undefined;
    this.#othersCommit ||= this.#isContended;
    let seen: Turn | undefined;
    for (let waited = 0; ; waited += pollMs) {
      const ahead = this.#ahead;
      this.#ahead = undefined;
      const current = await (ahead ?? this.#read());
      if (current?.number !== seen?.number) waited = 0;
      seen = current;
      if (seen !== undefined && seen.owner !== owner.id) this.#othersCommit = true;
      if (seen === undefined || this.#isToBeHad(seen) || waited >= turnMs) {
        const taken = await this.#put(seen, { isOver: false });
        if (taken !== undefined) return taken;
        this.#isContended = true;
        if (ahead !== undefined) continue;
      } else {
        this.#isContended = true;
        if (!seen.isWanted) seen = (await this.#put(seen, { owner: seen.owner, isWanted: true })) ?? seen;
      }
      await sleep(pollMs);
    }
  }

  async #release(turn: Turn): Promise<void> {
    // Where it was taken from us, it is not ours to give on. Where the store fails, it runs out.
    this.#ours = await this.#end(turn).catch((error: unknown) => {
      if (error instanceof StoreError) return undefined;
      throw error;
    });
    this.#endedAt = this.#runtime.clock();
    this.#commits = {};
  }

  async #end(turn: Turn): Promise<Turn | undefined> {
    const ended = await this.#put(turn, { isOver: true });
    if (ended !== undefined) return ended;
    const current = await this.#read();
    // What somebody wrote into it is that they want it.
    this.#othersWait = current?.isWanted === true && current.number === turn.number + 1;
    return this.#othersWait ? this.#put(current, { isOver: true }) : undefined;
  }

  /** undefined where there is none yet. */
  async #read(): Promise<Turn | undefined> {
    try {
      const { info, chunks } = await this.#runtime.store.get(this.#uri);
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) parts.push(chunk);
      return { ...parseTurn(Buffer.concat(parts).toString()), etag: info.etag };
    } catch (error) {
      if (error instanceof StoreError && (error.code === 'not-found' || error.code === 'precondition-failed')) return;
      throw error;
    }
  }

  /** The next state of the object, over this one; undefined where somebody else was faster. */
  async #put(over: Turn | undefined, change: Partial<Turn>): Promise<Turn | undefined> {
    const { store, owner } = this.#runtime;
    const number = (over?.number ?? 0) + 1;
    const all = Object.entries({ ...over?.commits, ...this.#commits }).sort(([, a], [, b]) => b - a);
    const commits = Object.fromEntries(all.slice(0, mostSources));
    const turn = { number, owner: owner.id, isOver: false, isWanted: false, commits, ...change };
    const body = Buffer.from(JSON.stringify({ 'format-version': 1, ...turn }));
    const condition = over === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: over.etag };
    try {
      const { etag } = await store.put(this.#uri, body, { ...condition, contentType: 'application/json' });
      return { ...turn, etag };
    } catch (error) {
      if (error instanceof StoreError && (error.code === 'precondition-failed' || error.code === 'not-found')) return;
      throw error;
    }
  }
}

/** Whatever else is there is nobody's turn, and will be written over. */
function parseTurn(text: string): Omit<Turn, 'etag'> {
  try {
    const { number, owner, isOver, isWanted, commits } = JSON.parse(text) as Record<string, unknown>;
    if (Number.isSafeInteger(number) && typeof owner === 'string') {
      const known = Object.entries(commits ?? {}).filter(([, at]) => Number.isFinite(at));
      return {
        number: Number(number),
        owner,
        isOver: isOver === true,
        isWanted: isWanted === true,
        commits: Object.fromEntries(known),
      };
    }
  } catch {
    // Damaged.
  }
  return { number: 0, owner: '', isOver: true, isWanted: false, commits: {} };
}
