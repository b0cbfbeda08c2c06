/**
 * What never arrived: for every instance and day what its numbers say, in the four grades of sequences/grade.ts. Reads
 * only the table `sequences`; every command that speaks of it goes by this report.
 */
import type { Config } from '../../config/config.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { type Grade, type GradedDay, gradeDays, grades } from '../../sequences/grade.ts';
import { countOf, type NumberRange } from '../../sequences/number-set.ts';
import { compareText } from '../../text/order.ts';
import { type AnsweredRow, ArrivedNumbers, type Instance } from './arrived.ts';

export interface ProducersOptions {
  /** UTC days, both included; all where omitted. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Names; instances of all sources where omitted. */
  readonly sources?: readonly string[] | undefined;
  /** Which days to name; all where omitted. They are counted in any case. */
  readonly grades?: readonly Grade[] | undefined;
  /** Say for each of these days when its first and last record was made, too. */
  readonly withTimes?: boolean;
}

/** One instance on one day. */
export interface ProducerDay extends GradedDay {
  /** Sources that its records came from, ever. */
  readonly sources: readonly string[];
  /** null: records that name no instance. */
  readonly instance: string | null;
  /** Of its records, in microseconds since the epoch, where they were read (`withTimes`). */
  readonly firstTime?: number;
  readonly lastTime?: number;
  /**
   * The first of `proved`, with the times between which they were answered, in microseconds since the epoch: of all days
   * with `withTimes`, and of the first ones without.
   */
  readonly missingNumbers: readonly MissingNumbers[];
  /** Share of records that are missing, judged by what is usual, from 0 to 1; and how much is tolerated. */
  readonly share: number;
  readonly tolerate: number;
}

export interface MissingNumbers {
  readonly range: NumberRange;
  readonly firstTime: number;
  readonly lastTime: number;
}

export interface ProducersReport {
  /** Of the grades asked for: the most that may be missing first. */
  readonly days: readonly ProducerDay[];
  /** All days in the range. */
  readonly totals: ProducerTotals;
  /** Instances that miss more on a day than is tolerated. */
  readonly beyondTolerance: number;
  readonly bytesScanned: number;
}

export interface ProducerTotals {
  readonly instances: number;
  /** Days of instances by grade. */
  readonly days: Readonly<Record<Grade, number>>;
  readonly arrived: number;
  /** Missing at least, at most, and by what is usual. */
  readonly proved: number;
  readonly absent: number;
  readonly estimated: number;
}

export const defaultTolerate = 0.01;
const defaultIgnore = ['health', 'metrics'] as const;

type World = Pick<Runtime, 'store' | 'catalog'> & { readonly config: Pick<Config, 'sources'> };

export async function producers(world: World, options: ProducersOptions = {}): Promise<ProducersReport> {
  const arrived = await ArrivedNumbers.read(world);
  if (arrived === undefined) return nothing;
  const wanted = [...arrived.instances].filter(({ sources }) => isOf(sources, options.sources));
  const isNamed: ReadonlySet<Grade> = new Set(options.grades ?? order);
  const judgements = wanted.map((instance) => judgementOf(world, instance));
  // Without short gaps it makes no difference how long a day was.
  const timed = judgements.filter(({ days }) => days.some(({ short }) => short > 0));
  await arrived.readTimes(
    new Map(timed.map(({ instance }) => [instance, new Set(instance.days.map(({ ymd }) => ymd))])),
  );
  for (const judgement of timed) judgement.days = judgementOf(world, judgement.instance).days;

  const totals = new Totals();
  const named: NamedDay[] = [];
  for (const judgement of judgements) {
    for (const day of judgement.days) {
      if (!isWithin(day.ymd, options)) continue;
      totals.add(judgement, day);
      if (isNamed.has(day.grade)) named.push({ judgement, day });
    }
  }
  await arrived.readNames(new Set(named.map(({ judgement }) => judgement.instance)));
  if (options.withTimes) await arrived.readTimes(daysOf(named));
  const days = named.map(producerDay).sort((a, b) => byConcern(a.day, b.day));
  const proved = days.filter(({ day }) => day.proved.length > 0).slice(0, options.withTimes ? undefined : mostTimed);
  const answered = await arrived.readAnswered(daysOf(proved.map(({ named }) => named)));
  for (const { named, day } of proved) day.missingNumbers = missingNumbers(named, answered);
  return {
    days: days.map(({ day }) => day),
    ...totals.report(),
    bytesScanned: arrived.bytesRead,
  };
}

/** What is said of an instance, on all of its days. */
interface Judgement {
  readonly instance: Instance;
  readonly sources: readonly string[];
  readonly tolerate: number;
  days: readonly GradedDay[];
}

interface NamedDay {
  readonly judgement: Judgement;
  readonly day: GradedDay;
}

function judgementOf({ config }: World, instance: Instance): Judgement {
  const sources = [...instance.sources].sort(compareText);
  const settings = sources.map((name) => config.sources.find((source) => source.name === name)?.sequence);
  // The strictest one decides where an instance is in several sources.
  const tolerate = Math.min(...settings.map((one) => one?.tolerate ?? defaultTolerate));
  const isAlone = settings.some((one) => one?.ignore.length === 0);
  const ignore = defaultIgnore.filter((use) => settings.every((one) => (one?.ignore ?? defaultIgnore).includes(use)));
  return { instance, sources, tolerate, days: gradeDays(instance.days, { tolerate, isAlone, ignore }) };
}

const shareOf = ({ estimated, arrived }: GradedDay): number => estimated / Math.max(1, arrived + estimated);

function producerDay(named: NamedDay): { readonly named: NamedDay; readonly day: ProducerDay & Named } {
  const { instance, sources, tolerate } = named.judgement;
  const { firstTime = 0, lastTime = 0 } = instance.days.find(({ ymd }) => ymd === named.day.ymd) ?? {};
  const times = lastTime === 0 ? {} : { firstTime, lastTime };
  const [name, share] = [instance.name ?? null, shareOf(named.day)];
  return { named, day: { ...named.day, sources, instance: name, ...times, missingNumbers: [], share, tolerate } };
}

interface Named {
  missingNumbers: readonly MissingNumbers[];
}

/** Days whose missing numbers get their times where times are not asked for, and ranges of a day that do. */
const mostTimed = 10;
const mostNamed = 20;

function missingNumbers(
  { judgement: { instance }, day }: NamedDay,
  answered: ReadonlyMap<Instance, readonly AnsweredRow[]>,
): MissingNumbers[] {
  const rows = answered.get(instance)?.filter(({ ymd }) => ymd === day.ymd) ?? [];
  return day.proved.slice(0, mostNamed).map((range) => ({ range, ...timesOf(range, rows) }));
}

function timesOf([first, last]: NumberRange, rows: readonly AnsweredRow[]) {
  const own = rows.filter(({ ranges }) => ranges.some(([from, to]) => from <= last && to >= first));
  return {
    firstTime: Math.min(...own.map(({ firstTime }) => firstTime)),
    lastTime: Math.max(...own.map(({ lastTime }) => lastTime)),
  };
}

function daysOf(named: readonly NamedDay[]): Map<Instance, Set<string>> {
  const byInstance = Map.groupBy(named, ({ judgement }) => judgement.instance);
  return new Map([...byInstance].map(([instance, days]) => [instance, new Set(days.map(({ day }) => day.ymd))]));
}

const order = Object.keys(grades) as Grade[];

const byConcern = (a: ProducerDay, b: ProducerDay): number =>
  order.indexOf(a.grade) - order.indexOf(b.grade) ||
  b.absent - a.absent ||
  compareText(a.ymd, b.ymd) ||
  compareText(a.instance ?? '', b.instance ?? '');

const isOf = (sources: ReadonlySet<string>, wanted: readonly string[] | undefined): boolean =>
  wanted === undefined || wanted.some((name) => sources.has(name));

const isWithin = (ymd: string, { from, to }: ProducersOptions): boolean =>
  (from === undefined || compareText(ymd, from) >= 0) && (to === undefined || compareText(ymd, to) <= 0);

class Totals {
  readonly #instances = new Set<Instance>();
  readonly #beyond = new Set<Instance>();
  readonly #days: Record<Grade, number> = { missing: 0, uncounted: 0, steady: 0, dense: 0 };
  #arrived = 0;
  #proved = 0;
  #absent = 0;
  #estimated = 0;

  add({ instance, tolerate }: Judgement, day: GradedDay): void {
    this.#instances.add(instance);
    if (shareOf(day) > tolerate) this.#beyond.add(instance);
    this.#days[day.grade]++;
    this.#arrived += day.arrived;
    this.#proved += countOf(day.proved);
    this.#absent += day.absent;
    this.#estimated += day.estimated;
  }

  report(): Pick<ProducersReport, 'totals' | 'beyondTolerance'> {
    const [arrived, proved] = [this.#arrived, this.#proved];
    const [absent, estimated] = [this.#absent, this.#estimated];
    return {
      totals: { instances: this.#instances.size, days: this.#days, arrived, proved, absent, estimated },
      beyondTolerance: this.#beyond.size,
    };
  }
}

const nothing: ProducersReport = {
  days: [],
  totals: {
    instances: 0,
    days: { missing: 0, uncounted: 0, steady: 0, dense: 0 },
    arrived: 0,
    proved: 0,
    absent: 0,
    estimated: 0,
  },
  beyondTolerance: 0,
  bytesScanned: 0,
};
