/** A receipt in words: one line of a label and a text for each thing that it says. */
import { rangeText } from '../text/time.ts';
import type { Receipt } from './receipt.ts';

export interface ReceiptLine {
  readonly label: string;
  /** As it came from outside: to be made harmless for where it is shown. */
  readonly text: string;
}

interface Range {
  readonly from?: bigint;
  readonly to?: bigint;
}

/** `range` is what the receipt's own ends were made from. `others`: how a reader names another range than the default. */
export function receiptLines(receipt: Receipt, range: Range | undefined, others: string): ReceiptLine[] {
  const { snapshots, newestEvent, quarantined, incomplete } = receipt;
  const named = Object.entries(snapshots).map(
    ([name, { id, committed }]) => `${name} ${id} of ${committed.slice(0, 19)}Z`,
  );
  const lines: ReceiptLine[] = [];
  const say = (label: string, text: string): number => lines.push({ label, text });
  if (receipt.range !== null && range !== undefined)
    say('range', describeRange(range, receipt.range.isDefault ? others : undefined));
  if (named.length > 0) say('snapshot', named.join(', '));
  if (newestEvent !== null) say('up to', `${newestEvent}, the newest event that is here`);
  if (quarantined.total > 0 && quarantined.inRange === 0)
    say(
      'quarantine',
      quarantined.total === 1
        ? 'the one record there is not of days of the range'
        : `none of ${quarantined.total} records is of days of the range`,
    );
  for (const reason of incomplete) say('may lack', reason);
  return lines;
}

function describeRange({ from, to }: Range, others: string | undefined): string {
  if (from === undefined) return `up to ${rangeText({ from: to!, to: to! }).split(' to ')[0]} (UTC)`;
  if (to === undefined) return `from ${rangeText({ from, to: from }).split(' to ')[0]} (UTC)`;
  return `${rangeText({ from, to })} (UTC)${others === undefined ? '' : `, the last day with events${others}`}`;
}
