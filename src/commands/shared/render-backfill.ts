/** The report of a backfill for people. */
import { adviceOnOtherMapping, describeOtherMapping } from '../../ingest/other-mappings.ts';
import type { AgainReport, BackfillReport, PlannedReplacement } from '../../jobs/backfill/report.ts';
import { backfillCounters } from '../../telemetry/counters.ts';
import { formatBytes, formatCount, formatSeconds, plural } from '../../text/humanize.ts';
import { compareText } from '../../text/order.ts';
import { printable } from '../../text/printable.ts';
import { textTable } from '../../text/text-table.ts';
import { wrapLines } from '../../text/wrap.ts';

const failuresShown = 20;

export function renderBackfill(report: BackfillReport, width?: number): string {
  return wrapLines(render(report, width), width);
}

function render(report: BackfillReport, width: number | undefined): string {
  const { plan } = report;
  const { leftover, excluded } = report.leftOut;
  const leftOut =
    leftover + excluded === 0
      ? ''
      : `left out   ${plural(leftover, 'file')} of other tools, ${formatCount(excluded)} by include and exclude\n`;
  const others = report.otherMappings.map(
    (other) => `\n${printable(describeOtherMapping(other))};\n${printable(adviceOnOtherMapping(other))}\n`,
  );
  const warnings = report.warnings.map(({ source, message }) => `warning    source ${source}: ${printable(message)}\n`);
  if (plan) {
    return [
      `${plural(report.objects.listed, 'object')} listed, ${formatCount(report.objects.skipped)} of them skipped\n`,
      leftOut,
      ...warnings,
      plan.objects === 0
        ? 'nothing to read\n'
        : `would read ${plural(plan.objects, 'object')} (${formatBytes(plan.bytes)}) in ${plural(plan.batches, 'batch', 'batches')}\n`,
      plan.replaced === undefined ? '' : plannedReplacement(plan.replaced),
      ...others,
    ].join('');
  }
  const sections = [
    counters('objects', report.objects, Object.keys(backfillCounters.objects), formatCount),
    leftOut,
    counters('records', report.records, Object.keys(backfillCounters.records), formatCount),
    counters('bytes', report.bytes, Object.keys(backfillCounters.bytes), formatBytes),
    `paths      ${formatShare(report.doubted, report.records.read)} of the records took the slower reference path\n`,
    `time       ${formatSeconds(report.seconds)}\n`,
    report.again === undefined ? '' : replacement(report.again),
    ...warnings,
  ];
  const tables = Object.entries(report.tables).map(([name, { rows, files, days }]) => [
    name,
    formatCount(rows),
    formatCount(files),
    formatCount(days),
  ]);
  if (tables.length > 0) {
    const columns = ['rows', 'files', 'days'].map((title) => ({ title, align: 'right' as const }));
    sections.push(`\n${textTable([{ title: 'written to' }, ...columns], tables, { width })}`);
  }
  sections.push(counts('quarantined, by reason', report.quarantine));
  sections.push(counts('skipped, by reason', report.skipped));
  sections.push(counts('null because of another type, by column', report.typeMismatches));
  sections.push(...others);
  if (report.conflicts > 0) {
    const rows = plural(report.conflicts, 'row');
    sections.push(`\n${rows} with the id of another row and other content; query conflicting-decisions lists them\n`);
  }
  if (report.failures.length > 0) {
    const shown = report.failures
      .slice(0, failuresShown)
      .map(({ uri, code, message }) => `  ${printable(uri)}\n    ${code}: ${printable(message)}\n`);
    const more = report.failures.length - shown.length;
    sections.push(`\nnot read, and left for the next run:\n${shown.join('')}`);
    if (more > 0) sections.push(`  and ${formatCount(more)} more; --json names all of them\n`);
  }
  return sections.join('');
}

const plannedReplacement = ({ objects, rows, quarantined }: PlannedReplacement): string =>
  `of these, ${formatCount(objects)} again, in place of ${plural(rows, 'row')} and ${plural(quarantined, 'quarantined record')} by the ledger\n`;

function replacement({ since, objects, replaced, erased, kept }: AgainReport): string {
  const rows = Object.entries(replaced).map(([table, count]) => `${formatCount(count)} of ${table}`);
  return [
    `again      ${plural(objects, 'object')} read again, in place of ${rows.length === 0 ? 'no row' : `rows: ${rows.join(', ')}`}\n`,
    since === undefined ? '' : `           begun ${since} by an earlier command; what that one read stands\n`,
    erased === 0 ? '' : `           ${plural(erased, 'row')} of erased subjects left out\n`,
    kept === 0
      ? ''
      : `           ${plural(kept, 'row')} of earlier versions kept, which the objects do not give any more\n`,
  ].join('');
}

/** `objects    1,204 listed, 1,000 skipped, 204 committed, 0 failed` */
function counters(
  title: string,
  values: Readonly<Record<string, number>>,
  names: readonly string[],
  format: (value: number) => string,
): string {
  return `${title.padEnd(10)} ${names.map((name) => `${format(values[name] ?? 0)} ${name}`).join(', ')}\n`;
}

const formatShare = (part: number, whole: number): string =>
  whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;

function counts(title: string, values: Readonly<Record<string, number | undefined>>): string {
  const rows = Object.entries(values).filter(([, count]) => (count ?? 0) > 0);
  if (rows.length === 0) return '';
  rows.sort(([a, x], [b, y]) => (y ?? 0) - (x ?? 0) || compareText(a, b));
  return `\n${title}:\n${rows.map(([name, count]) => `  ${printable(name).padEnd(24)} ${formatCount(count ?? 0)}\n`).join('')}`;
}
