import type { EnvelopeForm } from './envelope/form.ts';
import type { Frame } from './frame/frame.ts';
import type { RecordOutcome } from './outcome.ts';

/** `origin`: what is kept of the record where it is rejected, and where it stood. */
export type Emit = (outcome: RecordOutcome, origin: Frame) => void;

/** Reads the records of one object. Frames come in the order of the object. Never throws for what they hold. */
export interface RecordReader {
  /**
   * Gives one outcome for each record that the frame holds or completes; none where it holds a piece of one. Leaves the
   * first `begun` records of a list out.
   */
  read(frame: Frame, emit: Emit, begun?: number): void;
  /** What was around a record of the frame read last, where the fast path may take such records (envelope/form.ts). */
  readonly form: EnvelopeForm | undefined;
  /** The object is over: gives the outcomes of what was still open. */
  end(emit: Emit): void;
  /** How many values of well-known or promoted columns were nulled because of another type, by column. */
  readonly typeMismatches: ReadonlyMap<string, number>;
}
