/** Fields of CSV (RFC 4180). */

/** Quoted where it has to be; null and the empty text are both an empty field. */
export const csvField = (text: string): string => (/[",\r\n]/.test(text) ? quoted(text) : text);

/**
 * A field for spreadsheets: text that one would run as a formula gets an apostrophe before it, and one that splits at
 * semicolons or tabs finds none to split at.
 */
export const csvFieldForSpreadsheets = (text: string): string => quoted(text === '' ? text : inert(text));

const quoted = (text: string): string => (text === '' ? '' : `"${text.replaceAll('"', '""')}"`);

const inert = (text: string): string => (/^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text);
