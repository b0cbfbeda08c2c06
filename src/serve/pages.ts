/** The pages: the report as an overview, the list of questions, a question with its answer, and SQL. */
import type { QueryRequest } from '../engines/engine.ts';
import { queryCommand, shellWord } from '../queries/command.ts';
import { type Estimate, estimate } from '../queries/estimate.ts';
import { ownQuestions } from '../queries/own-questions.ts';
import { ParameterError } from '../queries/parameters.ts';
import { type Origin, origins, type Question } from '../queries/question.ts';
import { allQuestions, ask, findQuestion } from '../queries/questions.ts';
import { type LastDay, lastDayWithEvents, withRange } from '../queries/range.ts';
import { type Receipt, type ReceiptRange, takeReceipt } from '../queries/receipt.ts';
import { withReceipt } from '../queries/with-receipt.ts';
import { checkFilters } from '../report/filters.ts';
import { gatherReport } from '../report/gather.ts';
import { type Content, type Html, html } from '../report/html.ts';
import { reportBody, reportCommand, reportNotes } from '../report/page.ts';
import { type ReportRange, reportRange } from '../report/range.ts';
import { receiptList } from '../report/receipt.ts';
import { eventTables } from '../sources/registry.ts';
import { QueryError } from '../sql/parameter.ts';
import { readStatement, replacePlaceholders } from '../sql/statement.ts';
import { formatBytes, formatSeconds, plural } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import { rangeText, timeText } from '../text/time.ts';
import { readAnswer } from './answer.ts';
import { questionForm } from './form.ts';
import { addressOf, leadTo, type Span } from './lead.ts';
import { renderResult } from './result.ts';
import type { World } from './world.ts';

export interface Page {
  readonly title: string;
  readonly status?: number;
  readonly body: Html;
}

/** The parameters of an address that are not empty. */
export type Given = ReadonlyMap<string, string>;

/** The report of a range, with everything in it leading on. */
export async function overview(world: World, given: Given, signal: AbortSignal): Promise<Page> {
  const { runtime, engines, engineName } = world;
  const filters = { subject: given.get('subject'), path: given.get('path'), source: given.get('source') };
  const tables = await runtime.catalog.listTables();
  const range = await reportRange({ from: given.get('from'), to: given.get('to') }, lastDay(world), {
    now: world.clock(),
  });
  checkFilters(filters, runtime.config);
  const [receipt, data] = await withReceipt(
    engineName,
    () => receiptOf(world, { tables: eventTables }, { ...range, isDefault: false }),
    () => engines.take(signal, (engine) => gatherReport({ engine, tables, signal }, range, { filters })),
  );
  const title = 'Overview';
  const options = { title: 'Audit report', engine: engineName };
  const body = html`<header><h1>${title}</h1>
<p>${rangeText(range)} (UTC)${data.decisions?.before || data.okera?.before ? `, compared with ${rangeText(data.before)}` : ''}</p>
${overviewForm(world, given, range)}</header>
${reportBody({ data, engine: engineName, href: addressOf, receipt })}
${reportNotes(data)}
${copyable('This report as a page to keep', reportCommand(data, options))}`;
  return { title, body };
}

function overviewForm({ runtime }: World, given: Given, range: ReportRange): Html {
  const days = range.wholeDays;
  const field = (name: string, text: string, value: string): Html =>
    html`<div><label for="field-${name}">${text}</label><input id="field-${name}" name="${name}" value="${value}" autocomplete="off" spellcheck="false"></div>`;
  const source = given.get('source') ?? '';
  const names = runtime.config.sources.map(({ name }) => name);
  return html`<form class="fields" action="/" method="get">
${field('from', 'From', days ? range.fromDay : timeText(range.from))}
${field('to', 'To', days ? range.toDay : timeText(range.to))}
${field('subject', 'Subject', given.get('subject') ?? '')}
${field('path', 'Policy path', given.get('path') ?? '')}
<div><label for="field-source">Source</label><select id="field-source" name="source"><option value="">all</option>${names.map(
    (name) => html`<option${name === source && html` selected`}>${name}</option>`,
  )}</select></div>
<p class="buttons"><button>Show</button></p>
</form>`;
}

export function questionList({ runtime }: World): Page {
  const all = [...allQuestions, ...ownQuestions(runtime.config)];
  const groups = (Object.keys(origins) as Origin[])
    .map((origin) => ({
      origin,
      questions: all.filter((question) => question.origin === origin),
    }))
    .filter(({ questions }) => questions.length > 0);
  const body = html`<header><h1>Questions</h1></header>
${groups.map(
  ({ origin, questions }) =>
    html`<section><h2>${headings[origin]}</h2><dl class="questions">${questions.map(
      ({ name, summary }) => html`<dt><a href="/ask/${name}">${name}</a></dt><dd>${summary}</dd>`,
    )}</dl></section>`,
)}`;
  return { title: 'Questions', body };
}

const headings: Readonly<Record<Origin, string>> = {
  article: 'Decisions',
  tutorial: 'Okera',
  incident: 'Incidents',
  report: 'Figures of the report',
  own: 'Your own',
};

/** A question as a form; with `run=1` its answer, otherwise what the answer would need. */
export async function question(world: World, name: string, given: Given, signal: AbortSignal): Promise<Page> {
  const { runtime, engineName } = world;
  const asked = findQuestion(name, ownQuestions(runtime.config));
  let values: ReadonlyMap<string, string> = valuesOf(asked, given);
  const usual = await usualSpan(world);
  const head = html`<header><h1>${name}</h1><p>${capital(asked.summary)}.</p></header>`;
  const form = html`<section>${questionForm(asked, values, usual)}</section>`;
  const page = (...rest: Content[]): Page => ({ title: name, body: html`${head}${form}${rest}` });
  if (!given.has('run')) return page();
  let request: QueryRequest;
  try {
    values = await ranged(world, asked, given);
    request = ask(asked, values);
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    return { ...page(failure(error.message)), status: 400 };
  }
  const isComputed = request.computed !== undefined;
  const foreseen = isComputed ? undefined : await estimate(runtime, request);
  const command = queryCommand(name, values, engineName);
  const details = (read: number | undefined, seconds: number | undefined): Html =>
    costs({ foreseen, read, seconds, sql: isComputed ? undefined : literalSql(request), command });
  if (given.get('run') !== '1') return page(details(undefined, undefined));
  const range = spanOf(request);
  const span = range ?? usual;
  const within = range && ((part: Span) => leadTo(name, Object.fromEntries(values), part, true));
  const [receipt, result] = await withReceipt(
    engineName,
    () => receiptOf(world, request, range && { ...range, isDefault: false }),
    () => answered(world, request, signal, page),
  );
  if ('page' in result) return result.page;
  const { answer, seconds } = result;
  const csv = `/ask/${name}.csv?${new URLSearchParams([...values])}`;
  return page(
    html`<section id="answer"><h2>Answer</h2>${renderResult(answer, { span, within })}<p class="note"><a href="${csv}" download>Download as CSV</a></p>${restsOn(receipt, range)}</section>`,
    details(answer.bytesScanned, seconds),
  );
}

/** One statement that reads. */
export async function sqlPage(world: World, given: Given, signal: AbortSignal): Promise<Page> {
  const sql = given.get('sql') ?? '';
  const page = (...rest: Content[]): Page => ({
    title: 'SQL',
    body: html`<header><h1>SQL</h1><p>One statement that reads, in the dialect of ${world.engineName}. A condition on ymd keeps other days unread.</p></header>
<section><form class="fields" action="/sql" method="get"><div class="whole"><label for="field-sql">Statement</label><textarea id="field-sql" name="sql" rows="8" spellcheck="false" required>${sql}</textarea></div>
<p class="buttons"><button name="run" value="1">Ask</button> <button name="run" value="0" class="second">Show bytes first</button></p></form></section>${rest}`,
  });
  if (sql === '') return page();
  const foreseen = await estimate(world.runtime, { sql });
  const command = `audit-warehouse query --sql ${shellWord(sql)}${world.engineName === 'duckdb' ? '' : ` --engine ${world.engineName}`}`;
  if (given.get('run') !== '1') return page(costs({ foreseen, command }));
  const [receipt, result] = await withReceipt(
    world.engineName,
    () => receiptOf(world, { sql }, undefined),
    () => answered(world, { sql }, signal, page),
  );
  if ('page' in result) return result.page;
  const { answer, seconds } = result;
  const csv = `/sql.csv?${new URLSearchParams({ sql })}`;
  return page(
    html`<section id="answer"><h2>Answer</h2>${renderResult(answer, { span: await usualSpan(world) })}<p class="note"><a href="${csv}" download>Download as CSV</a></p>${restsOn(receipt, undefined)}</section>`,
    costs({ foreseen, read: answer.bytesScanned, seconds, command }),
  );
}

/** The request of an address that ends in .csv. Throws ParameterError. */
export async function requestOf(world: World, path: string, given: Given): Promise<QueryRequest> {
  if (path === '/sql.csv') return { sql: given.get('sql') ?? '' };
  const name = path.slice('/ask/'.length, -'.csv'.length);
  const question = findQuestion(name, ownQuestions(world.runtime.config));
  return ask(question, await ranged(world, question, given));
}

async function answered(
  { engines, clock }: World,
  request: QueryRequest,
  signal: AbortSignal,
  page: (...rest: Content[]) => Page,
): Promise<{ page: Page } | { answer: Awaited<ReturnType<typeof readAnswer>>; seconds: number }> {
  const started = clock();
  try {
    const answer = await engines.take(signal, async (engine) => readAnswer(await engine.query({ ...request, signal })));
    return { answer, seconds: (clock() - started) / 1000 };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { page: { ...page(failure(error.message)), status: 400 } };
  }
}

/** Without one, an answer is still an answer. */
const receiptOf = (
  { runtime }: World,
  asked: Parameters<typeof takeReceipt>[1],
  range: ReceiptRange | undefined,
): Promise<Receipt | undefined> => takeReceipt(runtime, asked, range).catch(() => undefined);

const restsOn = (receipt: Receipt | undefined, range: Parameters<typeof receiptList>[1]): Content =>
  receipt && html`<h3>What this rests on</h3>${receiptList(receipt, range)}`;

export const failure = (message: string): Html =>
  html`<section class="failure" role="alert"><h2>This cannot be answered</h2><p>${lines(message)}</p></section>`;

/** The lines of a message, none of which acts. */
const lines = (message: string): Content =>
  message.split('\n').map((line, i) => html`${i > 0 && html`<br>`}${printable(line, 1000)}`);

/** Values of the question's own parameters. */
function valuesOf({ parameters }: Question, given: Given): Map<string, string> {
  const values = new Map<string, string>();
  for (const { name } of parameters) {
    const value = given.get(name);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

function spanOf({ parameters = {} }: QueryRequest): Span | undefined {
  const { from, to } = parameters;
  return typeof from === 'object' && typeof to === 'object' ? { from: from.micros, to: to.micros } : undefined;
}

/** The seven days up to the last one with events. */
async function usualSpan(world: World): Promise<Span> {
  return reportRange({}, lastDay(world));
}

const lastDay =
  ({ runtime, clock }: World): LastDay =>
  (zone) =>
    lastDayWithEvents({ ...runtime, clock }, zone);

/** The values with their times as instants, and with the usual range where none is given. Throws ParameterError. */
const ranged = async (world: World, asked: Question, given: Given): Promise<ReadonlyMap<string, string>> =>
  (await withRange(asked, valuesOf(asked, given), { reading: { now: world.clock() }, lastDay: lastDay(world) })).given;

/** The SQL with its values in place, as it can be run anywhere. */
function literalSql({ sql, parameters = {} }: QueryRequest): string {
  return replacePlaceholders(readStatement(sql), parameters, (literal) => literal);
}

interface Costs {
  /** undefined for what the program works out by itself, without SQL. */
  readonly foreseen: Estimate | undefined;
  readonly read?: number | undefined;
  readonly seconds?: number | undefined;
  readonly sql?: string | undefined;
  readonly command: string;
}

/** What was foreseen, what came of it, and how to ask again. */
function costs({ foreseen, read, seconds, sql, command }: Costs): Html {
  return html`<section id="costs"><h2>${sql === undefined ? 'Bytes' : 'Bytes and SQL'}</h2>
<dl class="costs">${foreseen !== undefined && before(foreseen)}
${read !== undefined && html`<dt>After</dt><dd>${formatBytes(read)} read${seconds !== undefined && `, ${formatSeconds(seconds)}`}</dd>`}</dl>
${sql !== undefined && html`<details open><summary>SQL</summary><pre>${lines(sql)}</pre><p class="note"><a href="/sql?${String(new URLSearchParams({ sql }))}">Change this SQL</a></p></details>`}
${copyable('As a command', command)}</section>`;
}

const before = ({ held, opened }: Estimate): Html =>
  html`<dt>Before</dt><dd>${plural(opened.files, 'file')} (${formatBytes(opened.bytes)}) may hold matching rows, of ${plural(held.files, 'file')} (${formatBytes(held.bytes)}) in the tables</dd>`;

const copyable = (what: string, command: string): Html =>
  html`<dl class="commands"><dt>${what}</dt><dd><code>${command}</code></dd></dl>`;

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
