/** Texts that other texts carry: in quotes, and as base64, compressed or not. */
import { gunzipSync } from 'node:zlib';
import { compressionOf } from '../body/compression.ts';
import { isPieceOfUtf8 } from '../utf8.ts';
import { isControl } from './texts.ts';

/** What base64 of gzip, and of JSON objects, begins with. */
export const encodedHints = ['H4sI', 'eyJ', 'ewo'] as const;
const quotedLine = /^"([^"]*)"\s*$/;
const base64Text = /^[A-Za-z0-9+/\r\n]+={0,2}$/;

/** The text that this one is the base64 of, of so many bytes at most where it is compressed; undefined for any other. */
export function decodeBase64(text: Buffer, mostBytes: number): Buffer | undefined {
  const plain = base64Bytes(text, mostBytes);
  return plain !== undefined && isPieceOfUtf8(plain) && !plain.some(isControl) ? plain : undefined;
}

/** The same, whatever the bytes are. */
export function base64Bytes(text: Buffer, mostBytes: number): Buffer | undefined {
  // Kafka Connect writes bytes as JSON in quotes.
  const latin1 = text.toString('latin1').replace(quotedLine, '$1');
  if (!base64Text.test(latin1)) return undefined;
  const bytes = Buffer.from(latin1, 'base64');
  return gunzipped(bytes, mostBytes) ?? bytes;
}

function gunzipped(bytes: Buffer, mostBytes: number): Buffer | undefined {
  if (compressionOf(bytes) !== 'gzip') return undefined;
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes });
  } catch {
    return undefined;
  }
}

/**
 * A quote with an object behind it, where a value can begin: a text, a field of CSV, a value of logfmt or of a Ruby hash.
 * What may be an element of an array inside a record whose other pieces are not here is none of these.
 */
const quotedObject = /(?:^|\t|=>?)"\{\\"|(?:^|[,\t;]|=>?)"\{""/;
const escapedLiteral = /^"(?:[^"\\]|\\.)*"/;
const doubledLiteral = /^"(?:[^"]|"")*"/;

function stringOf(literal: string): string | undefined {
  try {
    return String(JSON.parse(literal));
  } catch {
    return undefined;
  }
}

/**
 * JSON in quotes, with what quotes inside of it have become: a JSON string of JSON, a value of logfmt (`msg="{\\"…"`) or a
 * field of CSV (`"{""…"`). Only where a value can begin, so that what a program cites is not taken for what it logs.
 */
export function quotedJson(line: string): { prefix: string; inner: string; suffix: string } | undefined {
  const quote = quotedObject.exec(line);
  if (quote === null) return undefined;
  const from = quote.index + quote[0].indexOf('"');
  const isDoubled = line.startsWith('"{""', from);
  const literal = (isDoubled ? doubledLiteral : escapedLiteral).exec(line.slice(from))?.[0];
  if (literal === undefined) return undefined;
  const suffix = line.slice(from + literal.length).trim();
  if (!isDoubled && quote.index === from && suffix !== '') return undefined;
  const inner = isDoubled ? literal.slice(1, -1).replaceAll('""', '"') : stringOf(literal);
  if (inner === undefined) return undefined;
  return { prefix: line.slice(0, from), inner, suffix };
}
