/** The receipt below an answer, for people. */
import type { Receipt } from '../../queries/receipt.ts';
import { formatBytes, formatSeconds, plural } from '../../text/humanize.ts';
import { printable } from '../../text/printable.ts';
import { styled } from '../../text/styles.ts';
import { rangeText } from '../../text/time.ts';
import { wrapLines } from '../../text/wrap.ts';

export interface Reading {
  readonly rows: number;
  readonly bytesScanned: number;
  readonly seconds: number;
}

export function renderReceipt(
  { rows, bytesScanned, seconds }: Reading,
  receipt: Receipt | undefined,
  range: { readonly from?: bigint; readonly to?: bigint } | undefined,
  width: number | undefined,
): string {
  const held = receipt === undefined ? '' : ` of ${formatBytes(receipt.bytesHeld)}`;
  const lines = [
    `${plural(rows, 'row')}, ${formatBytes(bytesScanned)} scanned${held}, ${formatSeconds(seconds)}`,
    ...(receipt === undefined ? [] : details(receipt, range)),
  ];
  return wrapLines(lines.join('\n'), width)
    .split('\n')
    .map((line) => `${styled('dim', line)}\n`)
    .join('');
}

function details(receipt: Receipt, range: { readonly from?: bigint; readonly to?: bigint } | undefined): string[] {
  const line = (label: string, text: string): string => `${label.padEnd(10)}  ${printable(text)}`;
  const { snapshots, newestEvent, quarantined, incomplete } = receipt;
  const named = Object.entries(snapshots).map(
    ([name, { id, committed }]) => `${name} ${id} of ${committed.slice(0, 19)}Z`,
  );
  const lines: string[] = [];
  if (receipt.range !== null && range !== undefined)
    lines.push(line('range', describeRange(receipt.range.isDefault, range)));
  if (named.length > 0) lines.push(line('snapshot', named.join(', ')));
  if (newestEvent !== null) lines.push(line('up to', `${newestEvent}, the newest event that is here`));
  if (quarantined.total > 0 && quarantined.inRange === 0)
    lines.push(line('quarantine', `none of ${plural(quarantined.total, 'record')} is of days of the range`));
  for (const reason of incomplete) lines.push(line('may lack', reason));
  return lines;
}

function describeRange(isDefault: boolean, { from, to }: { readonly from?: bigint; readonly to?: bigint }): string {
  if (from === undefined) return `up to ${rangeText({ from: to!, to: to! }).split(' to ')[0]} (UTC)`;
  if (to === undefined) return `from ${rangeText({ from, to: from }).split(' to ')[0]} (UTC)`;
  const chosen = isDefault ? ', the last day with events; --from, --to and --last name another' : '';
  return `${rangeText({ from, to })} (UTC)${chosen}`;
}
