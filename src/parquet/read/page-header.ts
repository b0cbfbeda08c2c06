/** Page headers (parquet.thrift, struct PageHeader), read from the compact protocol of Thrift. */

export interface PageHeader {
  /** parquet.thrift, enum PageType. */
  readonly type: number;
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  /** Level entries, or entries of a dictionary. */
  readonly values: number;
  /** parquet.thrift, enum Encoding. */
  readonly encoding: number;
  /** Of a DATA_PAGE_V2 only. */
  readonly v2?: { readonly definitionBytes: number; readonly repetitionBytes: number; readonly isCompressed: boolean };
  /** Where the body starts. */
  readonly end: number;
}

export const DATA_PAGE = 0;
export const DICTIONARY_PAGE = 2;
export const DATA_PAGE_V2 = 3;

/** Throws RangeError where the header does not end. */
export function readPageHeader(bytes: Uint8Array, at: number): PageHeader {
  const input = new CompactReader(bytes, at);
  const fields = input.struct();
  const type = Number(fields.get(1));
  const page = (fields.get(type === DICTIONARY_PAGE ? 7 : type === DATA_PAGE_V2 ? 8 : 5) ?? new Map()) as Fields;
  const isV2 = type === DATA_PAGE_V2;
  return {
    type,
    uncompressedSize: Number(fields.get(2)),
    compressedSize: Number(fields.get(3)),
    values: Number(page.get(1)),
    encoding: Number(page.get(isV2 ? 4 : 2)),
    ...(isV2 && {
      v2: {
        definitionBytes: Number(page.get(5)),
        repetitionBytes: Number(page.get(6)),
        isCompressed: page.get(7) !== false,
      },
    }),
    end: input.at,
  };
}

type Fields = ReadonlyMap<number, unknown>;

/** As much of the compact protocol as page headers have; what is not a number, a boolean or a struct is passed over. */
class CompactReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  struct(): Map<number, unknown> {
    const fields = new Map<number, unknown>();
    for (let id = 0; ; ) {
      const head = this.#byte();
      const type = head & 0x0f;
      if (type === 0) return fields;
      id = head >> 4 === 0 ? this.#zigzag() : id + (head >> 4);
      fields.set(id, this.#value(type));
    }
  }

  #value(type: number): unknown {
    switch (type) {
      case 1:
        return true;
      case 2:
        return false;
      case 3:
        return this.#byte();
      case 4:
      case 5:
      case 6:
        return this.#zigzag();
      case 7:
        this.at += 8;
        return undefined;
      case 8: {
        const length = this.#varint();
        this.at += length;
        return undefined;
      }
      case 9:
      case 10: {
        const head = this.#byte();
        const size = head >> 4 === 15 ? this.#varint() : head >> 4;
        // In a list a boolean has a byte of its own.
        for (let i = 0; i < size; i++) (head & 0x0f) <= 2 ? this.#byte() : this.#value(head & 0x0f);
        return undefined;
      }
      case 12:
        return this.struct();
      default:
        throw new RangeError(`a page header has a field of type ${type}`);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new RangeError('a page header does not end');
    return byte;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > 2 ** 56) throw new RangeError('a page header has a number that does not end');
    }
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
