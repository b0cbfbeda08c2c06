/**
 * The form of an envelope: what has to be the same in another line for its record to stand in the same place. What
 * `Unwrapper.object` takes an object for, and where it looks into it first, follows from which members there are,
 * of which types, and from the values of a few (RecordMarks.valued). Of a record that was taken out of its envelope that
 * is written down here, and the fast path takes the records of lines that have all of it
 * (kernel/assembly/scan/envelope.ts), without looking into anything else.
 *
 * Only forms that can be told so easily have one: one list at most, no text around another envelope, no encodings, no
 * member of another name than those that are looked into first.
 */
import type { Frame } from '../frame/frame.ts';
import { keyText } from '../members.ts';
import type { FoundRecord } from './findings.ts';
import { lineMembers, listMembers } from './kinds.ts';
import type { RecordMarks } from './marks.ts';
import { layersOf, type ObjectWrap } from './wraps.ts';

/** Numbers and booleans are of one type each. */
export type FormType = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

export interface EnvelopeForm {
  /** Whether the line begins with the time, stream and tag of containerd or CRI-O. */
  readonly isCri: boolean;
  /** The objects around the record, from the outside in. */
  readonly objects: readonly FormObject[];
}

export interface FormObject {
  /** In any order: some shippers write another one in each line. */
  readonly members: readonly FormMember[];
  /** Which of them holds the next object, or the record. */
  readonly holder: number;
  /** What that is: the object itself, a string with its JSON text, a list of such objects. */
  readonly holds: 'object' | 'text' | 'list';
}

export interface FormMember {
  /** As it stands in the text, without its quotes. */
  readonly key: string;
  readonly type: FormType;
  /** Whether, being an object, it must not be a typed string, since that would be looked into before the holder. */
  readonly isGuarded: boolean;
  /** The exact text of its value, where that matters. */
  readonly text?: Buffer;
}

/** Objects of more are not worth it. */
const mostMembers = 64;
const mostKeyBytes = 256;

/** The form of what is around a record that was found in `frame`; undefined where it has none. */
export function formOf(
  { record, wrap, origin }: FoundRecord,
  frame: Frame,
  marks: RecordMarks,
): EnvelopeForm | undefined {
  const objects: FormObject[] = [];
  let inner = record.bytes;
  let isCri = false;
  for (const layer of layersOf(wrap)) {
    if (isCri) return undefined;
    if (layer.kind === 'text') {
      isCri = layer.cri?.tag === 'F';
      if (!isCri) return undefined;
      continue;
    }
    const object = formOfObject(layer, inner, marks);
    if (object === undefined) return undefined;
    objects.unshift(object);
    // What is found in a list stands where its element does.
    if (object.holds === 'list' && !inner.equals(origin.bytes)) return undefined;
    inner = layer.object.bytes;
  }
  // Whether a text that is an envelope itself goes on with an open record depends on the lines before it (streams.ts).
  if (isCri ? objects.length > 0 : objects.slice(0, -1).some(({ holds }) => holds === 'text')) return undefined;
  const lists = objects.filter(({ holds }) => holds === 'list').length;
  if (lists > 1 || (lists === 0 && origin !== frame)) return undefined;
  return { isCri, objects };
}

/** In which order the members of an object are looked into: the textual ones of `lineMembers`, all of them, `listMembers`. */
const passOf = { text: 0, object: 1, list: 2 } as const;

/** `inner`: the text of what the object holds. */
function formOfObject(layer: ObjectWrap, inner: Buffer, marks: RecordMarks): FormObject | undefined {
  const { object, member: holder } = layer;
  const { bytes, value, members } = object;
  const { ranges } = members;
  const count = ranges.length / 4;
  if (count > mostMembers || count !== Object.keys(value).length) return undefined;
  const rangeOf = (i: number, part: 0 | 2): [number, number] => [ranges[i * 4 + part]!, ranges[i * 4 + part + 1]!];
  const names = Array.from({ length: count }, (_, i) => keyText(bytes, ...rangeOf(i, 0)));
  const holds = howHeld(value[names[holder]!], bytes.subarray(...rangeOf(holder, 2)), inner);
  if (holds === undefined) return undefined;
  const looked = (holds === 'list' ? listMembers : lineMembers).indexOf(names[holder]!);
  if (looked < 0) return undefined;
  const isBefore = (pass: number, place: number): boolean =>
    place >= 0 && (pass < passOf[holds] || (pass === passOf[holds] && place < looked));

  const form: FormMember[] = [];
  for (const [i, name] of names.entries()) {
    const [keyStart, keyEnd] = rangeOf(i, 0);
    const key = bytes.toString('utf8', keyStart + 1, keyEnd - 1);
    if (key !== name || keyEnd - keyStart > mostKeyBytes) return undefined;
    const type = typeOf(value[name]);
    const place = lineMembers.indexOf(name);
    const isAsked = i !== holder && isBefore(passOf.text, place);
    // A list may be the bytes of a text.
    if (isAsked && (type === 'string' || type === 'array')) return undefined;
    if (i !== holder && type === 'object' && isBefore(passOf.object, place)) return undefined;
    if (i !== holder && type === 'array' && isBefore(passOf.list, listMembers.indexOf(name))) return undefined;
    const isValued = i !== holder && type === 'string' && marks.valued.includes(name);
    form.push({
      key,
      type,
      isGuarded: isAsked,
      ...(isValued && { text: Buffer.from(bytes.subarray(...rangeOf(i, 2))) }),
    });
  }
  return { members: form, holder, holds };
}

/** How a value, which stands in `bytes`, holds what has the text `inner`; undefined where that is otherwise, as in base64. */
function howHeld(value: unknown, bytes: Buffer, inner: Buffer): FormObject['holds'] | undefined {
  if (typeof value === 'string') return isTextOf(value, inner) ? 'text' : undefined;
  if (Array.isArray(value)) return 'list';
  return bytes.equals(inner) ? 'object' : undefined;
}

/** Whether a text is that of the object and nothing else: no encoding, no prefix, not one of several. */
function isTextOf(text: string, object: Buffer): boolean {
  const bytes = Buffer.from(text);
  return (
    bytes.subarray(0, object.length).equals(object) && /^[ \t\r\n]*$/.test(bytes.toString('latin1', object.length))
  );
}

function typeOf(value: unknown): FormType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as FormType;
}
