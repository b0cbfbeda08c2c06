/** What an answer is worth, on a page: the receipt that the command line prints below it. */
import type { Receipt } from '../queries/receipt.ts';
import { receiptLines } from '../queries/receipt-lines.ts';
import { formatBytes } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import { type Html, html } from './html.ts';
import { type Section, section } from './view.ts';

export function receiptList(
  receipt: Receipt,
  range: { readonly from?: bigint; readonly to?: bigint } | undefined,
): Html {
  const lines = receiptLines(receipt, range, '');
  return html`<dl class="receipt">${lines.map(
    ({ label, text }) => html`<dt>${label}</dt><dd>${printable(text, 1000)}</dd>`,
  )}${receipt.bytesHeld > 0 && html`<dt>held</dt><dd>${formatBytes(receipt.bytesHeld)} in these tables</dd>`}</dl>`;
}

export const receiptSection = (receipt: Receipt, range: { readonly from: bigint; readonly to: bigint }): Section =>
  section('rests-on', 'What this rests on', receiptList(receipt, range));
