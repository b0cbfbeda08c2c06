/**
 * Promoted columns: the user's own columns. Checked here for everything that could make a table contradict itself, so
 * that a run never finds out halfway.
 */

import type { Limits } from '../records/limits.ts';
import type { SourceType } from '../sources/registry.ts';
import { parsePath } from '../tables/declare.ts';
import type { KeyProblem } from './check.ts';
import type { Config } from './config.ts';

/** Names of the columns that the table of a source type has without any promoted ones. */
export type ReservedColumns = (type: SourceType, limits: Limits) => ReadonlySet<string>;

export function checkPromotedColumns({ sources, limits }: Config, reserved: ReservedColumns): KeyProblem[] {
  const problems: KeyProblem[] = [];
  const seen = new Map<string, { source: string; type: string }>();
  sources.forEach((source, i) => {
    const columns = Object.entries(source.columns);
    if (columns.length === 0) return;
    const taken = reserved(source.type, limits);
    for (const [name, column] of columns) {
      const path = ['sources', i, 'columns', name] as const;
      if (taken.has(name)) {
        problems.push({ path, message: 'is a column that the table has already; choose another name' });
      }
      if (!isRecordPath(column.path)) {
        problems.push({
          path: [...path, 'path'],
          message: `"${column.path}" is no path: write segments with dots between, such as input.tenant.id, and quote one that has a dot in it: input."a.b"`,
        });
      }
      const other = seen.get(`${source.type} ${name}`);
      if (other && other.type !== column.type) {
        problems.push({
          path: [...path, 'type'],
          message: `is ${column.type}, but source "${other.source}" writes the same column of the same table as ${other.type}`,
        });
      } else if (!other) seen.set(`${source.type} ${name}`, { source: source.name, type: column.type });
    }
  });
  return problems;
}

function isRecordPath(path: string): boolean {
  try {
    return parsePath(path).every((segment) => segment !== '' && segment.trim() === segment);
  } catch {
    return false;
  }
}
