/**
 * A file of any number of rows with one text in all of them, in a hundred bytes: for what is known of a data file without reading it.
 * One dictionary page, and one data page that is a single run (parquet-format, Encodings.md "Dictionary Encoding", "RLE").
 */
import { Codec, createdBy, Encoding, encodeFooter, magic, PageType } from '../format/footer.ts';
import { fileSchema } from '../format/schema.ts';
import { dataPageHeader, dictionaryPageHeader } from './pages.ts';

/** `rows` of the column, which has no field id. */
export function constantFile(name: string, value: string, rows: number): Uint8Array {
  const text = Buffer.from(value);
  const entry = Buffer.alloc(4 + text.length);
  entry.writeUInt32LE(text.length);
  entry.set(text, 4);
  // Indices of one bit, of which there is one run of zeros.
  const run = Buffer.from([1, ...varint(rows * 2), 0]);
  const dictionary = Buffer.concat([dictionaryPageHeader(1, entry.length, entry.length), entry]);
  const data = Buffer.concat([dataPageHeader(rows, Encoding.RLE_DICTIONARY, run.length, run.length), run]);
  const schema = fileSchema([{ name, type: 'string', required: true, id: 1 }]);
  const size = dictionary.length + data.length;
  const footer = encodeFooter({
    schema,
    rows,
    rowGroups: [
      {
        rows,
        chunks: [
          {
            leaf: schema.leaves[0]!,
            encodings: [Encoding.PLAIN, Encoding.RLE_DICTIONARY],
            pageEncodings: [
              { pageType: PageType.DICTIONARY_PAGE, encoding: Encoding.PLAIN, count: 1 },
              { pageType: PageType.DATA_PAGE, encoding: Encoding.RLE_DICTIONARY, count: 1 },
            ],
            codec: Codec.UNCOMPRESSED,
            valueCount: rows,
            uncompressedSize: size,
            compressedSize: size,
            dictionaryPageOffset: magic.length,
            dataPageOffset: magic.length + dictionary.length,
            statistics: { nullCount: 0, min: text, max: text, minIsExact: true, maxIsExact: true },
          },
        ],
      },
    ],
    sortedBy: [],
    createdBy: createdBy('constant'),
  });
  return Buffer.concat([magic, dictionary, data, footer]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}
