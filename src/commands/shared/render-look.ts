/** What `init LOCATION` has found, for people. */
import type { Look } from '../../jobs/look/look.ts';
import { formatBytes, formatCount, plural } from '../../text/humanize.ts';
import { printable } from '../../text/printable.ts';

/** US dollars for a million requests to S3 Standard in us-east-1. */
const perMillionGets = 0.4;

export function renderLook(look: Look, location: string): string {
  const { objects, records } = look;
  const more = objects.isWhole ? '' : 'more than ';
  const row = (name: string, value: string): string => `  ${name.padEnd(12)} ${value}\n`;
  const lines = [
    `${printable(location)}: ${more}${plural(objects.listed, 'object')}, ${formatBytes(objects.bytes)}; ` +
      `looked at ${formatCount(objects.sampled)} (${formatBytes(look.bytesRead)} in ${plural(look.requests, 'request')})\n\n`,
  ];
  if (objects.leftOut > 0) lines.push(row('left out', `${plural(objects.leftOut, 'file')} of other tools`));
  lines.push(row('compression', tally(look.compressions)), row('framing', tally(look.framings)));
  for (const { uri, reason } of look.failures.slice(0, 3))
    lines.push(row('unreadable', `${printable(uri, 200)}: ${printable(reason, 200)}`));
  if (look.type === undefined) {
    lines.push(row('records', `none that any source knows; ${plural(records.skipped, 'line')} of other programs`));
    lines.push(
      '\nNothing was written. docs/inputs.md lists what can be read, and with which settings of each log shipper.\n',
    );
    return lines.join('');
  }
  const around = look.envelope.map((name) => printable(name, 40)).join(', ');
  lines.push(
    row('around them', around === '' ? 'nothing' : around),
    row(
      'records',
      `${look.type}: ${plural(records.rows, 'row')}, ${formatCount(records.quarantined)} for the quarantine${reasons(look)}, ${plural(records.skipped, 'line')} of other programs`,
    ),
  );
  if (look.shapes.length > 0) lines.push(row('shape', look.shapes.join(', ')));
  for (const [column, field] of Object.entries(look.fields))
    lines.push(row('field', `${column}: ${printable(typeof field === 'string' ? field : JSON.stringify(field), 200)}`));
  for (const [column, path] of Object.entries(look.columns)) lines.push(row('column', `${column}: ${printable(path)}`));
  lines.push('\n  share of the rows with a value\n');
  for (const [column, share] of Object.entries(look.filled)) {
    lines.push(`    ${column.padEnd(12)} ${`${Math.round(share * 100)} %`.padStart(5)}\n`);
  }
  const { requests, bytes } = look.backfill;
  const cost = (requests / 1e6) * perMillionGets;
  lines.push(
    `\nA backfill reads ${objects.isWhole ? '' : 'at least '}${formatBytes(bytes)} in about ${plural(requests, 'request')}` +
      `${location.startsWith('s3://') ? ` ($${cost.toFixed(2)} at S3's list price)` : ''}.\n`,
  );
  return lines.join('');
}

const tally = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count], _, all) => (all.length === 1 ? name : `${name} (${count})`))
    .join(', ') || 'nothing to look at';

function reasons({ reasons: counts }: Look): string {
  const names = Object.keys(counts);
  return names.length === 0 ? '' : ` (${names.slice(0, 3).join(', ')})`;
}
