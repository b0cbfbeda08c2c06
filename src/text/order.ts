/**
 * The order of texts: that of their UTF-8 bytes, which is the order of their code points. S3 lists keys so, Iceberg and
 * Parquet bound columns so, and every engine sorts so. JavaScript's own comparisons (`<`, `sort()` without a comparator)
 * go by UTF-16 code units and put U+10000 and beyond in front of U+E000 to U+FFFF, so they are kept away from
 * names, keys and paths (test/text/order.test.ts).
 */

/** Negative where `a` comes before `b`, 0 where they are the same text. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Moves surrogates, which stand for code points above U+FFFF, behind all other units. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/** The least and the greatest of some texts, in any order; undefined of none. */
export function textRange(texts: Iterable<string>): { readonly from: string; readonly to: string } | undefined {
  let range: { from: string; to: string } | undefined;
  for (const text of texts) {
    range ??= { from: text, to: text };
    if (compareText(text, range.from) < 0) range.from = text;
    if (compareText(text, range.to) > 0) range.to = text;
  }
  return range;
}
