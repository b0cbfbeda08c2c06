/**
 * What never arrived: for every instance and day what its numbers say, in the four grades of sequences/grade.ts. Reads
 * only the table `sequences`; every command that speaks of it goes by this report.
 */
import type { Config } from '../../config/config.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { type Grade, type GradedDay, gradeDays, grades } from '../../sequences/grade.ts';
import { compareText } from '../../text/order.ts';
import { ArrivedNumbers, type Instance } from './arrived.ts';

export interface ProducersOptions {
  /** UTC days, both included; all where omitted. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Names; instances of all sources where omitted. */
  readonly sources?: readonly string[] | undefined;
  /** Which days to name; all where omitted. They are counted in any case. */
  readonly grades?: readonly Grade[] | undefined;
}

/** One instance on one day. */
export interface ProducerDay extends GradedDay {
  /** Sources that its records came from, ever. */
  readonly sources: readonly string[];
  /** null: records that name no instance. */
  readonly instance: string | null;
  /** Of its records, in microseconds since the epoch. */
  readonly firstTime: number;
  readonly lastTime: number;
  /** Share of records that are missing, judged by what is usual, from 0 to 1; and how much is tolerated. */
  readonly share: number;
  readonly tolerate: number;
}

export interface ProducersReport {
  /** Of the grades asked for: the most that may be missing first. */
  readonly days: readonly ProducerDay[];
  /** All days in the range. */
  readonly totals: ProducerTotals;
  /** Instances of which more is missing on a day than is tolerated. */
  readonly beyondTolerance: number;
  readonly bytesScanned: number;
}

export interface ProducerTotals {
  readonly instances: number;
  /** Days of instances by grade. */
  readonly days: Readonly<Record<Grade, number>>;
  readonly arrived: number;
  readonly absent: number;
  readonly estimated: number;
}

export const defaultTolerate = 0.01;

type World = Pick<Runtime, 'store' | 'catalog'> & { readonly config: Pick<Config, 'sources'> };

export async function producers(world: World, options: ProducersOptions = {}): Promise<ProducersReport> {
  const arrived = await ArrivedNumbers.read(world);
  if (arrived === undefined) return nothing;
  const wanted = [...arrived.instances].filter(({ sources }) => isOf(sources, options.sources));
  const isNamed = new Set(options.grades ?? (Object.keys(grades) as Grade[]));
  // Without a gap the times make no difference; what is to be named needs them all the same.
  const named = new Set(
    wanted.filter((instance) => {
      const graded = gradesOf(world, instance, options);
      return graded.some(({ grade, absent }) => isNamed.has(grade) || absent > 0 || grade === 'missing');
    }),
  );
  await arrived.readNames(named);
  const days = wanted.flatMap((instance) => gradesOf(world, instance, options));
  const beyond = new Set(days.filter(({ share, tolerate }) => share > tolerate).map(({ instance }) => instance));
  return {
    days: days.filter(({ grade }) => isNamed.has(grade)).sort(byConcern),
    totals: totalsOf(wanted.filter((one) => inRange(one, options)).length, days),
    beyondTolerance: beyond.size,
    bytesScanned: arrived.bytesRead,
  };
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

const inRange = ({ days }: Instance, options: ProducersOptions): boolean =>
  days.some(({ ymd }) => isWithin(ymd, options));

/** The days of an instance that are in the range; what is usual comes from all of them. */
function gradesOf({ config }: World, instance: Instance, options: ProducersOptions): ProducerDay[] {
  const sources = [...instance.sources].sort(compareText);
  const settings = sources.map((name) => config.sources.find((source) => source.name === name)?.sequence);
  // The strictest one decides where an instance is in several sources.
  const tolerate = Math.min(...settings.map((one) => one?.tolerate ?? defaultTolerate));
  const isAlone = settings.some((one) => one?.ignore.length === 0);
  const days = new Map(instance.days.map((day) => [day.ymd, day]));
  return gradeDays(instance.days, { tolerate, isAlone })
    .filter(({ ymd }) => isWithin(ymd, options))
    .map((day) => ({
      ...day,
      sources,
      instance: instance.name ?? null,
      firstTime: days.get(day.ymd)!.firstTime,
      lastTime: days.get(day.ymd)!.lastTime,
      share: day.estimated / Math.max(1, day.arrived + day.estimated),
      tolerate,
    }));
}

function totalsOf(instances: number, days: readonly ProducerDay[]): ProducerTotals {
  const sum = (of: (day: ProducerDay) => number): number => days.reduce((total, day) => total + of(day), 0);
  const byGrade = Object.fromEntries(order.map((grade) => [grade, sum((day) => Number(day.grade === grade))]));
  return {
    instances,
    days: byGrade as Record<Grade, number>,
    arrived: sum(({ arrived }) => arrived),
    absent: sum(({ absent }) => absent),
    estimated: sum(({ estimated }) => estimated),
  };
}

const nothing: ProducersReport = {
  days: [],
  totals: {
    instances: 0,
    days: { missing: 0, uncounted: 0, steady: 0, dense: 0 },
    arrived: 0,
    absent: 0,
    estimated: 0,
  },
  beyondTolerance: 0,
  bytesScanned: 0,
};
