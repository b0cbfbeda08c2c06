import type { CatalogConfigOf, CatalogType } from '../../config/catalogs.ts';
import type { Config } from '../../config/config.ts';
import { type EngineName, engineNames } from '../../engines/index.ts';
import { athenaIsConfigured } from '../../iam/policy.ts';
import { ownTables } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import type { Probes } from '../../probes/probes.ts';
import { plural } from '../../text/humanize.ts';
import { momentOf } from '../moment.ts';
import { checkExpected, checkSample } from './arrivals.ts';
import { type Check, type Finding, failed, ok, type PlannedCheck, reasonOf } from './check.ts';
import { checkFiles } from './files.ts';
import { checkDisk, judgeClocks, judgeMemory } from './machine.ts';
import { checkMaintenance } from './maintenance.ts';
import { checkMappings } from './mappings.ts';
import { checkNightly } from './nightly.ts';
import { checkProducers } from './producers.ts';
import { checkAthena, checkCredentials, checkGlue, checkQueue, checkTrino } from './services.ts';
import {
  checkConditionalWrites,
  checkListing,
  checkSetAside,
  checkSource,
  checkTables,
  checkWarehouse,
  probePrefix,
} from './store.ts';

export interface Diagnosis {
  /** Nothing failed; there may be warnings. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

export const diagnosisOf = (checks: readonly Check[]): Diagnosis => ({
  ok: checks.every(({ status }) => status !== 'failed'),
  checks,
});

const patienceMs = 60_000;

/** Leaves this machine and the warehouse as they were. */
export async function diagnose(runtime: Runtime, probes: Probes): Promise<Check[]> {
  const { machine } = probes;
  const probed = probePrefix(runtime.config.warehouse);
  const folders = [probed, ...localFolders(runtime.config)].flatMap((place) => folderOf(place) ?? []);
  const missing = await machine.missingFolders(folders);
  try {
    // Checks look at the same tables.
    return await carryOutAll(momentOf(runtime, ownTables(runtime.config)).runtime, probes);
  } finally {
    // That of the probes is nobody else's, and may have been left by a doctor that was killed.
    await machine.removeFolders([...missing, ...[probed].flatMap((place) => folderOf(place) ?? [])]);
  }
}

async function carryOutAll(runtime: Runtime, probes: Probes): Promise<Check[]> {
  const checks = new Map<string, Promise<Check | undefined>>();
  for (const planned of planChecks(runtime, probes)) {
    const first = planned.needs === undefined ? undefined : checks.get(planned.needs);
    const look = async (): Promise<Check | undefined> => {
      // One cause, one report.
      if (first !== undefined && (await first)?.status !== 'ok' && (await first)?.status !== 'warning')
        return undefined;
      return carryOut(planned, runtime);
    };
    checks.set(planned.name, look());
  }
  return (await Promise.all(checks.values())).filter((check) => check !== undefined);
}

/** Never throws. */
async function carryOut({ name, look, advice }: PlannedCheck, { sleep }: Runtime): Promise<Check> {
  const patience = new AbortController();
  const tooLong = sleep(patienceMs, patience.signal).then(
    (): Finding => failed(`no answer within ${patienceMs / 1000} s`, advice),
    (): Promise<Finding> => new Promise(() => {}),
  );
  try {
    return { name, ...(await Promise.race([look(), tooLong])) };
  } catch (error) {
    return { name, ...failed(reasonOf(error), advice) };
  } finally {
    patience.abort();
  }
}

/** Where rows are spilled, as URIs. */
const localFolders = ({ compact, batch }: Config): string[] => [compact.spill, ...(batch.spill ? [batch.spill] : [])];

const folderOf = (uri: string): string | undefined =>
  uri.startsWith('file://') ? uri.slice('file://'.length).replace(/(?<=.)\/+$/, '') : undefined;

export function planChecks(runtime: Runtime, probes: Probes): PlannedCheck[] {
  const { config, store, clock } = runtime;
  const { aws, machine } = probes;
  const sources = [...config.sources, ...config.sideSources];
  const onS3 = (location: string): boolean => location.startsWith('s3://');
  const isRemote = onS3(config.warehouse);
  const usesAthena = athenaIsConfigured(config);
  const remote = { needs: 'credentials' };
  const queues = new Set(config.sources.flatMap(({ queue }) => queue ?? []));
  const usesAws =
    [config.warehouse, ...sources.map(({ location }) => location)].some(onS3) ||
    config.catalog.type === 'glue' ||
    (config.catalog.type === 'rest' && config.catalog.auth?.type === 'sigv4') ||
    queues.size > 0 ||
    usesAthena;

  const checks: PlannedCheck[] = [
    {
      name: 'memory',
      look: async () => judgeMemory(config, machine.memoryBytes),
      advice: 'give the process more memory',
    },
    {
      name: 'disk',
      look: () =>
        checkDisk(
          machine,
          machine.temporaryFolder,
          isRemote ? 'data files that queries fetch' : 'queries that do not fit into memory',
        ),
      advice: 'point TMPDIR to a folder that can be written',
    },
  ];
  const spill = config.compact.spill.replace(/^file:\/\//, '');
  if (spill.startsWith('/') && spill !== machine.temporaryFolder) {
    checks.push({
      name: 'disk:spill',
      look: () => checkDisk(machine, spill, 'days that compact sorts outside of memory'),
      advice: 'set compact.spill to a folder that can be written',
    });
  }
  const batchSpill = config.batch.spill?.replace(/^file:\/\//, '');
  if (batchSpill !== undefined && batchSpill !== spill && batchSpill !== machine.temporaryFolder) {
    checks.push({
      name: 'disk:batch-spill',
      look: () => checkDisk(machine, batchSpill, 'batches that ingest sorts outside of memory'),
      advice: 'set batch.spill to a folder that can be written',
    });
  }
  if (usesAws) {
    checks.push({
      name: 'credentials',
      look: () => checkCredentials(aws, clock()),
      advice:
        'set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role; buckets, catalog, queues and Athena are looked at once there are credentials',
    });
    checks.push({
      name: 'clock',
      look: async () => judgeClocks(await aws.clocks()),
      advice: 'set s3.region, catalog.region or AWS_REGION',
      needs: 'credentials',
    });
  }
  for (const source of sources) {
    checks.push({
      name: `source:${source.name}`,
      look: () => checkSource(store, source),
      advice: 'see that the bucket or folder is there and may be listed and read',
      ...(onS3(source.location) && remote),
    });
    checks.push({
      name: `listing:${source.name}`,
      look: () => checkListing(store, source),
      advice: 'see that the bucket or folder is there and may be listed',
      needs: `source:${source.name}`,
    });
  }
  for (const source of selectSources(runtime, undefined)) {
    const { name, expectSeconds } = source.config;
    checks.push({
      name: `sample:${name}`,
      look: () => checkSample(runtime, source),
      advice: 'see that the objects of the source may be read',
      needs: `source:${name}`,
    });
    if (expectSeconds === undefined) continue;
    checks.push({
      name: `expect:${name}`,
      look: () => checkExpected(runtime, source),
      advice: 'see that the ledger ingested_objects can be read',
      ...(isRemote && remote),
    });
  }
  checks.push(
    {
      name: 'warehouse',
      look: () => checkWarehouse(runtime),
      advice: config.warehouse.startsWith('file://')
        ? 'see that its disk has room, and that the user of this process may read and write there'
        : 'see that the bucket is there, and grant what "doctor --policy worker" prints',
      ...(isRemote && remote),
    },
    {
      name: 'tables',
      look: () => checkTables(runtime),
      advice: 'see that the warehouse and the catalog can be read',
      needs: 'warehouse',
    },
    {
      name: 'files',
      look: () => checkFiles(runtime),
      advice: 'see that the warehouse and the catalog can be read',
      needs: 'tables',
    },
    {
      name: 'conditional-writes',
      look: () => checkConditionalWrites(runtime),
      advice: 'use a store that honours If-None-Match and If-Match on PUT (AWS S3 does)',
      needs: 'warehouse',
    },
  );
  const catalog = catalogCheck(runtime, aws);
  checks.push(catalog, {
    name: 'shape',
    look: () => checkMappings(runtime),
    advice: 'see that the ledger ingested_objects can be read',
    needs: catalog.name,
  });
  checks.push({
    name: 'producers',
    look: () => checkProducers(runtime),
    advice: 'see that the table sequences can be read',
    needs: catalog.name,
  });
  checks.push({
    name: 'nightly',
    look: () => checkNightly(runtime),
    advice: 'grant what "doctor --policy doctor" prints',
    needs: catalog.name,
  });
  checks.push({
    name: 'set-aside',
    look: () => checkSetAside(runtime),
    advice: 'grant what "doctor --policy doctor" prints',
    needs: catalog.name,
  });
  checks.push({
    name: 'maintenance',
    look: () => checkMaintenance(runtime, config.catalog.type === 'glue' ? aws : undefined),
    advice: 'see that the tables can be read',
    needs: catalog.name,
  });
  for (const url of queues) {
    checks.push({
      name: `queue:${url.split('/').at(-1)}`,
      look: () => checkQueue(aws, url),
      advice: `see that ${url} is right, and grant sqs:GetQueueAttributes on it`,
      needs: 'credentials',
    });
  }
  for (const name of engineNames) checks.push(...engineChecks[name](config, probes));
  return checks;
}

function catalogCheck({ config, catalog }: Runtime, aws: Probes['aws']): PlannedCheck {
  const { warehouse } = config;
  const checks: { readonly [Type in CatalogType]: (config: CatalogConfigOf<Type>) => PlannedCheck } = {
    file: () => ({
      name: 'catalog',
      look: async () => ok(`${plural((await catalog.listTables()).length, 'table')} in ${warehouse}`),
      advice: 'see that the warehouse may be listed',
      ...(warehouse.startsWith('s3://') && { needs: 'credentials' }),
    }),
    glue: ({ database }) => ({
      name: 'glue',
      look: () => checkGlue(aws, catalog, database),
      advice: 'check catalog.region and catalog.database, and grant what "doctor --policy worker" prints',
      needs: 'credentials',
    }),
    rest: ({ uri, auth, namespace }) => ({
      name: 'catalog',
      look: async () =>
        ok(`${plural((await catalog.listTables()).length, 'table')} in namespace ${namespace} of ${uri}`),
      advice: 'check catalog.uri, catalog.warehouse and catalog.auth, and that the server runs',
      ...(auth?.type === 'sigv4' && { needs: 'credentials' }),
    }),
  };
  return checks[config.catalog.type](config.catalog as never);
}

const engineChecks: Readonly<Record<EngineName, (config: Config, probes: Probes) => readonly PlannedCheck[]>> = {
  duckdb: (_, { machine }) => [
    {
      name: 'duckdb',
      look: async () => ok(`DuckDB ${await machine.duckDb()}`),
      advice: 'install the packages anew on this machine; on Alpine use a distribution with glibc',
    },
  ],
  trino: ({ engines }, { trino }) =>
    engines.trino === undefined
      ? []
      : [
          {
            name: 'trino',
            look: () => checkTrino(trino, engines.trino!.url),
            advice: 'check engines.trino.url and that Trino runs',
          },
        ],
  athena: (config, { aws }) =>
    athenaIsConfigured(config)
      ? [
          {
            name: 'athena',
            look: () => checkAthena(aws, config.engines.athena),
            advice: 'check engines.athena.workgroup and its region, and grant athena:GetWorkGroup on it',
            needs: 'credentials',
          },
        ]
      : [],
};
