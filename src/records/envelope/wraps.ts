/**
 * What stands around a record, layer by layer from the inside out, and what follows from it: the exact text of the
 * envelope, the stream that a line belongs to, and whether a line is a piece of a record.
 */

import { compareText } from '../../text/order.ts';
import { keyText } from '../members.ts';
import type { JsonRecord } from '../parse.ts';
import { type PartialMark, partialMarks, streamMember, varyingWord } from './kinds.ts';
import { isKeyValueList, typeName } from './typed-values.ts';

export type Wrap = ObjectWrap | TextWrap;

/** An object with one member that holds what is inside. */
export interface ObjectWrap {
  readonly kind: 'object';
  readonly object: JsonRecord;
  /** Which member, counted in the order of the text. */
  readonly member: number;
  readonly outer: Wrap | undefined;
}

/** Text in front of and behind what is inside. */
export interface TextWrap {
  readonly kind: 'text';
  readonly prefix: string;
  readonly suffix: string;
  /** What the text was in. */
  readonly encoding?: 'base64';
  /** Of lines that containerd or CRI-O wrote. */
  readonly cri?: { readonly stream: string; readonly tag: string };
  readonly outer: Wrap | undefined;
}

export function* layersOf(wrap: Wrap | undefined): Generator<Wrap> {
  for (let layer = wrap; layer !== undefined; layer = layer.outer) yield layer;
}

/**
 * Everything around a record as one JSON object: the members of each object as they stand, without the one that holds
 * the record, or with what is around the record in there; text before and after as `prefix` and `suffix`. Of a list only
 * the element with the record is kept, in place of the list. null where there is nothing around.
 */
export function envelopeText(wrap: Wrap | undefined): Buffer | null {
  let inner: Buffer | null = null;
  for (const layer of layersOf(wrap))
    inner = layer.kind === 'text' ? aroundText(layer, inner) : aroundMember(layer, inner);
  return inner;
}

function aroundText({ prefix, suffix }: TextWrap, inner: Buffer | null): Buffer | null {
  const texts = [
    ...(prefix !== '' ? [`"prefix":${JSON.stringify(prefix)}`] : []),
    ...(suffix !== '' ? [`"suffix":${JSON.stringify(suffix)}`] : []),
  ].join(',');
  if (texts === '') return inner;
  if (inner === null) return Buffer.from(`{${texts}}`);
  return Buffer.concat([Buffer.from(`{${texts},`), inner.subarray(1)]);
}

function aroundMember({ object: { bytes, members }, member }: ObjectWrap, inner: Buffer | null): Buffer | null {
  const { ranges } = members;
  const parts: Buffer[] = [];
  for (let m = 0; m < ranges.length; m += 4) {
    const isHolder = m === member * 4;
    if (isHolder && inner === null) continue;
    parts.push(parts.length === 0 ? openObject : comma, bytes.subarray(ranges[m], ranges[m + 1]), colon);
    parts.push(isHolder ? (inner as Buffer) : bytes.subarray(ranges[m + 2], ranges[m + 3]));
  }
  if (parts.length === 0) return null;
  parts.push(closeObject);
  return Buffer.concat(parts);
}

const openObject = Buffer.from('{');
const closeObject = Buffer.from('}');
const comma = Buffer.from(',');
const colon = Buffer.from(':');

export interface PartialState {
  /** Said by the envelope: the text goes on in the next one, or ends here; undefined where nothing says so. */
  readonly more: boolean | undefined;
  readonly continues: boolean;
  /** Which piece of its record it is. */
  readonly ordinal: number | undefined;
  /** Whether the runtime took a line feed away behind the text. */
  readonly endedLine: boolean;
}

/** What the envelope of a text says about it being a piece. */
export function partialState(wrap: Wrap | undefined): PartialState {
  let more: boolean | undefined;
  let last = false;
  let continues = false;
  let endedLine = false;
  let ordinal: number | undefined;
  const note = (mark: PartialMark, value: string): void => {
    if (mark.last?.test(value)) last = true;
    else if (mark.more?.test(value)) more = true;
    if (mark.continues?.test(value)) continues = true;
    if (mark.counts && /^\d{1,9}$/.test(value)) ordinal = Number(value);
  };
  for (const layer of layersOf(wrap)) {
    if (layer.kind === 'text') {
      if (layer.cri === undefined) continue;
      more ??= layer.cri.tag === 'P';
      endedLine ||= layer.cri.tag === 'F';
      continue;
    }
    for (const [name, value] of facts(layer))
      for (const mark of partialMarks) if (mark.name.test(name)) note(mark, value);
  }
  return { more: last ? false : more, continues, ordinal, endedLine };
}

/** Names the stream: the same for all pieces of a record, another one for what another container or process wrote. */
export function streamKey(wrap: Wrap | undefined): string {
  const parts: string[] = [];
  for (const layer of layersOf(wrap)) {
    if (layer.kind === 'text') parts.push(layer.encoding ?? layer.cri?.stream ?? steadyWords(layer.prefix));
    else {
      // Writers sort members as they like, and differently from line to line.
      const steady = [...facts(layer)]
        .filter(([name]) => streamMember.test(name) && !partialMarks.some((mark) => mark.name.test(name)))
        .map(([name, value]) => `${name}=${value}`);
      parts.push(steady.sort(compareText).join('\t'), holderName(layer));
    }
  }
  return parts.join('\n');
}

/** The words of a prefix that are neither times nor counts. */
export const steadyWords = (prefix: string): string =>
  prefix
    .split(/\s+/)
    .filter((word) => !varyingWord.test(word))
    .join(' ');

/** The names of the members that lead to what is inside, from the outside in. */
export function placeOf(wrap: Wrap | undefined): string {
  const names: string[] = [];
  for (const layer of layersOf(wrap)) if (layer.kind === 'object') names.push(holderName(layer));
  return names.reverse().join('/');
}

function holderName({ object: { bytes, members }, member }: ObjectWrap): string {
  const { ranges } = members;
  return keyText(bytes, ranges[member * 4] as number, ranges[member * 4 + 1] as number);
}

/** How deep below an envelope names and values are looked for. */
const factDepth = 4;
const mostFacts = 256;

/** Scalars of an envelope by the name of their member, without the member that holds the record. */
function* facts(layer: ObjectWrap): Generator<[name: string, value: string]> {
  const holder = holderName(layer);
  let left = mostFacts;
  for (const [name, value] of Object.entries(layer.object.value)) {
    if (name === holder) continue;
    for (const fact of factsIn(name, value, factDepth)) {
      if (left-- === 0) return;
      yield fact;
    }
  }
}

function* factsIn(name: string, value: unknown, depth: number): Generator<[name: string, value: string]> {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    yield [name, String(value)];
    return;
  }
  if (typeof value !== 'object' || value === null || depth === 0) return;
  const type = typeName(value);
  if (type !== undefined) yield* factsIn(name, (value as Record<string, unknown>)[type], depth - 1);
  else if (isKeyValueList(value)) for (const each of value) yield* factsIn(each.key ?? '', each.value, depth - 1);
  else if (!Array.isArray(value))
    for (const [below, inner] of Object.entries(value)) yield* factsIn(below, inner, depth - 1);
}
