/** The differences that a verification has found, for people. */
import type { VerifyReport } from '../../jobs/verify/verify.ts';
import { printable } from '../../text/printable.ts';
import { textTable } from '../../text/text-table.ts';

/** A table, or where that is too wide for the terminal one below the other: a place that is cut names no object. */
export function renderDifferences(differences: VerifyReport['differences'], width: number | undefined): string {
  const columns = ['difference', 'where', 'expected', 'found', 'detail'].map((title) => ({ title }));
  const rows = differences.map(({ kind, table, uri, batch, expected, found, detail }) => [
    kind,
    [table, uri, batch && `batch ${batch}`].filter((part) => part !== undefined).join(' '),
    expected === undefined ? '' : String(expected),
    found === undefined ? '' : String(found),
    detail ?? '',
  ]);
  const whole = textTable(columns, rows);
  if (textTable(columns, rows, { width }) === whole) return whole;
  return rows
    .map(([kind, where, expected, found, detail]) => {
      const counts = [expected && `expected ${expected}`, found && `found ${found}`].filter(Boolean).join(', ');
      const lines = [`${kind}  ${where}`, counts, detail ?? ''].filter((line) => line !== '');
      return `${lines.map((line) => printable(line)).join('\n    ')}\n`;
    })
    .join('');
}
