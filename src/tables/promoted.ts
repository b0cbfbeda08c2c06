import type { ScalarType } from '../columns/types.ts';

export interface PromotedColumn {
  /** Dotted path from the record's root, such as input.tenant.id; a segment with a dot in it is quoted: input."a.b". */
  readonly path: string;
  readonly type: ScalarType;
  /** A value of another type quarantines the record instead of giving null. */
  readonly strict: boolean;
}
