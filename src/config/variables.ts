// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the notation of the configuration.
/**
 * `${VAR}` and `${VAR:-default}` in values of the configuration file, from the environment. They are expanded in the data that
 * YAML has made of the file, so what a variable holds is text and never syntax; `$${` stands for `${`. A default is
 * taken where the variable is not set or empty, as a shell does. What a variable holds is never part of a message.
 */
import type { KeyPath } from './check.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Changes the texts in `data` in place; `problem` hears of each that cannot be expanded, which then stays as it is. Gives
 * the names of the variables that the file has.
 */
export function expandVariables(
  data: object,
  env: Environment,
  problem: (path: KeyPath, message: string) => void,
): ReadonlySet<string> {
  const names = new Set<string>();
  // What an alias of YAML repeats is one object, and expanded once.
  const seen = new Set<object>();
  const walk = (group: Record<string | number, unknown>, path: KeyPath): void => {
    if (seen.has(group)) return;
    seen.add(group);
    for (const [key, value] of Object.entries(group)) {
      const at = [...path, Array.isArray(group) ? Number(key) : key];
      if (typeof value === 'string') {
        if (value.includes('${')) group[key] = expand(value, env, names, (message) => problem(at, message));
      } else if (typeof value === 'object' && value !== null) walk(value as Record<string, unknown>, at);
    }
  };
  walk(data as Record<string, unknown>, []);
  return names;
}

const reference = /\$?\$\{([^}]*)(\}?)/g;
const form = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

function expand(text: string, env: Environment, names: Set<string>, problem: (message: string) => void): string {
  let isWrong = false;
  const fail = (message: string): string => {
    isWrong = true;
    problem(message);
    return '';
  };
  const expanded = text.replace(reference, (whole: string, inner: string, close: string) => {
    if (whole.startsWith('$$')) return whole.slice(1);
    const [, name, fallback] = (close === '' ? null : form.exec(inner)) ?? [];
    if (name === undefined || fallback?.includes('${')) {
      return fail(
        'has a ${ that does not begin a variable: write ${NAME} or ${NAME:-default}, or $${ for the text itself',
      );
    }
    names.add(name);
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (fallback !== undefined) return value || fallback;
    return (
      value ?? fail(`needs the environment variable ${name}, which is not set; set it, or write \${${name}:-default}`)
    );
  });
  return isWrong ? text : expanded;
}
