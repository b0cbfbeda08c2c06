/**
 * Questions to AWS. Clients are opened when they are first needed, with few tries: a doctor should not wait as long as
 * a job would. The times of answers, refusals among them, tell how far the clocks are apart.
 */
import { randomUUID } from 'node:crypto';
import type { GlueClient } from '@aws-sdk/client-glue';
import type { Config } from '../config/config.ts';
import { parseUri } from '../store/uri.ts';
import type { Access, AwsProbes, TableOptimizers, WorkGroup } from './probes.ts';

const options = { maxAttempts: 2, requestHandler: { connectionTimeout: 5000, requestTimeout: 15_000 } };

export function awsProbes(config: Config): AwsProbes {
  const clocks = new Map<string, number>();
  const { s3, catalog, engines } = config;
  const region = (catalog.type === 'glue' ? catalog.region : undefined) ?? s3.region;
  const glue = once(async () => {
    if (catalog.type !== 'glue') throw new Error('the catalog is not Glue');
    const sdk = await import('@aws-sdk/client-glue');
    const client = new sdk.GlueClient({
      ...options,
      ...(catalog.region && { region: catalog.region }),
      ...(catalog.endpoint && { endpoint: catalog.endpoint }),
    });
    watchClock(client.middlewareStack, 'Glue', clocks);
    return { ...sdk, client: client as GlueClient, database: catalog.database };
  });
  const sts = once(async () => {
    const sdk = await import('@aws-sdk/client-sts');
    return { ...sdk, client: new sdk.STSClient({ ...options, ...(region && { region }) }) };
  });

  return {
    async credentials() {
      const { client } = await sts();
      const { expiration } = await client.config.credentials();
      return expiration === undefined ? {} : { expiresAt: expiration.getTime() };
    },

    async identity() {
      if (!usesAwsItself(config)) return undefined;
      const { client, GetCallerIdentityCommand } = await sts();
      const { Account: account = '', Arn: arn = '' } = await client.send(new GetCallerIdentityCommand({}));
      return { account, arn };
    },

    async clocks() {
      const ignore = (): void => {};
      const bucket = config.warehouse.startsWith('s3://') ? config.warehouse : s3Locations(config)[0];
      if (bucket !== undefined) {
        const { S3Client, ListObjectsV2Command } = await import('@aws-sdk/client-s3');
        const client = new S3Client({
          ...options,
          ...(s3.endpoint && { endpoint: s3.endpoint }),
          ...(s3.region && { region: s3.region }),
          forcePathStyle: s3.forcePathStyle,
          followRegionRedirects: true,
        });
        watchClock(client.middlewareStack, 'S3', clocks);
        const { authority: Bucket, key } = parseUri(`${bucket.replace(/\/+$/, '')}/`);
        // A refusal tells the time as well.
        await client.send(new ListObjectsV2Command({ Bucket, Prefix: key, MaxKeys: 1 })).catch(ignore);
        client.destroy();
      }
      if (catalog.type === 'glue') {
        const { client, database, GetDatabaseCommand } = await glue();
        await client.send(new GetDatabaseCommand({ Name: database })).catch(ignore);
      }
      return clocks;
    },

    async glueDatabaseExists() {
      const { client, database, GetDatabaseCommand } = await glue();
      try {
        await client.send(new GetDatabaseCommand({ Name: database }));
        return true;
      } catch (error) {
        if ((error as Error).name === 'EntityNotFoundException') return false;
        throw error;
      }
    },

    async mayUpdateTables() {
      const { client, database, UpdateTableCommand } = await glue();
      const TableInput = { Name: `audit_warehouse_doctor_${randomUUID().replaceAll('-', '')}` };
      return accessBy('EntityNotFoundException', () =>
        client.send(new UpdateTableCommand({ DatabaseName: database, TableInput, SkipArchive: true })),
      );
    },

    async mayCreateTables(existing) {
      const { client, database, CreateTableCommand } = await glue();
      return accessBy('AlreadyExistsException', () =>
        client.send(new CreateTableCommand({ DatabaseName: database, TableInput: { Name: existing } })),
      );
    },

    async tableOptimizers(table): Promise<TableOptimizers | string> {
      const { client, database, GetTableOptimizerCommand } = await glue();
      const account = (await this.identity())?.account;
      if (account === undefined) return 'table optimizers are not asked for, as no endpoint is of AWS';
      const ask = async (Type: 'compaction' | 'retention' | 'orphan_file_deletion') => {
        try {
          const request = { CatalogId: account, DatabaseName: database, TableName: table, Type };
          const { TableOptimizer } = await client.send(new GetTableOptimizerCommand(request));
          return TableOptimizer?.configuration?.enabled === true ? TableOptimizer.configuration : undefined;
        } catch (error) {
          // There is none.
          if ((error as Error).name === 'EntityNotFoundException') return undefined;
          throw error;
        }
      };
      try {
        const [compaction, retention, orphans] = [
          await ask('compaction'),
          await ask('retention'),
          await ask('orphan_file_deletion'),
        ];
        const kept = retention?.retentionConfiguration?.icebergConfiguration?.snapshotRetentionPeriodInDays;
        const left = orphans?.orphanFileDeletionConfiguration?.icebergConfiguration?.orphanFileRetentionPeriodInDays;
        return {
          ...(compaction && { compaction: true }),
          ...(retention && { retentionDays: kept ?? defaultRetentionDays }),
          ...(orphans && { orphanDays: left ?? defaultOrphanDays }),
        };
      } catch (error) {
        return `table optimizers could not be asked for (${(error as Error).name})`;
      }
    },

    async queue(url) {
      const { SQSClient, GetQueueAttributesCommand } = await import('@aws-sdk/client-sqs');
      const named = /^https?:\/\/sqs\.([a-z0-9-]+)\.amazonaws\./.exec(url)?.[1] ?? s3.region;
      const client = new SQSClient({ ...options, useQueueUrlAsEndpoint: true, ...(named && { region: named }) });
      try {
        const { Attributes = {} } = await client.send(
          new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
        );
        return Attributes;
      } finally {
        client.destroy();
      }
    },

    async workGroup(): Promise<WorkGroup> {
      const { AthenaClient, GetWorkGroupCommand } = await import('@aws-sdk/client-athena');
      const { athena } = engines;
      const client = new AthenaClient({
        ...options,
        ...(athena.region && { region: athena.region }),
        ...(athena.endpoint && { endpoint: athena.endpoint }),
      });
      try {
        const name = athena.workgroup ?? 'primary';
        const { WorkGroup } = await client.send(new GetWorkGroupCommand({ WorkGroup: name }));
        const settings = WorkGroup?.Configuration;
        const output = settings?.ResultConfiguration?.OutputLocation;
        const engineVersion = settings?.EngineVersion?.EffectiveEngineVersion;
        return {
          name,
          enabled: WorkGroup?.State === 'ENABLED',
          enforced: settings?.EnforceWorkGroupConfiguration === true,
          ...(output && { output }),
          ...(engineVersion && { engineVersion }),
        };
      } finally {
        client.destroy();
      }
    },
  };
}

/** Glue's, where a table does not say (Glue developer guide, "Enabling snapshot retention", "Enabling orphan file deletion"). */
const defaultRetentionDays = 5;
const defaultOrphanDays = 3;

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open();
    return opened;
  };
}

/** A refusal of the expected kind comes only to who may do it. */
async function accessBy(expected: string, call: () => Promise<unknown>): Promise<Access> {
  try {
    await call();
  } catch (error) {
    const { name, message } = error as Error;
    if (name === expected) return { granted: true };
    if (name === 'AccessDeniedException') return { granted: false, reason: message };
    throw error;
  }
  throw new Error(`Glue did what it should have refused with ${expected}`);
}

const s3Locations = (config: Config): string[] =>
  [config.warehouse, config.compact.spill, ...[...config.sources, ...config.sideSources].map((s) => s.location)].filter(
    (location) => location.startsWith('s3://'),
  );

/** Whether any service is asked at an address of AWS: only then does its STS know the credentials. */
function usesAwsItself(config: Config): boolean {
  const elsewhere = (service: string): boolean =>
    Boolean(process.env[`AWS_ENDPOINT_URL_${service}`] || process.env.AWS_ENDPOINT_URL);
  const { catalog, s3 } = config;
  if (elsewhere('STS')) return true;
  return (
    (s3Locations(config).length > 0 && s3.endpoint === undefined && !elsewhere('S3')) ||
    (catalog.type === 'glue' && catalog.endpoint === undefined && !elsewhere('GLUE'))
  );
}

/** As much of the SDK's middleware as is needed here; its own types differ from client to client. */
interface Middleware {
  add(
    middleware: (next: (args: unknown) => Promise<{ response: unknown }>) => (args: unknown) => Promise<never>,
    options: { readonly step: 'deserialize'; readonly priority: 'low'; readonly name: string },
  ): void;
}

/** Notes the Date of every answer, halfway between question and answer. */
function watchClock(stack: unknown, service: string, clocks: Map<string, number>): void {
  (stack as Middleware).add(
    (next) => async (args) => {
      const sent = Date.now();
      const answer = await next(args);
      const { headers = {} } = answer.response as { headers?: Record<string, string> };
      const date = Date.parse(headers.date ?? '');
      // The header has whole seconds.
      if (!Number.isNaN(date)) clocks.set(service, date + 500 - (sent + Date.now()) / 2);
      return answer as never;
    },
    { step: 'deserialize', priority: 'low', name: 'watchClock' },
  );
}
