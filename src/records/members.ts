/**
 * One pass over the bytes of a record that finds how deep it nests and where the members of its top-level object stand.
 *
 * The scan knows strings and brackets, not grammar: it takes any bytes without throwing, its depth is true for any
 * bytes, and its member ranges are true where JSON.parse accepts the text. The depth has to be known before JSON.parse.
 */
export interface Members {
  /** Greatest depth: 0 for a scalar, 1 for a flat object. */
  readonly depth: number;
  /** Four offsets a member, in the order of the text: start and end of the key with its quotes, start and end of the value. */
  readonly ranges: readonly number[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Scans bytes [start, end). Offsets in the answer are offsets into `bytes`. */
export function scanMembers(bytes: Uint8Array, start = 0, end = bytes.length): Members {
  const ranges: number[] = [];
  let depth = 0;
  let deepest = 0;
  let keyStart = -1;
  let keyEnd = -1;
  let valueStart = -1;
  let tokenEnd = start;
  for (let i = start; i < end; ) {
    const byte = bytes[i] as number;
    switch (byte) {
      case QUOTE: {
        const begin = i++;
        while (i < end && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
        i = i < end ? i + 1 : end;
        if (depth === 1) {
          if (keyStart < 0) {
            keyStart = begin;
            keyEnd = i;
          } else if (valueStart < 0) valueStart = begin;
        }
        tokenEnd = i;
        continue;
      }
      case 0x7b: // {
      case 0x5b: // [
        if (depth === 1 && valueStart < 0) valueStart = i;
        if (++depth > deepest) deepest = depth;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        if (depth === 1 && valueStart >= 0) {
          ranges.push(keyStart, keyEnd, valueStart, tokenEnd);
          keyStart = -1;
          valueStart = -1;
        }
        depth--;
        break;
      case 0x2c: // ,
        if (depth === 1) {
          if (valueStart >= 0) ranges.push(keyStart, keyEnd, valueStart, tokenEnd);
          keyStart = -1;
          valueStart = -1;
        }
        break;
      case 0x3a: // :
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        i++;
        continue;
      default:
        if (depth === 1 && valueStart < 0) valueStart = i;
    }
    i++;
    tokenEnd = i;
  }
  return { depth: deepest, ranges };
}

/** The text of a key, given the range with its quotes. */
export function keyText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start + 1, end - 1);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

/**
 * The keys of an object in the order of its text. Where no key is repeated and none looks like an array index (which
 * JavaScript moves to the front), they are those of the parsed object; else they are read from the text.
 */
export function keysInOrder(bytes: Buffer, ranges: readonly number[], parsed: object): string[] {
  const keys = Object.keys(parsed);
  if (keys.length === ranges.length / 4 && !/^\d/.test(keys[0] ?? '')) return keys;
  const inText: string[] = [];
  for (let m = 0; m < ranges.length; m += 4) inText.push(keyText(bytes, ranges[m] as number, ranges[m + 1] as number));
  return inText;
}

/** Which of the keys a later duplicate overrides, by index; null where none is. */
export function shadowedKeys(keys: readonly string[], parsed: object): Set<number> | null {
  if (keys.length === Object.keys(parsed).length) return null;
  const last = new Map<string, number>();
  const shadowed = new Set<number>();
  for (const [i, key] of keys.entries()) {
    const before = last.get(key);
    if (before !== undefined) shadowed.add(before);
    last.set(key, i);
  }
  return shadowed;
}
