/**
 * The summary that each report carries in its head, so that an index over many reports need not ask the warehouse again.
 * Anyone may have written a page that is read back, so the types of its summary are checked.
 */

import { printable } from '../text/printable.ts';
import { rangeText, timeText } from '../text/time.ts';
import type { Filters } from './filters.ts';
import { answers, outcomes, type ReportData } from './gather.ts';

export interface ReportMeta {
  readonly title: string;
  readonly range: string;
  /** First and last instant, RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly made: string;
  readonly filters: Filters;
  readonly decisions: number;
  readonly denied: number;
  readonly requests: number;
  readonly refused: number;
  readonly quarantined: number;
}

export function metaOf(data: ReportData, { title, now }: { readonly title: string; readonly now: number }): ReportMeta {
  const { decisions, okera, quarantine } = data;
  const sum = <Name extends string>(sums: Readonly<Record<Name, number>> | undefined, names: readonly Name[]): number =>
    names.reduce((all, name) => all + (sums?.[name] ?? 0), 0);
  return {
    title: printable(title, 120),
    range: rangeText(data.range),
    from: timeText(data.range.from),
    to: timeText(data.range.to),
    made: new Date(now).toISOString(),
    filters: data.filters,
    decisions: sum(decisions?.sums, outcomes),
    denied: decisions?.sums.denied ?? 0,
    requests: sum(okera?.sums, answers),
    refused: okera?.sums.refused ?? 0,
    quarantined: quarantine?.records ?? 0,
  };
}

/** What the head of a page says, or undefined if this program did not write it. */
export function readMeta(page: string): ReportMeta | undefined {
  const text = /<meta name="audit-warehouse-report" content="([^"]*)">/.exec(page)?.[1];
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(unescaped(text));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const meta = value as Record<keyof ReportMeta, unknown>;
  const texts = (['title', 'range', 'from', 'to', 'made'] as const).every((name) => typeof meta[name] === 'string');
  const counts = (['decisions', 'denied', 'requests', 'refused', 'quarantined'] as const).every((name) =>
    Number.isSafeInteger(meta[name]),
  );
  const { filters } = meta;
  const limits = typeof filters === 'object' && filters !== null ? Object.values(filters) : undefined;
  return texts && counts && limits?.every((limit) => typeof limit === 'string') ? (meta as ReportMeta) : undefined;
}

const unescaped = (text: string): string =>
  text.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name]!,
  );
