/**
 * Intents as JSON. They are put whole or not at all, so one that cannot be read was changed by somebody else: it may be
 * all that says what a run has begun, and is never passed over.
 */
import { parseJson } from '../iceberg/json.ts';

/** Whether a name is that of an intent: stores and desktops leave markers of their own in folders. */
export const isIntentUri = (uri: string): boolean => uri.endsWith('.json');

/** Throws where it is no JSON, or of a format that is not among `formats`; without those, any will do. */
export function parseIntentJson(bytes: Buffer, uri: string, formats?: readonly number[]): unknown {
  let json: unknown;
  try {
    json = parseJson(bytes.toString('utf8'));
  } catch (cause) {
    throw new Error(
      `${uri} is damaged, and says what a run has begun and nobody has ended: put its last version back, or remove it and run verify`,
      { cause },
    );
  }
  const format = (json as Readonly<Record<string, unknown>> | null)?.['format-version'];
  if (formats !== undefined && !formats.includes(format as number))
    throw new Error(`${uri} is an intent of format ${format}, and this version reads ${formats.join(', ')}`);
  return json;
}
