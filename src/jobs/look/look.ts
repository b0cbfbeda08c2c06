/**
 * What a location holds, for somebody who is about to configure it as a source: how objects are compressed and framed,
 * what is around their records, whose records they are, and which shape gives the standard columns values. The samples go
 * through the readers that ingest uses, so what is said here is what a backfill would do.
 */

import type { Runtime } from '../../ingest/runtime.ts';
import { detectFraming } from '../../records/frame/detect.ts';
import type { Limits } from '../../records/limits.ts';
import { createSource } from '../../sources/index.ts';
import { hiveNames } from '../../sources/keys.ts';
import type { FieldPaths } from '../../sources/opa/fields.ts';
import { defaultShape, mappedTypes, mappingOf, type ShapeName, shapeNames } from '../../sources/opa/shapes.ts';
import { eventSourceTypes, type SourceType } from '../../sources/registry.ts';
import { selecting } from '../../sources/selection.ts';
import { proposeFields } from './propose-fields.ts';
import { hasRecords, type Read, readSamples } from './read-samples.ts';
import { chooseSome, largerSamples, listSome, type Sample, sampleObject } from './sample.ts';

export interface Look {
  readonly objects: {
    /** Below the location, without what other tools leave beside logs. */
    readonly listed: number;
    /** false: there are more. */
    readonly isWhole: boolean;
    readonly bytes: number;
    readonly leftOut: number;
    readonly sampled: number;
  };
  readonly requests: number;
  readonly bytesRead: number;
  /** How many of the samples, by name. */
  readonly compressions: Readonly<Record<string, number>>;
  readonly framings: Readonly<Record<string, number>>;
  /** Members of the wrappers around the records, most frequent first; empty where they stand bare. */
  readonly envelope: readonly string[];
  /** undefined: no sample holds a record of any source. */
  readonly type: SourceType | undefined;
  readonly records: { readonly rows: number; readonly quarantined: number; readonly skipped: number };
  readonly reasons: Readonly<Record<string, number>>;
  /** For a type whose standard columns can be in several places. */
  readonly shapes: readonly ShapeName[];
  readonly fields: Readonly<Record<string, FieldPaths>>;
  /** Share of the rows that each standard column would have a value in, 0 to 1. */
  readonly filled: Readonly<Record<string, number>>;
  /** Paths by column name. */
  readonly columns: Readonly<Record<string, string>>;
  readonly failures: readonly { readonly uri: string; readonly reason: string }[];
  /** What a backfill of it all would ask of the store; at least that where the listing is not whole. */
  readonly backfill: { readonly requests: number; readonly bytes: number };
}

/** Columns that say most about a decision: a shape is judged by these. */
const judged = ['subject', 'action', 'resource', 'allowed'];
/** A second shape is worth having from this share of the values on. */
const worthwhile = 0.02;
const keysPerPage = 1000;
/** Names in keys that have columns, or are about one object alone. */
const known = new Set(['eopa', 'first_ts', 'last_ts', 'ts', 'batch_id', 'decision_id', 'tenant', 'ymd']);

export async function lookAt(
  { store, config }: Pick<Runtime, 'store' | 'config'>,
  location: string,
  signal?: AbortSignal,
): Promise<Look> {
  const { limits } = config;
  const listing = await listSome(store, location, signal);
  const relevant = selecting({ location }, () => ({ relevant: true, columns: {} }));
  const objects = listing.objects.filter(({ uri }) => relevant(uri).relevant);
  const samples: Sample[] = [];
  for (const object of chooseSome(objects)) {
    signal?.throwIfAborted();
    samples.push(await sampleObject(store, object, limits, signal));
  }
  const usable = samples.filter(({ text }) => text.length > 0);
  let found = await bestType(usable, limits);
  const larger: Sample[] = [];
  const cut = usable.find(({ isCut }) => isCut);
  if (cut !== undefined && !found.hasRecords)
    for await (const sample of largerSamples(store, cut, limits, signal)) {
      larger.push(sample);
      found = await bestType([sample], limits);
      if (found.hasRecords) break;
    }
  const { best } = found;
  const judgedBy = larger.length > 0 ? larger.slice(-1) : usable;
  const mapped = best?.type === 'opa' ? await bestMapping(judgedBy, limits, best.read) : undefined;
  const read = mapped?.read ?? best?.read;
  const bytes = objects.reduce((sum, { size }) => sum + size, 0);
  const pages = Math.ceil(listing.objects.length / keysPerPage) || 1;
  return {
    objects: {
      listed: objects.length,
      isWhole: listing.isWhole,
      bytes,
      leftOut: listing.objects.length - objects.length,
      sampled: samples.length,
    },
    requests: pages + samples.length + larger.length,
    bytesRead: [...samples, ...larger].reduce((sum, sample) => sum + sample.bytesRead, 0),
    compressions: counted(samples.map(({ compression }) => compression)),
    framings: counted(usable.map(({ text, isCut }) => detectFraming(text, !isCut) ?? 'lines')),
    envelope: read === undefined ? [] : envelopeMembers(read),
    type: best?.type,
    records: {
      rows: read?.rows.length ?? 0,
      quarantined: read?.reasons.length ?? 0,
      skipped: read?.skips.length ?? 0,
    },
    reasons: counted(read?.reasons ?? []),
    shapes: mapped?.shapes ?? [],
    fields: mapped?.fields ?? {},
    filled: read === undefined ? {} : Object.fromEntries(filledShares(read)),
    columns: { ...keyColumns(usable), ...(read && envelopeColumns(read)) },
    failures: samples.flatMap(({ object, error }) => (error === undefined ? [] : [{ uri: object.uri, reason: error }])),
    backfill: { requests: pages + objects.length, bytes },
  };
}

/** Whose records they are: of the type that makes most rows of them. */
async function bestType(samples: readonly Sample[], limits: Limits) {
  let best: { type: SourceType; read: Read } | undefined;
  let isAny = false;
  for (const type of eventSourceTypes) {
    const read = await readSamples(createSource(type, {}, limits), samples, limits);
    isAny ||= hasRecords(read);
    if (read.rows.length > (best?.read.rows.length ?? 0)) best = { type, read };
  }
  return { best, hasRecords: isAny };
}

/** The shape, or the two in order, that give most of the telling columns a value; then paths for what is still empty. */
async function bestMapping(samples: readonly Sample[], limits: Limits, byDefault: Read) {
  const reading = (shapes: readonly ShapeName[], fields: Readonly<Record<string, FieldPaths>> = {}): Promise<Read> => {
    const own = Object.fromEntries(Object.entries(fields).map(([column, path]) => [column, [path]]));
    return readSamples(createSource('opa', {}, limits, mappingOf(shapes, own)), samples, limits);
  };
  let best = { shapes: [defaultShape] as ShapeName[], read: byDefault };
  for (const shape of shapeNames) {
    if (shape === defaultShape) continue;
    const read = await reading([shape]);
    if (score(read) > score(best.read)) best = { shapes: [shape], read };
  }
  const least = worthwhile * judged.length * byDefault.rows.length;
  for (const shape of shapeNames) {
    if (best.shapes.includes(shape)) continue;
    const shapes = [...best.shapes, shape];
    const read = await reading(shapes);
    if (score(read) - score(best.read) > least) best = { shapes, read };
  }
  const shares = filledShares(best.read);
  const empty = [...shares].filter(([, share]) => share < 0.5).map(([column]) => column);
  const fields = proposeFields(best.read.source.table, best.read.rows, empty);
  if (Object.keys(fields).length === 0) return { ...best, fields };
  // A path of its own takes the place of those of the shapes, so it has to be better than they are.
  const tried = filledShares(await reading(best.shapes, fields));
  const better = Object.entries(fields).filter(([column]) => tried.get(column)! > shares.get(column)!);
  const kept = Object.fromEntries(better);
  return { shapes: best.shapes, fields: kept, read: await reading(best.shapes, kept) };
}

const score = (read: Read): number =>
  judged.reduce((sum, column) => sum + (filledShares(read).get(column) ?? 0) * read.rows.length, 0);

/** Of the columns that a mapping fills; of all that hold text where there is none. */
function filledShares({ source, rows }: Read): Map<string, number> {
  const names = source.type === 'opa' ? Object.keys(mappedTypes) : ['user', 'client_ip', 'ae_database', 'statement'];
  return new Map(
    names.flatMap((name) => {
      const at = source.table.columns.findIndex((column) => column.name === name);
      if (at < 0 || rows.length === 0) return [];
      return [[name, rows.filter((values) => isFilled(values[at])).length / rows.length] as const];
    }),
  );
}

const isFilled = (value: unknown): boolean =>
  value !== null && value !== undefined && !(value instanceof Uint8Array && value.length === 0) && value !== '';

/** What is kept of what stood around a record. */
function envelopes({ source, rows }: Read): object[] {
  const at = source.table.columns.findIndex(({ name }) => name === 'extra');
  return rows.flatMap((values) => {
    const text = values[at];
    if (text === null || text === undefined) return [];
    const { $envelope } = JSON.parse(String(text)) as { $envelope?: object };
    return typeof $envelope === 'object' && $envelope !== null ? [$envelope] : [];
  });
}

/** Names of the members around the records. */
function envelopeMembers(read: Read): string[] {
  return Object.entries(counted(envelopes(read).flatMap((envelope) => Object.keys(envelope))))
    .sort(([, a], [, b]) => b - a)
    .slice(0, 12)
    .map(([name]) => name);
}

/** Where a record came from, as log shippers say it. */
const origins = /^(pod(_name)?|namespace(_name)?|container_name|host(name)?|cluster(_name)?|node_name)$/;

/** Columns for what nearly all wrappers say of where their record came from. */
function envelopeColumns(read: Read): Record<string, string> {
  const paths = envelopes(read).flatMap((envelope) =>
    Object.entries(envelope).flatMap(([name, value]): string[] => {
      if (typeof value === 'string') return origins.test(name) ? [name] : [];
      if (typeof value !== 'object' || value === null || Array.isArray(value) || !/^\w+$/.test(name)) return [];
      const inner = Object.entries(value).filter(([key, member]) => origins.test(key) && typeof member === 'string');
      return inner.map(([key]) => `${name}.${key}`);
    }),
  );
  const taken = new Set(read.source.table.columns.map(({ name }) => name));
  const frequent = Object.entries(counted(paths)).filter(([, count]) => count >= read.rows.length * 0.8);
  return Object.fromEntries(
    frequent.flatMap(([path]) => {
      const name = path.split('.').at(-1)!;
      return taken.has(name) ? [] : [[name, `$envelope.${path}`]];
    }),
  );
}

/** Columns for `name=value` parts that nearly all keys have. */
function keyColumns(samples: readonly Sample[]): Record<string, string> {
  const counts = counted(samples.flatMap(({ object }) => [...new Set(hiveNames(object.uri))]));
  const names = Object.entries(counts).filter(
    ([name, count]) => count >= samples.length * 0.8 && !known.has(name) && /^[a-z][a-z0-9_]{0,62}$/.test(name),
  );
  return Object.fromEntries(names.slice(0, 8).map(([name]) => [name, `$key.${name}`]));
}

function counted(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}
