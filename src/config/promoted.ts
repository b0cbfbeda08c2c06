/**
 * Promoted columns: the user's own columns. Checked here for everything that could make a table contradict itself, so
 * that a run never finds out halfway.
 */

import type { Limits } from '../records/limits.ts';
import type { SourceType } from '../sources/registry.ts';
import { parsePath } from '../tables/path.ts';
import { envelopeRoot, keyRoot, keyTypes, originOf, type PromotedColumn } from '../tables/promoted.ts';
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
          message: `"${column.path}" is not a path: write segments with dots between, such as input.tenant.id, and quote one that has a dot in it: input."a.b"`,
        });
      }
      for (const problem of originProblems(column))
        problems.push({ path: [...path, problem.key], message: problem.message });
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

/** What is wrong with a column that comes from around the record or from the key of the object. */
function* originProblems({ path, type, strict }: PromotedColumn): Generator<{ key: string; message: string }> {
  if (!isRecordPath(path)) return;
  const { of, path: below } = originOf({ path });
  if (of === 'envelope' && below.length === 0)
    yield {
      key: 'path',
      message: `must go on: ${envelopeRoot}.kubernetes.pod_name is the name of the pod around a record`,
    };
  if (of !== 'key') return;
  if (below.length !== 1)
    yield { key: 'path', message: `must name one part of the key: ${keyRoot}.cluster is the value of cluster=… in it` };
  if (!keyTypes.includes(type))
    yield { key: 'type', message: `must be ${keyTypes.join(' or ')} for a part of the key` };
  if (strict) yield { key: 'strict', message: 'has a meaning only for values of the record' };
}

function isRecordPath(path: string): boolean {
  try {
    return parsePath(path).every((segment) => segment !== '' && segment.trim() === segment);
  } catch {
    return false;
  }
}
