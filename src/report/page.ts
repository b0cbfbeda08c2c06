/**
 * A report as one HTML page that needs nothing else: no script, no network, which its content security policy holds it
 * to. The same data, title and time give the same page.
 */
import { formatBytes, formatCount } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import { bytesSection, ingestionSections, quarantineSection } from './bookkeeping.ts';
import { decisionSections } from './decisions.ts';
import { answers, numberIn, outcomes, type ReportData } from './gather.ts';
import { type Content, type Html, html, trusted } from './html.ts';
import { okeraSections } from './okera.ts';
import { percent } from './parts.ts';
import { style } from './style.ts';

export interface PageOptions {
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Shown as where the data is from. */
  readonly warehouse: string;
  readonly engine: string;
  readonly version: string;
}

const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export function renderPage(data: ReportData, options: PageOptions): string {
  const title = printable(options.title, 120);
  const { decisions, okera } = data;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>${rangeText(data)} (UTC), made ${minute(options.now)} UTC from ${printable(options.warehouse, 200)} with ${options.engine}</p>
</header>
<main>
${figures(data)}
${decisions ? decisionSections({ ...data, decisions }) : missing('decisions of OPA', 'opa_decisions')}
${okera ? okeraSections({ ...data, okera }) : missing('audit records of Okera', 'okera_audit_logs')}
${data.ingestion ? ingestionSections(data) : missing('ledger of objects', 'ingested_objects')}
${data.quarantine ? quarantineSection(data) : missing('records in quarantine', 'quarantine')}
${bytesSection(data)}
</main>
<footer>
<p>audit-warehouse ${options.version}. Times are UTC. Lists show the first rows only and say how many there are. Text from logs is shown with control and direction characters as \\u{…}, and cut where it is long. Each number is of the snapshot that was current when it was asked for.</p>
</footer>
</body>
</html>
`.text;
}

const missing = (what: string, table: string): Html =>
  html`<section><p class="note">No ${what} in this warehouse: there is no table ${table} yet.</p></section>`;

const minute = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

function rangeText({ range }: ReportData): string {
  if (range.wholeDays) return range.fromDay === range.toDay ? range.fromDay : `${range.fromDay} to ${range.toDay}`;
  const text = (micros: bigint): string =>
    new Date(Number(micros / 1000n))
      .toISOString()
      .replace('T', ' ')
      .replace(/(\.000)?Z$/, '');
  return `${text(range.from)} to ${text(range.to)}`;
}

/** The numbers that come first. */
function figures({ decisions, okera, ingestion, quarantine, asked }: ReportData): Html {
  const entries: { name: string; value: string; more?: string }[] = [];
  if (decisions) {
    const sums = totals(decisions.overTime, outcomes);
    const all = outcomes.reduce((sum, name) => sum + sums[name], 0);
    const [subjects, resources] = [decisions.subjects.of, decisions.resources.of];
    entries.push(
      {
        name: 'Decisions',
        value: formatCount(all),
        more: `by ${formatCount(subjects)} subjects on ${formatCount(resources)} resources`,
      },
      { name: 'Denied', value: formatCount(sums.denied), more: `${percent(sums.denied, all)} of the decisions` },
      {
        name: 'Undefined or error',
        value: formatCount(sums.undefined + sums.errors),
        more: `${percent(sums.undefined + sums.errors, all)} of the decisions`,
      },
    );
  }
  if (okera) {
    const sums = totals(okera.overTime, answers);
    const all = answers.reduce((sum, name) => sum + sums[name], 0);
    const { of, grants, revocations } = okera.changes;
    entries.push(
      {
        name: 'Okera requests',
        value: formatCount(all),
        more: `${formatCount(sums.refused)} refused, ${formatCount(sums.failed)} failed`,
      },
      {
        name: 'Permission changes',
        value: formatCount(of),
        more: `${formatCount(grants)} grants, ${formatCount(revocations)} revocations`,
      },
    );
  }
  if (quarantine)
    entries.push({
      name: 'In quarantine',
      value: formatCount(quarantine.records),
      more: `${formatCount(quarantine.of)} reasons`,
    });
  const raw = (ingestion?.sources ?? []).reduce((sum, row) => sum + numberIn(row, 'bytes_decompressed'), 0);
  const read = asked.reduce((sum, { bytesScanned }) => sum + bytesScanned, 0);
  entries.push({ name: 'Bytes read', value: formatBytes(read), more: raw > 0 ? `of ${formatBytes(raw)} raw` : '' });
  const tile = ({ name, value, more }: (typeof entries)[number]): Content =>
    html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`;
  return html`<dl class="figures">${entries.map(tile)}</dl>`;
}

function totals<Name extends string>(
  overTime: readonly Readonly<Record<Name, number>>[],
  names: readonly Name[],
): Record<Name, number> {
  const sum = (name: Name): number => overTime.reduce((all, sums) => all + sums[name], 0);
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as Record<Name, number>;
}
