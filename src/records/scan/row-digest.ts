/** The digest of records/identity.ts over a scanned record, for sources whose identity is the whole record. */
import { hash } from 'node:crypto';
import type { TableDeclaration } from '../../tables/declaration.ts';
import { unescapeString } from './escapes.ts';
import { Tag } from './program.ts';
import type { RecordScanner } from './scanner.ts';

export class RowDigest {
  /** Sorted by name, as the digest wants them. */
  readonly #columns: readonly { readonly slot: number; readonly head: Uint8Array }[];
  #text = Buffer.alloc(4096);
  #length = 0;

  /** Columns without a slot must be provenance or null in every record that is digested. */
  constructor(table: TableDeclaration, slots: ReadonlyMap<string, number>) {
    const compared = table.columns.filter(({ name }) => !table.provenance.includes(name) && slots.has(name));
    this.#columns = compared
      .map(({ name }) => ({ name, slot: slots.get(name)!, head: Buffer.from(`${name}\n`) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  of(scanner: RecordScanner, bytes: Uint8Array): Buffer {
    this.#length = 0;
    for (const { slot, head } of this.#columns) {
      const tag = scanner.tags[slot]!;
      if (tag <= Tag.Null) continue;
      const start = scanner.starts[slot]!;
      const end = scanner.ends[slot]!;
      this.#reserve(head.length + end - start + 16);
      this.#append(head, 0, head.length);
      if (tag === Tag.True || tag === Tag.False) this.#number(tag === Tag.True ? 1 : 0, true);
      else if (tag === Tag.Int && scanner.numbers[slot] === 0) this.#number(0, true);
      else if (tag === Tag.Escaped) {
        const target = new Uint8Array(end - start);
        const length = unescapeString(bytes, start, end, target);
        this.#number(length, false);
        this.#append(target, 0, length);
      } else {
        this.#number(end - start, false);
        this.#append(bytes, start, end);
      }
    }
    return hash('sha256', this.#text.subarray(0, this.#length), 'buffer');
  }

  /** A length and its colon; or, for a value of one digit, both. */
  #number(value: number, isValue: boolean): void {
    const text = isValue ? `1:${value}` : `${value}:`;
    for (let i = 0; i < text.length; i++) this.#text[this.#length++] = text.charCodeAt(i);
  }

  #append(source: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) this.#text[this.#length++] = source[at]!;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#text.length) return;
    const text = Buffer.alloc((this.#length + bytes) * 2);
    text.set(this.#text);
    this.#text = text;
  }
}
