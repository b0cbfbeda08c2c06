/** What has to be said after a change of `shape` or `fields`: rows that still have the values of before. */
import type { Ledger } from '../ledger/ledger.ts';
import type { OtherMapping } from '../ledger/other-mappings.ts';
import { plural } from '../text/humanize.ts';
import type { ConfiguredSource } from './plan.ts';

export function findOtherMappings(
  ledger: Ledger,
  sources: readonly ConfiguredSource[],
  options?: { readonly asLastLoaded: boolean },
): Promise<OtherMapping[]> {
  const current = sources.flatMap(({ config: { name }, source: { mapping } }) =>
    mapping === null ? [] : [{ source: name, ...mapping }],
  );
  return ledger.otherMappings(current, options);
}

export const describeOtherMapping = ({ source, rows }: OtherMapping): string =>
  `${plural(rows, 'row')} of source ${source} ${rows === 1 ? 'was' : 'were'} written with another shape or other fields than it has now`;

export const adviceOnOtherMapping = ({ source }: Pick<OtherMapping, 'source'>): string =>
  `run "audit-warehouse backfill --again --source ${source}" to read their objects again and write them anew`;
