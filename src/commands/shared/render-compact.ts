/** The report of a compaction for people. */
import type { CompactReport } from '../../jobs/compact/compact.ts';
import { formatBytes, formatCount, formatSeconds, plural } from '../../text/humanize.ts';
import { printable } from '../../text/printable.ts';
import { textTable } from '../../text/text-table.ts';
import { wrapLines } from '../../text/wrap.ts';

const daysShown = 40;

export function renderCompact(report: CompactReport, dryRun: boolean, width: number | undefined): string {
  const sections = [days(report, dryRun, width), tables(report, dryRun)];
  if (report.refused.length > 0)
    sections.push(
      `\nleft as they are:\n${report.refused
        .map(({ table, day, reason }) => `  ${table}${day === null ? '' : `, ${day}`}: ${printable(reason)}\n`)
        .join('')}`,
    );
  if (report.overtaken.length > 0)
    sections.push(
      `\nchanged by other writers in between, and left for the next run:\n${report.overtaken
        .map(({ table, day }) => `  ${table}, ${day}\n`)
        .join('')}`,
    );
  if (report.stopped) sections.push('\nstopped before everything was done: the rest is for the next run\n');
  if (!dryRun) sections.push(`\ntime  ${formatSeconds(report.seconds)}\n`);
  return wrapLines(sections.join(''), width);
}

function days({ days: all, stopped }: CompactReport, dryRun: boolean, width: number | undefined): string {
  if (all.length === 0 && stopped) return 'no day was rewritten\n';
  if (all.length === 0) return dryRun ? 'no day needs compaction\n' : 'nothing to do\n';
  const right = 'right' as const;
  const columns = [
    { title: 'table' },
    { title: 'day' },
    { title: 'files', align: right },
    { title: 'size', align: right },
    { title: 'rows', align: right },
    { title: dryRun ? 'to files' : 'new files', align: right },
    ...(dryRun
      ? []
      : [
          { title: 'new size', align: right },
          { title: 'duplicates', align: right },
        ]),
    { title: 'because of' },
  ];
  const rows = all
    .slice(0, daysShown)
    .map((day) => [
      day.table,
      day.day,
      formatCount(day.files),
      formatBytes(day.bytes),
      formatCount(day.rows),
      ...('newFiles' in day
        ? [formatCount(day.newFiles), formatBytes(day.newBytes), formatCount(day.duplicates)]
        : [formatCount(day.expectedFiles)]),
      day.reasons.join(', '),
    ]);
  const more = all.length - rows.length;
  return `${textTable(columns, rows, { width })}${more > 0 ? `and ${plural(more, 'more day')}; --json names all of them\n` : ''}`;
}

function tables({ tables: all }: CompactReport, dryRun: boolean): string {
  const lines = Object.entries(all).flatMap(([name, { days: count, files, bytes, duplicates, suspects }]) => {
    const found: string[] = [];
    if (count > 0)
      found.push(
        `${plural(count, 'day')}, ${plural(files.before, 'file')} (${formatBytes(bytes.before)}) ` +
          (dryRun
            ? `to about ${formatCount(files.after)}`
            : `to ${formatCount(files.after)} (${formatBytes(bytes.after)}), ${plural(duplicates, 'duplicate')} dropped`),
      );
    if (dryRun && suspects > 0) found.push(`${plural(suspects, 'more day')} to look through for duplicates`);
    return found.length === 0 ? [] : [`${name}: ${found.join('; ')}\n`];
  });
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}
