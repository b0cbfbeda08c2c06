/** One entry of `fields` in the configuration, as people write it, and what it means. */

import { type Alternative, type Condition, conditions } from '../../tables/mapping.ts';
import { parsePath } from '../../tables/path.ts';
import { envelopeRoot, keyRoot } from '../../tables/promoted.ts';

/** A path, or a path with what is made of its value. */
export type FieldPaths = string | FieldPath;

export interface FieldPath {
  readonly path: string;
  /** For `allowed`: what must hold of the value. */
  readonly is?: Condition;
  /** For texts: the elements of a list with this between them. */
  readonly join?: string;
  /** With `join`: what stands in front of it all. */
  readonly lead?: string;
}

/** Throws where the path is none. */
export function parseField(field: FieldPaths): Alternative {
  const { path, ...rest } = typeof field === 'string' ? { path: field } : field;
  return { path: parsePath(path), ...rest };
}

/** What is wrong with an entry for a column of a type; undefined where nothing is. */
export function fieldProblem(field: unknown, type: string): string | undefined {
  if (typeof field === 'string') return pathProblem(field);
  if (typeof field !== 'object' || field === null || Array.isArray(field))
    return 'must be a path such as input.user, or a group of keys with a path in it';
  const { path, is, join, lead, ...others } = field as Record<string, unknown>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) return `has the unknown key ${unknown}; known here: path, is, join, lead`;
  if (typeof path !== 'string') return 'needs a path, such as path: result.deny';
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  // YAML reads the words true and false as booleans.
  if (is !== undefined && !conditions.includes(String(is) as Condition))
    return `has is: ${JSON.stringify(is)}, which must be one of ${conditions.join(', ')}`;
  if (is !== undefined && type !== 'boolean') return 'has is, which only the column allowed can take';
  if (join === undefined && lead === undefined) return undefined;
  if (type !== 'string') return 'has join or lead, which only columns of text can take';
  if (typeof join !== 'string') return 'needs join, the text between the elements, such as join: /';
  if (lead !== undefined && typeof lead !== 'string') return 'has lead, which must be text';
  const longest = Math.max(join.length, lead?.length ?? 0);
  return longest > maxJoinLength ? `has join or lead of more than ${maxJoinLength} characters` : undefined;
}

const maxJoinLength = 32;

/** A checked entry with its condition as text, however YAML has read it. */
export function asField(field: unknown): FieldPaths {
  if (typeof field === 'string') return field;
  const { is, ...rest } = field as Omit<FieldPath, 'is'> & { readonly is?: unknown };
  return is === undefined ? rest : { ...rest, is: String(is) as Condition };
}

export function pathProblem(path: string): string | undefined {
  const message = `"${path}" is not a path: write segments with dots between, such as input.user.id, and quote one that has a dot in it: input."a.b"`;
  try {
    if ([keyRoot, envelopeRoot].includes(parsePath(path)[0] as string))
      return `"${path}" does not lead into the record: what is around it can be a column of your own, under columns`;
    return parsePath(path).every((segment) => segment !== '' && segment.trim() === segment) ? undefined : message;
  } catch {
    return message;
  }
}
