/**
 * A report as one HTML page that needs nothing else: no script, no network, which its content security policy holds it
 * to. The same data, title and time give the same page.
 */

import { shellWord } from '../queries/command.ts';
import type { Receipt } from '../queries/receipt.ts';
import { formatBytes, formatCount, plural } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import { microsOfDay, rangeText, timeText } from '../text/time.ts';
import { bytesSection, ingestionSection, quarantineSection } from './bookkeeping.ts';
import { decisionSections } from './decisions.ts';
import { htmlPage } from './document.ts';
import { answers, numberIn, outcomes, type ReportData, type Sums } from './gather.ts';
import { type Content, type Html, html } from './html.ts';
import { metaOf } from './meta.ts';
import { okeraSections } from './okera.ts';
import { percent } from './parts.ts';
import { producersSection } from './producers.ts';
import { lengthText, type ReportRange } from './range.ts';
import { receiptSection } from './receipt.ts';
import type { Section, View } from './view.ts';

export interface PageOptions {
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Where the data is from. The path of a local folder is not shown: a page travels, and a path says who wrote it. */
  readonly warehouse: string;
  readonly engine: string;
  readonly version: string;
  readonly receipt?: Receipt | undefined;
  /** Where the rows of a table lie as CSV, and all data as JSON, relative to the page. */
  readonly files?: { readonly csv: (table: string) => string; readonly json: string } | undefined;
}

const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export function renderPage(data: ReportData, options: PageOptions): string {
  const title = printable(options.title, 120);
  const body = html`<header>
<h1>${title}</h1>
<p>${rangeText(data.range)} (UTC), made ${minute(options.now)} UTC from ${placeOf(options.warehouse)} with ${options.engine}</p>
${filterText(data)}
</header>
<main>
${reportBody({ data, engine: options.engine, csv: options.files?.csv, receipt: options.receipt })}
</main>
<footer>
${options.files && html`<p>Everything as JSON: <a href="${options.files.json}">report.json</a></p>`}
<p>To make this page again: <code>${reportCommand(data, options)}</code></p>
${reportNotes(data)}
<p>audit-warehouse ${options.version}. Times are UTC. Lists show the first rows only and say how many there are. Text from logs is shown with control and direction characters as \\u{…}, and cut where it is long. Each number is of the snapshot that was current when it was asked for. Commands are for bash or zsh, in the folder of the configuration.</p>
</footer>`;
  return htmlPage({ title, policy, meta: metaOf(data, { title: options.title, now: options.now }) }, body);
}

/** Figures, contents and sections. */
export function reportBody(view: View): Html {
  const { data } = view;
  const sections: Section[] = [
    ...(data.decisions ? decisionSections(view, data.decisions) : []),
    ...(data.okera ? okeraSections(view, data.okera) : []),
    ...(data.ingestion ? [ingestionSection(view, data.ingestion)] : []),
    ...(data.producers ? [producersSection(view, data.producers)] : []),
    ...(data.quarantine ? [quarantineSection(view, data.quarantine)] : []),
    ...(view.receipt ? [receiptSection(view.receipt, data.range)] : []),
    bytesSection(view),
  ];
  const contents = sections.flatMap((section) => section.contents);
  return html`${figures(data)}
<nav class="contents" aria-label="Contents"><ul>${contents.map(
    ({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`,
  )}</ul></nav>
${sections.map(({ content }) => content)}`;
}

/** What the report is limited to, and what it is compared with. */
function filterText({ filters, before, lookBack, decisions, okera }: ReportData): Html {
  const only = Object.entries(filters).flatMap(([name, value]) =>
    value === undefined ? [] : [html`${name} <bdi>${printable(value, 100) || '(empty)'}</bdi>`],
  );
  const compared = decisions?.before || okera?.before;
  return html`${only.length > 0 && html`<p>Only ${only.map((one, i) => html`${i > 0 && ', '}${one}`)}.</p>\n`}<p>${
    compared && `Compared with ${rangeText(before)}. `
  }${lookBack && decisions?.news && `New means not seen from ${rangeText(lookBack)}.`}</p>`;
}

/** What the report leaves out, and why. */
export function reportNotes({ missing, leftOut, filters }: ReportData): Html {
  const lines = [
    ...missing.map((table) => `Not in this report: there is no table ${table} yet.`),
    ...(filters.path !== undefined && !missing.includes('okera_audit_logs')
      ? ['Not in this report: records of Okera, which have no path of a policy.']
      : []),
    ...leftOut.map((reason) => `Left out. ${printable(reason, 400)}.`),
  ];
  return html`${lines.map((line) => html`<p>${line}</p>\n`)}`;
}

const placeOf = (warehouse: string): Html =>
  warehouse.startsWith('s3://') ? html`<bdi>${printable(warehouse, 200)}</bdi>` : html`a local warehouse`;

/** The command that makes the page again. */
export function reportCommand(
  { range, filters, lookBack }: ReportData,
  { title, engine }: Pick<PageOptions, 'title' | 'engine'>,
): string {
  const { from, to, fromDay, toDay, wholeDays } = range;
  const words = ['audit-warehouse', 'report'];
  words.push('--from', wholeDays ? fromDay : timeText(from), '--to', wholeDays ? toDay : timeText(to));
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) words.push(`--${name}`, value);
  words.push('--look-back', lookBack === null ? '0' : String((lookBack.to + 1n - lookBack.from) / microsOfDay));
  if (engine !== 'duckdb') words.push('--engine', engine);
  words.push('--title', title);
  return words.map(shellWord).join(' ');
}

const minute = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly more?: string;
  /** Against the time before, where that is known. */
  readonly change?: string | undefined;
}

/** The numbers that come first. */
function figures(data: ReportData): Html {
  const { decisions, okera, ingestion, quarantine, asked } = data;
  const entries: Figure[] = [];
  const change = (now: number, then: number | undefined): string | undefined =>
    then === undefined ? undefined : changeText(now, then, beforeText(data.range));
  if (decisions) {
    const [sums, then] = [decisions.sums, decisions.before];
    const [all, allThen] = [total(sums, outcomes), then && total(then, outcomes)];
    const undecided = (of: Sums<'undefined' | 'errors'>): number => of.undefined + of.errors;
    entries.push(
      {
        name: 'Decisions',
        value: formatCount(all),
        more: `by ${plural(decisions.subjects.of, 'subject')} on ${plural(decisions.resources.of, 'resource')}`,
        change: change(all, allThen ?? undefined),
      },
      {
        name: 'Denied',
        value: formatCount(sums.denied),
        more: `${percent(sums.denied, all)} of the decisions`,
        change: change(sums.denied, then?.denied),
      },
      {
        name: 'Undefined or error',
        value: formatCount(undecided(sums)),
        more: `${percent(undecided(sums), all)} of the decisions`,
        change: change(undecided(sums), then ? undecided(then) : undefined),
      },
    );
  }
  const okeraRequests = okera ? total(okera.sums, answers) : 0;
  if (okera && (okeraRequests > 0 || okera.changes.of > 0 || (okera.before && total(okera.before, answers) > 0))) {
    const { of, grants, revocations } = okera.changes;
    entries.push(
      {
        name: 'Okera requests',
        value: formatCount(okeraRequests),
        more: `${formatCount(okera.sums.refused)} refused, ${formatCount(okera.sums.failed)} failed`,
        change: change(okeraRequests, okera.before ? total(okera.before, answers) : undefined),
      },
      {
        name: 'Permission changes',
        value: formatCount(of),
        more: `${plural(grants, 'grant')}, ${plural(revocations, 'revocation')}`,
      },
    );
  }
  if (quarantine)
    entries.push({
      name: 'In quarantine',
      value: formatCount(quarantine.records),
      more: quarantine.of > 0 ? plural(quarantine.of, 'reason') : '',
      change: change(quarantine.records, quarantine.before ?? undefined),
    });
  const raw = (ingestion?.sources.rows ?? []).reduce((sum, row) => sum + numberIn(row, 'bytes_decompressed'), 0);
  const read = asked.reduce((sum, { bytesScanned }) => sum + bytesScanned, 0);
  entries.push({
    name: 'Bytes read',
    value: formatBytes(read),
    more: raw > 0 ? `the range has ${formatBytes(raw)} raw` : '',
  });
  const tile = ({ name, value, more, change: against }: Figure): Content =>
    html`<div><dt>${name}</dt><dd>${value}<small>${more}</small>${against && html`<small>${against}</small>`}</dd></div>`;
  return html`<dl class="figures">${entries.map(tile)}</dl>`;
}

/** `+12.3 % (534 in the 3 days before)`. */
function changeText(now: number, then: number, before: string): string {
  if (then === 0) return `none ${before}`;
  const part = (100 * (now - then)) / then;
  const sign = part > 0 ? '+' : part < 0 ? '−' : '±';
  const size = Math.abs(part) >= 1000 ? formatCount(Math.abs(part)) : Math.abs(part).toFixed(1);
  return `${sign}${size} % (${formatCount(then)} ${before})`;
}

/** `in the 3 days before`. */
function beforeText(range: ReportRange): string {
  if (!range.wholeDays) return `in the ${lengthText(range)} before`;
  return range.fromDay === range.toDay ? 'the day before' : `in the ${lengthText(range)} before`;
}

const total = <Name extends string>(sums: Sums<Name>, names: readonly Name[]): number =>
  names.reduce((sum, name) => sum + sums[name], 0);
