/** What is found in a frame, and where it stands. */
import type { Frame } from '../frame/frame.ts';
import type { Rejection, Skip } from '../outcome.ts';
import type { JsonRecord } from '../parse.ts';
import type { Wrap } from './wraps.ts';

export type Finding = FoundRecord | FoundText | FoundRejection | ForeignLine | Settled;

interface Found {
  /** What goes to quarantine where no row comes of it, and where it stood. */
  readonly origin: Frame;
}

export interface FoundRecord extends Found {
  readonly kind: 'record';
  readonly record: JsonRecord;
  readonly wrap: Wrap | undefined;
}

/** A text that is no JSON: a line of another program, or a piece of a record. */
export interface FoundText extends Found {
  readonly kind: 'text';
  readonly text: Buffer;
  readonly wrap: Wrap | undefined;
  /** It begins a JSON object and does not end it. */
  readonly isOpen: boolean;
}

export interface FoundRejection extends Found {
  readonly kind: 'rejection';
  readonly rejection: Rejection;
}

export interface ForeignLine extends Found {
  readonly kind: 'foreign';
  readonly skip: Pick<Skip, 'reason' | 'evidence'>;
}

/** A list of lines, whose elements have been given to `settle` one after the other. */
export interface Settled {
  readonly kind: 'settled';
}

/** Where something stands: its layers, its place in the decompressed object, the frame or element that it is part of. */
export interface Place {
  readonly wrap: Wrap | undefined;
  readonly at: number;
  readonly origin: Frame;
  /** Texts and encodings taken off so far. */
  readonly layers: number;
}

/** How much a list of findings says. */
export const Rank = { nothing: 0, foreign: 1, text: 2, piece: 3, record: 4 } as const;

export function rankOf(found: readonly Finding[]): number {
  let rank: number = Rank.nothing;
  for (const finding of found) {
    const own =
      finding.kind === 'text'
        ? finding.isOpen
          ? Rank.piece
          : Rank.text
        : finding.kind === 'foreign'
          ? Rank.foreign
          : Rank.record;
    if (own > rank) rank = own;
  }
  return rank;
}

export const settled: Finding[] = [{ kind: 'settled' }];

export const foreign = ({ origin }: Place, skip: ForeignLine['skip'] = { reason: 'foreign-line' }): ForeignLine => ({
  kind: 'foreign',
  skip,
  origin,
});

export const textFinding = (text: Buffer, isOpen: boolean, { wrap, origin }: Place): FoundText => ({
  kind: 'text',
  text,
  wrap,
  isOpen,
  origin,
});

/** What stands at `offset` of a place, behind another layer. */
export const inside = (place: Place, wrap: Wrap, offset: number): Place => ({ ...place, wrap, at: place.at + offset });

/** A part of a place that is a record for itself. */
export const apart = (place: Place, bytes: Buffer, offset: number): Place => ({
  ...place,
  at: place.at + offset,
  origin: { bytes, offset: place.at + offset },
});
