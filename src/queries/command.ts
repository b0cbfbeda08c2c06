/** A question with its values as a command to copy into a shell. */
import { isHidden } from '../text/printable.ts';

/** The command line that asks a question of an engine. */
export function queryCommand(question: string, given: ReadonlyMap<string, string>, engine = 'duckdb'): string {
  const words = ['audit-warehouse', 'query', question];
  for (const [name, value] of given) words.push(`${name}=${value}`);
  if (engine !== 'duckdb') words.push('--engine', engine);
  return words.map(shellWord).join(' ');
}

/**
 * A word for a POSIX shell, quoted if it has to be. Text with invisible characters, or characters that change the direction
 * of writing, becomes $'…' with \u and \U escapes, which bash (4.2 and later) and zsh understand.
 */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (!isHidden.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = Array.from(text, (character) => {
    if (character === "'" || character === '\\') return `\\${character}`;
    if (!isHidden.test(character)) return character;
    const code = character.codePointAt(0)!;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `$'${parts.join('')}'`;
}
