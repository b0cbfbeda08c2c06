import { createHash } from 'node:crypto';

/** How an erasure is written down without the name: the `detail` of its amendments. */
export const digestOfSubject = (subject: string): string =>
  `sha256:${createHash('sha256').update(subject).digest('hex')}`;

/**
 * How a record of a subject is found again in its object, as long as the object has it in the same place, and is not taken for
 * another one that stands there now: where it begins, and when its event happened, in microseconds since the epoch.
 */
export const placeOfRecord = (offset: unknown, eventTime: unknown): string => `${offset} ${eventTime}`;
