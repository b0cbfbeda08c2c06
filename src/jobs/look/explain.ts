/**
 * Why the objects of a source give no rows, or rows without some columns: what a bounded sample of one of them says, in
 * words for the person who configured it. Names of members come from outside: what shows these texts goes through printable.
 */
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { writersOf } from '../../records/envelope/kinds.ts';
import type { Limits } from '../../records/limits.ts';
import { type RejectionCode, rejectionCodes } from '../../records/outcome.ts';
import { createSource } from '../../sources/index.ts';
import { eventSources, eventSourceTypes } from '../../sources/registry.ts';
import type { ObjectInfo } from '../../store/store.ts';
import { plural } from '../../text/humanize.ts';
import { hasRecords, type Read, readSamples } from './read-samples.ts';
import { largerSamples, type Sample, sampleObject } from './sample.ts';

export interface ReadSample {
  readonly sample: Sample;
  readonly read: Read;
}

/** One object, or so much of its beginning that a record ends in it, as ingest would read it for the source. */
export async function readOne(
  { store, config }: Pick<Runtime, 'store' | 'config'>,
  { source }: ConfiguredSource,
  object: ObjectInfo,
  signal?: AbortSignal,
): Promise<ReadSample> {
  const { limits } = config;
  const readIt = async (sample: Sample): Promise<ReadSample> => ({
    sample,
    read: await readSamples(source, [sample], limits),
  });
  let one = await readIt(await sampleObject(store, object, limits, signal));
  if (hasRecords(one.read)) return one;
  for await (const sample of largerSamples(store, one.sample, limits, signal)) {
    one = await readIt(sample);
    if (hasRecords(one.read)) break;
  }
  return one;
}

/** What to do about a sample without rows, and why it has none. */
export async function whyNoRows(
  { source }: ConfiguredSource,
  { sample, read }: ReadSample,
  limits: Limits,
): Promise<string> {
  if (sample.error !== undefined) return `${sample.object.uri} cannot be read: ${sample.error}`;
  for (const type of eventSourceTypes) {
    if (type === source.type) continue;
    const { rows } = await readSamples(createSource(type, {}, limits), [sample], limits);
    if (rows.length > 0) return `these are records of type ${type}: set "type: ${type}" for the source`;
  }
  const held = holderOfRecord(sample.text, eventSources[source.type].marks.hints);
  if (held !== undefined) return held;
  const [code] = mostFrequent(read.reasons);
  if (code !== undefined) return `${plural(read.reasons.length, 'record')} went to quarantine, ${whatOf(code)}`;
  const own = read.skips.filter((reason) => reason === 'request-line' || reason === 'response-line').length;
  if (own > 0)
    return `${plural(own, 'line')} of OPA about requests and not one decision: start it with --set decision_logs.console=true, or read where its decision logs go`;
  if (sample.isCut && !hasRecords(read))
    return `the first record of ${sample.object.uri} is too large to look into here`;
  return 'all lines are of other programs: see docs/inputs.md for what can be read, and whether the location is the right one';
}

const whatOf = (code: RejectionCode): string =>
  `most of them as ${code} (${rejectionCodes[code]}); "audit-warehouse quarantine" shows them${advice[code] ?? ''}`;

const advice: Partial<Record<RejectionCode, string>> = {
  text_format: ', and OPA has to run with --log-format=json',
  missing_field: ', and "audit-warehouse init LOCATION" says what the objects hold',
  incomplete_record: ', and docs/inputs.md says which settings keep records whole',
};

function mostFrequent<T>(values: readonly T[]): T[] {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([value]) => value);
}

const mostLines = 200;
const mostDepth = 8;

/** Which member of a line has what only records have in their text, and who writes lines like that. */
function holderOfRecord(text: Buffer, hints: readonly string[]): string | undefined {
  for (const line of text.toString('utf8').split('\n', mostLines)) {
    if (!hints.some((hint) => line.includes(hint))) continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      continue;
    }
    const path = pathOfHint(value, hints, mostDepth);
    if (path === undefined || path.length === 0) continue;
    const writer = path.map((name) => writersOf[name]).find((known) => known !== undefined);
    const what = `\`${path.join('.')}\` holds what looks like a record`;
    return `${what}${writer === undefined ? '' : `: this looks like ${writer}`}, in a form that is not read; docs/inputs.md has the settings that are`;
  }
  return undefined;
}

function pathOfHint(value: unknown, hints: readonly string[], depth: number): string[] | undefined {
  if (typeof value === 'string') return hints.some((hint) => value.includes(hint)) ? [] : undefined;
  if (typeof value !== 'object' || value === null || depth === 0) return undefined;
  for (const [name, member] of Object.entries(value)) {
    if (hints.some((hint) => name.includes(hint))) return [name];
    const below = pathOfHint(member, hints, depth - 1);
    if (below !== undefined) return [name, ...below];
  }
  return undefined;
}

const mostPaths = 8;

/** What the records have in `input`, then in `result`, most frequent first, as paths that `fields` takes. */
export function pathsSeen({ source, rows }: Read): string[] {
  return ['input', 'result'].flatMap((root) => {
    const at = source.table.columns.findIndex(({ name }) => name === root);
    const texts = at < 0 ? [] : rows.map((values) => values[at]).filter((text) => text !== null && text !== undefined);
    const paths = texts.flatMap((text) => [...new Set(leaves(root, JSON.parse(String(text)), 4))]);
    return mostFrequent(paths).slice(0, mostPaths);
  });
}

function* leaves(path: string, value: unknown, depth: number): Generator<string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    if (value !== null) yield path;
    return;
  }
  if (depth === 0) return;
  for (const [name, member] of Object.entries(value).slice(0, 64))
    yield* leaves(`${path}.${/^[^\s."[\]]+$/.test(name) ? name : JSON.stringify(name)}`, member, depth - 1);
}
