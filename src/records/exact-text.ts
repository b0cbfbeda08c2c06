const BACKSLASH = 0x5c;

/**
 * A text that UTF-8 can hold: halves of surrogate pairs as the escapes that stand for them inside a string of JSON, so
 * that records that differ in nothing else stay different. Behind a backslash an escape would be another character; such
 * a text is no JSON with the half either.
 */
export function exactText(text: string): string {
  if (text.isWellFormed()) return text;
  const exact = text.replace(/[\ud800-\udfff]/gu, (half, at: number) => {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    return backslashes % 2 === 1 ? half : `\\u${half.charCodeAt(0).toString(16)}`;
  });
  return exact.toWellFormed();
}
