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
   * `$key.NAME` is the value of `NAME=…` in the key of the object, `$envelope.…` what stands around the record.
   */
  readonly path: string;
  readonly type: PromotedType;
  /** A value of another type quarantines the record instead of giving null. */
  readonly strict: boolean;
}

export const keyRoot = '$key';
export const envelopeRoot = '$envelope';

export interface Origin {
  readonly of: 'record' | 'envelope' | 'key';
  /** From there on. */
  readonly path: readonly string[];
}

/** Where a promoted column comes from. Throws where its path is none. */
export function originOf({ path }: Pick<PromotedColumn, 'path'>): Origin {
  const segments = parsePath(path);
  if (segments[0] === keyRoot) return { of: 'key', path: segments.slice(1) };
  return segments[0] === envelopeRoot ? { of: 'envelope', path: segments.slice(1) } : { of: 'record', path: segments };
}
