/** Columns of the user's own: where their values stand, and of which type they are. */
import { parsePath } from './path.ts';

export const scalarTypes = ['boolean', 'int', 'long', 'double', 'string', 'timestamp'] as const;
export const listTypes = ['list<string>', 'list<long>', 'list<double>', 'list<boolean>'] as const;
export const promotedTypes = [...scalarTypes, ...listTypes] as const;
export type PromotedType = (typeof promotedTypes)[number];

/** What a value can be of that is read from an object's key. */
export const keyTypes: readonly PromotedType[] = ['string', 'long'];

export interface PromotedColumn {
  /**
   * Dotted path from the record's root, such as input.tenant.id; a segment with a dot in it is quoted: input."a.b".
   * `$key.NAME` is the value of `NAME=…` in the key of the object.
   */
  readonly path: string;
  readonly type: PromotedType;
  /** A value of another type quarantines the record instead of giving null. */
  readonly strict: boolean;
}

export const keyRoot = '$key';

/** The name that a path takes from the key; undefined for a path of the record. Throws where the path is none. */
export function nameInKey({ path }: Pick<PromotedColumn, 'path'>): string | undefined {
  const [root, name] = parsePath(path);
  return root === keyRoot ? name : undefined;
}
