import { createHash } from 'node:crypto';

/** How an erasure is written down without the name: the `detail` of its amendments. */
export const digestOfSubject = (subject: string): string =>
  `sha256:${createHash('sha256').update(subject).digest('hex')}`;
