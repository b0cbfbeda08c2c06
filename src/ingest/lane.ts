/**
 * What the batches of one thread share, so that it never waits between two of them: one at a time is read into columns, while
 * files of the one before it are on their way up and the first bodies of the next one on their way down. Bodies of both
 * stay within the memory of one: the next batch begins when all that is left of the one before is in memory already.
 */
import pLimit from 'p-limit';
import { ByteBudget } from './byte-budget.ts';

export class Lane {
  /** For all bodies that are not decompressed yet, in the order of their batches. */
  readonly budget: ByteBudget;
  readonly #turn = pLimit(1);

  constructor(downloadBytes: number) {
    this.budget = new ByteBudget(downloadBytes);
  }

  /** Reads batches one after another, in the order in which they came. */
  read<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn(work);
  }
}
