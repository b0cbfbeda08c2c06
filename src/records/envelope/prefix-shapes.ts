/**
 * What the text in front of the JSON looks like in this object, so that a line that goes on with a record can be parted
 * from its prefix although no brace says where: the words without digits stand as they stood, those with digits may be
 * others, and what is between the words is the same.
 */
import type { Wrap } from './wraps.ts';

const mostShapes = 8;
const longestPrefix = 512;

export interface SplitLine {
  readonly text: Buffer;
  readonly wrap: Wrap | undefined;
}

/** Whether a record is open that such a line goes on with. */
export type IsExpected = (line: SplitLine) => boolean;

export class Shapes {
  readonly #shapes = new Map<string, RegExp>();
  readonly #isExpected: IsExpected;

  constructor(isExpected: IsExpected) {
    this.#isExpected = isExpected;
  }

  learn(prefix: string): void {
    if (prefix.length > longestPrefix) return;
    const source = `^${prefix.split(/(\s+)/).map(pattern).join('')}`;
    if (this.#shapes.has(source)) return;
    if (this.#shapes.size === mostShapes) this.#shapes.delete(this.#shapes.keys().next().value as string);
    this.#shapes.set(source, new RegExp(source));
  }

  /** Whether a line with this head (as latin1) begins as others do. */
  matches(head: string): boolean {
    for (const shape of this.#shapes.values()) if (shape.test(head)) return true;
    return false;
  }

  /** The line without its prefix, where it goes on with a record; undefined where it does not. */
  split(text: Buffer, outer: Wrap | undefined): SplitLine | undefined {
    if (this.#shapes.size === 0) return undefined;
    const head = text.toString('latin1', 0, 2 * longestPrefix);
    for (const shape of this.#shapes.values()) {
      const match = shape.exec(head);
      if (match === null) continue;
      const end = match[0].length;
      const prefix = text.toString('utf8', 0, end);
      const line = { text: text.subarray(end), wrap: { kind: 'text', prefix, suffix: '', outer } as const };
      if (this.#isExpected(line)) return line;
    }
    return undefined;
  }
}

/** A word with digits may be another one, and so may a colour; the bytes of other characters are as latin1 has them. */
function pattern(word: string): string {
  if (/^\s/.test(word)) return escaped(word);
  const parts = word.split(colours);
  return parts.map((part, i) => (i % 2 === 1 ? colour : wordPattern(part, parts.length === 1))).join('');
}

const wordPattern = (word: string, isWhole: boolean): string => {
  if (/\d/.test(word)) return isWhole ? '\\S+' : '[^\\s\\x1b]+';
  return escaped(Buffer.from(word).toString('latin1'));
};

/** An ANSI sequence, as terminals get it for colours. */
const colour = '\\x1b\\[[\\d;]*[A-Za-z]';
const colours = new RegExp(`(${colour})`);

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
