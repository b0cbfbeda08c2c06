/**
 * IAM policies: the calls of a job on the places of a configuration, and nothing else. Sids and the order of statements
 * and actions are stable, so that a policy can be compared with an earlier one.
 *
 * Listing is restricted by s3:prefix. S3 also asks for that right, with the object's key as the prefix, before it says
 * 404 to a read of an object that is not there (otherwise 403), so no job can do without it.
 */
import type { Config } from '../config/config.ts';
import { parseUri } from '../store/uri.ts';
import { type Grant, grants, type JobName, type Target } from './calls.ts';

export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': readonly string[] } };
}

/** A prefix in a bucket; objects are those whose key starts with it. */
export interface S3Place {
  readonly bucket: string;
  readonly prefix: string;
}

/** What a job works on, with capitals where the configuration does not say. */
export interface PolicyPlaces {
  /** aws, aws-cn, aws-us-gov. */
  readonly partition: string;
  readonly sources: readonly S3Place[];
  /** Those of events; the others hold side tables, which a worker does not read. */
  readonly eventSources: readonly S3Place[];
  readonly warehouse?: S3Place;
  readonly spill?: S3Place;
  /** ARN of the KMS key that the configuration names. */
  readonly key?: string;
  readonly glue?: { readonly region: string; readonly database: string };
  /** ARNs. */
  readonly queues: readonly string[];
  readonly athena?: { readonly region: string; readonly workGroup: string; readonly results: S3Place };
}

/** The policies of docs/iam and of the Terraform module: every name is a word in capitals, which stands for nothing else. */
export const placeholders: PolicyPlaces = {
  partition: 'aws',
  sources: [{ bucket: 'SOURCE-BUCKET', prefix: 'SOURCE-PREFIX' }],
  eventSources: [{ bucket: 'SOURCE-BUCKET', prefix: 'SOURCE-PREFIX' }],
  warehouse: { bucket: 'WAREHOUSE-BUCKET', prefix: 'WAREHOUSE-PREFIX/' },
  glue: { region: 'REGION', database: 'DATABASE' },
  queues: ['arn:aws:sqs:REGION:ACCOUNT:QUEUE'],
  athena: {
    region: 'REGION',
    workGroup: 'WORK-GROUP',
    results: { bucket: 'RESULTS-BUCKET', prefix: 'RESULTS-PREFIX' },
  },
};

export function placesOf(config: Config): PolicyPlaces {
  const { catalog, s3, engines } = config;
  const glueRegion = catalog.type === 'glue' ? catalog.region : undefined;
  const region = glueRegion ?? s3.region ?? 'REGION';
  const places = (locations: readonly { readonly location: string }[]) =>
    locations.flatMap(({ location }) => s3Place(location) ?? []);
  const warehouse = s3Place(`${config.warehouse}/`);
  const spill = s3Place(`${config.compact.spill}/`);
  const results = engines.athena.output === undefined ? undefined : s3Place(engines.athena.output);
  const partition = partitionOf(region);
  return {
    partition,
    sources: places([...config.sources, ...config.sideSources]),
    eventSources: places(config.sources),
    ...(warehouse && { warehouse }),
    ...(spill && { spill }),
    ...(s3.encryption?.key !== undefined && { key: keyArn(s3.encryption.key, partition, s3.region ?? region) }),
    ...(catalog.type === 'glue' && { glue: { region, database: catalog.database } }),
    queues: [
      ...new Set(config.sources.flatMap(({ queue }) => (queue === undefined ? [] : [queueArn(queue, partition)]))),
    ],
    ...(athenaIsConfigured(config) && {
      athena: {
        region: engines.athena.region ?? region,
        workGroup: engines.athena.workgroup ?? 'primary',
        results: results ?? { bucket: 'RESULTS-BUCKET', prefix: 'RESULTS-PREFIX' },
      },
    }),
  };
}

export const policyFor = (job: JobName, places: PolicyPlaces): Policy => ({
  Version: '2012-10-17',
  Statement: grants[job].flatMap((grant) => statementsOf(grant, places)),
});

function statementsOf(grant: Grant, places: PolicyPlaces): Statement[] {
  const parts = targets[grant.target](places).filter(({ Resource }) => Resource.length > 0);
  return parts.map((part, i) => ({
    Sid: parts.length > 1 ? `${grant.sid}${i + 1}` : grant.sid,
    Effect: 'Allow',
    Action: Object.keys(grant.actions),
    ...part,
  }));
}

type Scope = Pick<Statement, 'Resource' | 'Condition'>;

const targets: Readonly<Record<Target, (places: PolicyPlaces) => Scope[]>> = {
  'source-listing': ({ partition, sources }) => listing(partition, sources),
  sources: ({ partition, sources }) => objects(partition, sources),
  'event-source-listing': ({ partition, eventSources }) => listing(partition, eventSources),
  'event-sources': ({ partition, eventSources }) => objects(partition, eventSources),
  'warehouse-listing': ({ partition, warehouse }) => listing(partition, some(warehouse)),
  warehouse: ({ partition, warehouse }) => objects(partition, some(warehouse)),
  probes: ({ partition, warehouse }) =>
    objects(partition, some(warehouse && { ...warehouse, prefix: `${warehouse.prefix}_doctor/` })),
  'last-runs': ({ partition, warehouse }) =>
    objects(partition, some(warehouse && { ...warehouse, prefix: `${warehouse.prefix}_last_runs/` })),
  spill: ({ partition, spill }) => objects(partition, some(spill)),
  key: ({ key }) => [{ Resource: some(key) }],
  catalog: ({ partition, glue }) => (glue === undefined ? [] : [{ Resource: glueArns(partition, glue) }]),
  queues: ({ queues }) => [{ Resource: queues }],
  'dead-letter-queues': ({ queues }) => [
    { Resource: [...new Set(queues.map((arn) => arn.replace(/[^:]+$/, 'DEAD-LETTER-QUEUE')))] },
  ],
  'work-group': ({ partition, athena }) =>
    some(athena).map(({ region, workGroup }) => ({
      Resource: [`arn:${partition}:athena:${region}:ACCOUNT:workgroup/${literal(workGroup)}`],
    })),
  'athena-catalog': ({ partition, athena, glue }) =>
    athena === undefined || glue === undefined
      ? []
      : [
          {
            Resource: glueArns(partition, glue).toSpliced(
              1,
              0,
              `arn:${partition}:glue:${glue.region}:ACCOUNT:database/default`,
            ),
          },
        ],
  'athena-buckets': ({ partition, athena, warehouse }) =>
    athena === undefined
      ? []
      : [{ Resource: [...new Set([...some(warehouse), athena.results].map((place) => bucketArn(partition, place)))] }],
  results: ({ partition, athena }) => objects(partition, some(athena?.results)),
  'result-listing': ({ partition, athena }) =>
    some(athena).map(({ results }) => ({ Resource: [bucketArn(partition, results)] })),
};

const some = <T>(value: T | undefined): T[] => (value === undefined ? [] : [value]);

const bucketArn = (partition: string, { bucket }: S3Place): string => `arn:${partition}:s3:::${bucket}`;

const objects = (partition: string, places: readonly S3Place[]): Scope[] => [
  { Resource: places.map((place) => `${bucketArn(partition, place)}/${literal(place.prefix)}*`) },
];

/** One for each bucket: the prefixes of one are none of another's business. */
function listing(partition: string, places: readonly S3Place[]): Scope[] {
  return [...new Set(places.map(({ bucket }) => bucket))].map((bucket) => {
    const prefixes = places.filter((place) => place.bucket === bucket).map(({ prefix }) => prefix);
    const Resource = [bucketArn(partition, { bucket, prefix: '' })];
    if (prefixes.includes('')) return { Resource };
    return { Resource, Condition: { StringLike: { 's3:prefix': prefixes.map((prefix) => `${literal(prefix)}*`) } } };
  });
}

const glueArns = (partition: string, { region, database }: { region: string; database: string }): string[] =>
  ['catalog', `database/${database}`, `table/${database}/*`].map(
    (what) => `arn:${partition}:glue:${region}:ACCOUNT:${what}`,
  );

/** Characters that mean something in a policy (IAM user guide, policy variables). */
const literal = (text: string): string => text.replace(/[*?$]/g, (character) => `\${${character}}`);

function s3Place(location: string): S3Place | undefined {
  if (!location.startsWith('s3://')) return undefined;
  const { authority: bucket, key: prefix } = parseUri(location);
  return { bucket, prefix };
}

/** https://sqs.eu-west-1.amazonaws.com/123456789012/name, or the same path at a service that speaks its protocol. */
function queueArn(url: string, partition: string): string {
  const region = /^https?:\/\/sqs\.([a-z0-9-]+)\.amazonaws\./.exec(url)?.[1] ?? 'REGION';
  const [account = 'ACCOUNT', name = 'QUEUE'] = new URL(url).pathname.split('/').filter(Boolean).slice(-2);
  return `arn:${partition}:sqs:${region}:${account}:${name}`;
}

/** An alias is no resource of a policy: the key that it stands for is. */
function keyArn(key: string, partition: string, region: string): string {
  const [, , , arnRegion = region, account = 'ACCOUNT', resource = key] = key.startsWith('arn:') ? key.split(':') : [];
  const id = resource.startsWith('alias/') ? 'KEY' : resource.replace(/^key\//, '');
  return `arn:${partition}:kms:${arnRegion}:${account}:key/${id}`;
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** With a Glue catalog it could be used without a word in the configuration; then there is nothing to check. */
export const athenaIsConfigured = ({ engines: { athena } }: Pick<Config, 'engines'>): boolean =>
  athena.workgroup !== undefined || athena.output !== undefined || athena.endpoint !== undefined;
