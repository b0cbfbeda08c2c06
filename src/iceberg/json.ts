/**
 * JSON whose integers survive. Snapshot ids are 63-bit, and JSON.parse rounds what does not fit a double; here an integer
 * literal outside the safe range becomes a bigint, and a bigint is written as an integer literal.
 */

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

const integer = /^-?\d+$/;

/** Safe integers and fractions as number, other integers as bigint. Throws SyntaxError as JSON.parse does. */
export function parseJson(text: string): unknown {
  return parseWithSource(text, (_key, value, context) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    context.source !== undefined &&
    integer.test(context.source)
      ? BigInt(context.source)
      : value,
  );
}

/** As JSON.stringify, with bigint as an integer literal. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? rawJson(item.toString()) : item));
}
