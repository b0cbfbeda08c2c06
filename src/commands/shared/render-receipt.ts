/** The receipt below an answer, for people. */
import type { Receipt } from '../../queries/receipt.ts';
import { receiptLines } from '../../queries/receipt-lines.ts';
import { formatBytes, formatSeconds, plural } from '../../text/humanize.ts';
import { printable } from '../../text/printable.ts';
import { styled } from '../../text/styles.ts';
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
  // A question that the program answers itself names no table.
  const held = receipt === undefined || receipt.bytesHeld === 0 ? '' : ` of ${formatBytes(receipt.bytesHeld)}`;
  const lines = [
    `${plural(rows, 'row')}, ${formatBytes(bytesScanned)} scanned${held}, ${formatSeconds(seconds)}`,
    ...(receipt === undefined ? [] : receiptText(receipt, range)),
  ];
  return dimmed(lines, width);
}

/** Without what was read: for answers other than tables of rows. */
export function renderReceiptLines(
  receipt: Receipt,
  range: { readonly from?: bigint; readonly to?: bigint } | undefined,
  width: number | undefined,
): string {
  return dimmed(receiptText(receipt, range), width);
}

const receiptText = (receipt: Receipt, range: { readonly from?: bigint; readonly to?: bigint } | undefined): string[] =>
  receiptLines(receipt, range, '; --from, --to and --last name another').map(
    ({ label, text }) => `${label.padEnd(10)}  ${printable(text)}`,
  );

const dimmed = (lines: readonly string[], width: number | undefined): string =>
  wrapLines(lines.join('\n'), width)
    .split('\n')
    .map((line) => `${styled('dim', line)}\n`)
    .join('');
