/**
 * The context in which sections are rendered. A page in a file gives the command for each figure; a served page also links
 * to the question behind it.
 */
import { queryCommand } from '../queries/command.ts';
import { findQuestion } from '../queries/questions.ts';
import type { Receipt } from '../queries/receipt.ts';
import { timeText } from '../text/time.ts';
import type { ReportData } from './gather.ts';
import { type Content, type Html, html } from './html.ts';

export interface View {
  readonly data: ReportData;
  readonly engine: string;
  /** Address of the answer to a question; without it, nothing on the page links to one. */
  readonly href?: ((question: string, given: ReadonlyMap<string, string>) => string | undefined) | undefined;
  /** What the numbers rest on; absent where the metadata of the tables could not be read. */
  readonly receipt?: Receipt | undefined;
  /** Address of the CSV file of a table, beside the page. */
  readonly csv?: ((table: string) => string) | undefined;
}

/** A part of the page, with its place in the contents. */
export interface Section {
  readonly contents: readonly { readonly id: string; readonly title: string }[];
  readonly content: Html;
}

export const section = (id: string, title: string, content: Content): Section => ({
  contents: [{ id, title }],
  content: html`<section id="${id}">${heading(id, title)}
${content}</section>\n`,
});

export const heading = (id: string, title: string): Html =>
  html`<h2>${title}<a class="anchor" href="#${id}" aria-label="Link to ${title}">#</a></h2>`;

/** A question with its values, for looking closer at a part of the report. */
export interface Drill {
  readonly question: string;
  readonly given: ReadonlyMap<string, string>;
}

export function drill(
  { data }: View,
  question: string,
  values: Readonly<Record<string, string>>,
  { from, to }: { readonly from: bigint; readonly to: bigint } = data.range,
): Drill {
  const all: Readonly<Record<string, string | undefined>> = {
    from: timeText(from),
    to: timeText(to),
    ...data.filters,
    ...values,
  };
  const given = new Map<string, string>();
  for (const { name } of findQuestion(question).parameters) if (all[name] !== undefined) given.set(name, all[name]);
  return { question, given };
}

export const hrefOf = ({ href }: View, to: Drill | undefined): string | undefined =>
  to === undefined ? undefined : href?.(to.question, to.given);

/** Content as a link to a question, on pages that have such links. */
export function linked(view: View, content: Html, to: Drill | undefined): Html {
  const href = hrefOf(view, to);
  return href === undefined ? content : html`<a href="${href}">${content}</a>`;
}

export interface Following {
  readonly what: string;
  readonly to: Drill;
}

/** What stands below a figure: its data files, the commands that give its numbers, and commands to look further. */
export function footOf(
  view: View,
  figures: readonly string[],
  {
    tables = [],
    following = [],
  }: { readonly tables?: readonly string[]; readonly following?: readonly Following[] } = {},
): Html {
  const { data, engine, csv } = view;
  const own = figures.flatMap((question): Following[] => {
    const asked = data.asked.find((one) => one.question === question);
    return asked ? [{ what: findQuestion(question).summary, to: asked }] : [];
  });
  const entries = [...own, ...following].map(
    ({ what, to }) =>
      html`<dt>${linked(view, html`${what}`, to)}</dt><dd><code>${queryCommand(to.question, to.given, engine)}</code></dd>`,
  );
  const files = csv && tables.map((table, i) => html`${i > 0 && ', '}<a href="${csv(table)}">${table}.csv</a>`);
  return html`<div class="foot">${files && files.length > 0 && html`<p class="note">Data: ${files}</p>`}${
    entries.length > 0 &&
    html`<details><summary>${entries.length === 1 ? 'Command' : 'Commands'}</summary><dl class="commands">${entries}</dl></details>`
  }</div>`;
}
