/**
 * Dictionary encoding (parquet-format, Encodings.md "Dictionary Encoding (PLAIN_DICTIONARY = 2 and
 * RLE_DICTIONARY = 8)"): the kernel makes a chunk's dictionary; here is decided whether to write it so.
 */
import type { ScalarData } from '../../columns/batch.ts';
import { kernel } from '../../kernel/kernel.ts';
import { gatherValues, type LeafStream } from './shred.ts';

export interface Dictionary {
  /** Number of distinct values. */
  readonly entries: number;
  /** Of the index of a value. */
  readonly bitWidth: number;
}

/**
 * The dictionary of the chunk that the kernel holds; undefined where its values repeat too little for one to pay, or it
 * would be too large. The values are gathered then, and always but for strings with a dictionary.
 */
export function makeDictionary(data: ScalarData, stream: LeafStream): Dictionary | undefined {
  if (stream.values === 0) return undefined;
  const { call } = kernel();
  if (data.kind === 'string' && data.codes !== null) {
    const { codes, offsets, bytes, entries } = data;
    const isMade = call.dictionaryOfCodes(codes.byteOffset, offsets.byteOffset, bytes.byteOffset, entries);
    if (isMade && hasFew(stream)) return made();
    gatherValues(data);
    return isMade && isSmaller(data, stream) ? made() : undefined;
  }
  gatherValues(data);
  if (data.kind === 'fixed' && data.type === 'boolean') return undefined;
  const isMade = data.kind === 'fixed' ? call.dictionaryOfNumbers() : call.dictionaryOfTexts();
  return isMade && (hasFew(stream) || isSmaller(data, stream)) ? made() : undefined;
}

function made(): Dictionary {
  const entries = kernel().call.dictionaryEntries();
  // One bit even for one entry: some readers take a width of 0 for an error.
  return { entries, bitWidth: Math.max(1, 32 - Math.clz32(entries - 1)) };
}

/** Distinct values are usually few; only where they are not must the plain size be known. */
const hasFew = ({ values }: LeafStream): boolean => kernel().call.dictionaryEntries() * 4 <= values;

function isSmaller(data: ScalarData, { values }: LeafStream): boolean {
  const { call } = kernel();
  const plain = data.kind === 'string' ? call.plainTextBytes(0, values) : values * data.values!.BYTES_PER_ELEMENT;
  return call.dictionaryBytes() + (values * made().bitWidth) / 8 <= plain * 0.9;
}
