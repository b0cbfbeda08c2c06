/** A question with its values as the command that asks it, to be copied into a shell. */

/** The command line for a question on the engine that is named. */
export function queryCommand(question: string, given: ReadonlyMap<string, string>, engine = 'duckdb'): string {
  const words = ['audit-warehouse', 'query', question];
  for (const [name, value] of given) words.push('--param', `${name}=${value}`);
  if (engine !== 'duckdb') words.push('--engine', engine);
  return words.map(shellWord).join(' ');
}

/**
 * A word for a POSIX shell, quoted where it has to be. Text with characters that cannot be seen, or that turn around what
 * stands beside them, goes as $'…' with \u and \U escapes, which bash (4.2) and zsh read: what is copied is what is meant.
 */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (!invisible.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = Array.from(text, (character) => {
    if (character === "'" || character === '\\') return `\\${character}`;
    if (!invisible.test(character)) return character;
    const code = character.codePointAt(0)!;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `$'${parts.join('')}'`;
}

/** Anything but letters, marks, numbers, punctuation, symbols and the plain space. */
const invisible = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
