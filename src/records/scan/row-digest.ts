/** The digest of records/identity.ts over a scanned record, for sources whose identity is the whole record. */
import { hash } from 'node:crypto';
import { copyText, slack, Text } from '../../columns/text.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import { unescapeString } from './escapes.ts';
import { Tag } from './program.ts';
import { capacity, type ScannedRows } from './rows.ts';

const COLON = 0x3a;

interface DigestedColumn {
  readonly slot: number;
  readonly head: Text;
  readonly headLength: number;
}

export class RowDigest {
  /** Sorted by name, as the digest wants them. */
  readonly #columns: readonly DigestedColumn[];
  readonly #text = new Text(new Uint8Array(4096));
  #buffer: Buffer = Buffer.from(this.#text.bytes.buffer);
  #length = 0;

  /** Columns without a slot must be provenance or null in every record that is digested. */
  constructor(table: TableDeclaration, slots: ReadonlyMap<string, number>) {
    const compared = table.columns.filter(({ name }) => !table.provenance.includes(name) && slots.has(name));
    this.#columns = compared
      .map(({ name }) => name)
      .sort((a, b) => (a < b ? -1 : 1))
      .map((name) => {
        const bytes = Buffer.from(`${name}\n`);
        const head = new Text(new Uint8Array(bytes.length + slack));
        head.bytes.set(bytes);
        return { slot: slots.get(name)!, head, headLength: bytes.length };
      });
  }

  /** The digest of a row as a text of one character a byte: engines make such a text faster than a buffer. */
  of({ tags, starts, ends, numbers }: ScannedRows, row: number, source: Text): string {
    this.#length = 0;
    const target = this.#text;
    for (const { slot, head, headLength } of this.#columns) {
      const place = slot * capacity + row;
      const tag = tags[place]!;
      if (tag <= Tag.Null) continue;
      let start = starts[place]!;
      let end = ends[place]!;
      target.reserve(this.#length + headLength + end - start + 16);
      copyText(head, 0, headLength, target, this.#length);
      this.#length += headLength;
      if (tag === Tag.True || tag === Tag.False) this.#digit(tag === Tag.True ? 1 : 0);
      else if (tag === Tag.Int && numbers[place] === 0) this.#digit(0);
      else if (tag === Tag.Escaped) {
        const unescaped = new Uint8Array(end - start);
        const length = unescapeString(source.bytes, start + 1, end - 1, unescaped);
        this.#number(length);
        target.bytes.set(unescaped.subarray(0, length), this.#length);
        this.#length += length;
      } else {
        if (tag === Tag.String) {
          start++;
          end--;
        }
        this.#number(end - start);
        copyText(source, start, end, target, this.#length);
        this.#length += end - start;
      }
    }
    if (this.#buffer.buffer !== target.bytes.buffer) this.#buffer = Buffer.from(target.bytes.buffer);
    return hash('sha256', this.#buffer.subarray(0, this.#length), 'binary');
  }

  /** A value of one digit, its length in front. */
  #digit(value: number): void {
    this.#number(1);
    this.#text.bytes[this.#length++] = 0x30 + value;
  }

  /** A length and its colon. */
  #number(value: number): void {
    const { bytes } = this.#text;
    if (value < 10) bytes[this.#length++] = 0x30 + value;
    else if (value < 100) {
      const tens = Math.trunc(value / 10);
      bytes[this.#length++] = 0x30 + tens;
      bytes[this.#length++] = 0x30 + value - tens * 10;
    } else for (const digit of String(value)) bytes[this.#length++] = digit.charCodeAt(0);
    bytes[this.#length++] = COLON;
  }
}
