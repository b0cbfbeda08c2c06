/** Paths of a record as people write them. */

/**
 * A dotted path from the record's root (`input.tenant.id`); a segment with a dot or a quote in it is written as a JSON
 * string (`input."a.b"`). Through an array a segment of digits is an index. Throws where the text is not such a path.
 */
export function parsePath(text: string): string[] {
  const segment = /"(?:[^"\\]|\\.)*"|[^."]+/y;
  const path: string[] = [];
  for (let at = 0; ; at++) {
    segment.lastIndex = at;
    const found = segment.exec(text)?.[0];
    if (found === undefined) throw new Error(`not a dotted path: ${text}`);
    path.push(found.startsWith('"') ? (JSON.parse(found) as string) : found);
    at += found.length;
    if (at === text.length) return path;
    if (text[at] !== '.') throw new Error(`not a dotted path: ${text}`);
  }
}

/** The inverse of parsePath, for messages and documentation. */
export const pathText = (path: readonly string[]): string =>
  path.map((segment) => (/^[\w$]+$/.test(segment) ? segment : JSON.stringify(segment))).join('.');
