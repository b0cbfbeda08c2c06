/**
 * Paths for standard columns that no known shape fills: members of `input` and `result` whose names say what they hold,
 * where enough of the records have them.
 */
import type { FieldPaths } from '../../sources/opa/fields.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';

interface Hint {
  readonly in: 'input' | 'result';
  readonly name: RegExp;
  fits(value: unknown): boolean;
  /** What is written for a path; the path itself where it is absent. */
  readonly as?: (path: string) => FieldPaths;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isList = (value: unknown): boolean => Array.isArray(value);

const hints: Readonly<Record<string, readonly Hint[]>> = {
  subject: [
    {
      in: 'input',
      name: /^(user|user_?name|user_?id|subject|sub|principal|actor|email|login|identity|client_?id)$/i,
      fits: isText,
    },
  ],
  action: [{ in: 'input', name: /^(action|method|verb|operation|http_?method|permission)$/i, fits: isText }],
  resource: [{ in: 'input', name: /^(resource|path|uri|url|object|target|endpoint|route)$/i, fits: isText }],
  client_ip: [{ in: 'input', name: /^(client_?ip|source_?ip|remote_?(addr|ip)|ip|ip_?address)$/i, fits: isText }],
  allowed: [
    {
      in: 'result',
      name: /^(allowed?|permit(ted)?|authori[sz]ed|decision|granted)$/i,
      fits: (value) => typeof value === 'boolean',
    },
    {
      in: 'result',
      name: /^(den(y|ied|ials)|violations?|errors)$/i,
      fits: isList,
      as: (path) => ({ path, is: 'empty' }),
    },
  ],
};

const mostDepth = 5;
const mostMembers = 500;
/** Share of the rows that must have the member. */
const enough = 0.2;

export function proposeFields(
  table: TableDeclaration,
  rows: readonly (readonly unknown[])[],
  columns: readonly string[],
): Record<string, FieldPaths> {
  const proposed: Record<string, FieldPaths> = {};
  for (const column of columns) {
    for (const hint of hints[column] ?? []) {
      const at = table.columns.findIndex(({ name }) => name === hint.in);
      const counts = new Map<string, number>();
      for (const values of rows) {
        for (const path of new Set(pathsOf(values[at], hint))) counts.set(path, (counts.get(path) ?? 0) + 1);
      }
      const best = [...counts].sort(([a, x], [b, y]) => y - x || a.length - b.length)[0];
      if (best === undefined || best[1] < rows.length * enough) continue;
      proposed[column] = hint.as?.(best[0]) ?? best[0];
      break;
    }
  }
  return proposed;
}

/** Paths of the members that a hint fits, nearest to the root first. */
function pathsOf(text: unknown, { in: root, name, fits }: Hint): string[] {
  if (text === null || text === undefined) return [];
  const found: string[] = [];
  let level: [string, unknown][] = [[root, JSON.parse(String(text))]];
  let visited = 0;
  for (let depth = 0; depth < mostDepth && level.length > 0; depth++) {
    const below: [string, unknown][] = [];
    for (const [path, value] of level) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
      for (const [key, member] of Object.entries(value)) {
        if (++visited > mostMembers) return found;
        const memberPath = `${path}.${segment(key)}`;
        if (name.test(key) && fits(member)) found.push(memberPath);
        below.push([memberPath, member]);
      }
    }
    level = below;
  }
  return found;
}

const segment = (key: string): string => (/^[^\s."[\]]+$/.test(key) ? key : JSON.stringify(key));
