/**
 * The value of a mapped column by the rules of tables/mapping.ts: the reference path. The kernel has the same in
 * assembly/scan/alternatives.ts.
 */
import type { Value } from '../columns/types.ts';
import type { MappedAlternative, MappedColumn } from '../tables/mapping.ts';
import { exactDigits, lookUp } from './look-up.ts';
import type { JsonRecord } from './parse.ts';

/** null where no alternative exists; undefined where one does, but none is usable. */
export function firstUsable(record: JsonRecord, { type, alternatives }: MappedColumn): Value | undefined {
  let mismatch = false;
  let mayBeAbsent = false;
  for (const alternative of alternatives) {
    const found = lookUp(record, alternative);
    if (found === undefined || found === null) {
      if (alternative.is === 'present' && hasDocument(record, alternative)) mayBeAbsent = true;
      continue;
    }
    if (alternative.isAbove && typeof found === 'object' && !Array.isArray(found)) continue;
    const value = typeof type === 'string' ? scalarOf(record, type === 'boolean', alternative, found) : textsOf(found);
    if (value === '' && alternative.join !== undefined) continue;
    if (value !== undefined) return value;
    if (!alternative.isAbove) mismatch = true;
  }
  if (mayBeAbsent) return false;
  return mismatch ? undefined : null;
}

/** Whether the record has what the path of a missing member begins in; it need not where that is the member itself. */
function hasDocument({ value }: JsonRecord, { path }: MappedAlternative): boolean {
  const root = path[0] as string;
  return path.length === 1 || (Object.hasOwn(value, root) && value[root] !== null);
}

function scalarOf(
  record: JsonRecord,
  isBoolean: boolean,
  alternative: MappedAlternative,
  found: NonNullable<unknown>,
): Value | undefined {
  if (isBoolean) return answerOf(alternative, found);
  if (alternative.join !== undefined) return joined(found, alternative.join, alternative.lead ?? '');
  if (typeof found === 'string') return found.toWellFormed();
  if (alternative.isExact || typeof found === 'object') return undefined;
  return typeof found === 'boolean' ? String(found) : (exactDigits(record, alternative.path) ?? undefined);
}

function answerOf({ is }: MappedAlternative, found: NonNullable<unknown>): boolean | undefined {
  if (is === 'present') return true;
  if (is === 'empty') {
    if (typeof found === 'string' || Array.isArray(found)) return found.length === 0;
    return typeof found === 'object' ? Object.keys(found).length === 0 : undefined;
  }
  return typeof found === 'boolean' ? found === (is !== 'false') : undefined;
}

/** undefined where it is not a list of texts. */
function joined(found: NonNullable<unknown>, join: string, lead: string): string | undefined {
  const texts = textsOf(found);
  return texts === undefined ? undefined : lead + texts.join(join);
}

function textsOf(found: NonNullable<unknown>): string[] | undefined {
  if (!Array.isArray(found) || !found.every((element) => typeof element === 'string')) return undefined;
  return found.map((text) => text.toWellFormed());
}
