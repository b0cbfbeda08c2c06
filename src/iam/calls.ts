/**
 * Which job makes which calls to AWS, and on what. This is the one place that says so: policy.ts makes IAM policies of
 * it, for a configuration and with placeholders (docs/iam, deploy/terraform); test/iam compares it with the calls that
 * the jobs make.
 */

export const jobNames = [
  'backfill',
  'worker',
  'query',
  'compact',
  'expire',
  'verify',
  'replay',
  'erase',
  'accept',
  'relocate',
  'doctor',
] as const;

export type JobName = (typeof jobNames)[number];

/** What a statement grants its actions on. Statements on what a configuration does not have are left out of its policy. */
export type Target =
  /** Listing is granted on buckets, below a prefix; the rest on objects. */
  | 'source-listing'
  | 'sources'
  | 'event-source-listing'
  | 'event-sources'
  | 'warehouse-listing'
  | 'warehouse'
  | 'probes'
  | 'last-runs'
  | 'spill'
  /** The KMS key that the configuration names for what is written. */
  | 'key'
  | 'catalog'
  | 'queues'
  | 'dead-letter-queues'
  | 'work-group'
  | 'athena-catalog'
  | 'athena-buckets'
  | 'results'
  | 'result-listing';

export interface Grant {
  readonly sid: string;
  readonly target: Target;
  /** By action: null, or why an ordinary run does not make the call. */
  readonly actions: Readonly<Record<string, string | null>>;
}

const failedUpload = 'an upload in parts that failed is taken back';
const lostCommit =
  'what was staged for a commit that another writer won is removed, and metadata that the log no longer holds';
const writtenBefore =
  'only what earlier runs and other writers have committed is read: a run knows what it wrote itself';
const mayBeMissing = 'S3 says that an object is not there, and not that it is forbidden, only to who may list';
const firstAmendment = 'the first job that removes rows makes the table amendments';
const byAthena = 'Athena makes it with the rights of who asks';

const byS3 = 'S3 makes it with the rights of who reads or writes an object that is encrypted with the key';

const always = (...names: string[]): Grant['actions'] => Object.fromEntries(names.map((name) => [name, null]));
const because = (reason: string, ...names: string[]): Grant['actions'] =>
  Object.fromEntries(names.map((name) => [name, reason]));
const grant = (sid: string, target: Target, ...actions: Grant['actions'][]): Grant => ({
  sid,
  target,
  actions: Object.assign({}, ...actions),
});

const listSources = grant('ListSources', 'source-listing', always('s3:ListBucket'));
const readSources = grant('ReadSources', 'sources', always('s3:GetObject'));
const listWarehouse = grant('ListWarehouse', 'warehouse-listing', always('s3:ListBucket'));
const findInWarehouse = grant('ListWarehouse', 'warehouse-listing', because(mayBeMissing, 's3:ListBucket'));
const readWarehouse = grant('ReadWarehouse', 'warehouse', always('s3:GetObject'));
const addToWarehouse = grant(
  'WriteWarehouse',
  'warehouse',
  always('s3:PutObject'),
  because(writtenBefore, 's3:GetObject'),
  because(lostCommit, 's3:DeleteObject'),
  because(failedUpload, 's3:AbortMultipartUpload'),
);
const changeWarehouse = grant(
  'WriteWarehouse',
  'warehouse',
  always('s3:GetObject', 's3:PutObject', 's3:DeleteObject'),
  because(failedUpload, 's3:AbortMultipartUpload'),
);
const decrypt = grant('DecryptWarehouse', 'key', because(byS3, 'kms:Decrypt'));
/** Parts of an upload are decrypted when they are put together. */
const encrypt = grant('EncryptWarehouse', 'key', because(byS3, 'kms:GenerateDataKey', 'kms:Decrypt'));
const makeTables = grant(
  'Catalog',
  'catalog',
  always(
    'glue:GetDatabase',
    'glue:CreateDatabase',
    'glue:GetTable',
    'glue:GetTables',
    'glue:CreateTable',
    'glue:UpdateTable',
  ),
);
const amendTables = grant(
  'Catalog',
  'catalog',
  always('glue:GetTable', 'glue:UpdateTable'),
  because(firstAmendment, 'glue:GetDatabase', 'glue:CreateTable'),
);
const amendAllTables = { ...amendTables, actions: { ...always('glue:GetTables'), ...amendTables.actions } };

const athena: readonly Grant[] = [
  grant(
    'AthenaQueries',
    'work-group',
    always('athena:StartQueryExecution', 'athena:GetQueryExecution', 'athena:GetQueryResults'),
    because('a query that nobody waits for any more is stopped', 'athena:StopQueryExecution'),
  ),
  grant(
    'AthenaCatalog',
    'athena-catalog',
    because(
      byAthena,
      'glue:GetDatabase',
      'glue:GetDatabases',
      'glue:GetPartition',
      'glue:GetPartitions',
      'glue:BatchGetPartition',
    ),
  ),
  grant('AthenaBuckets', 'athena-buckets', because(byAthena, 's3:GetBucketLocation')),
  grant(
    'AthenaResults',
    'results',
    because(byAthena, 's3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'),
  ),
  grant('AthenaResultsList', 'result-listing', because(byAthena, 's3:ListBucket', 's3:ListBucketMultipartUploads')),
];

export const grants: Readonly<Record<JobName, readonly Grant[]>> = {
  backfill: [listSources, readSources, findInWarehouse, addToWarehouse, encrypt, makeTables],
  worker: [
    grant('ListSources', 'event-source-listing', always('s3:ListBucket')),
    grant('ReadSources', 'event-sources', always('s3:GetObject')),
    findInWarehouse,
    addToWarehouse,
    encrypt,
    grant(
      'FollowQueues',
      'queues',
      always('sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'),
      because(
        'messages whose objects wait are hidden for longer, and given back at a stop',
        'sqs:ChangeMessageVisibility',
      ),
    ),
    makeTables,
  ],
  query: [
    findInWarehouse,
    readWarehouse,
    decrypt,
    grant('Catalog', 'catalog', always('glue:GetTable', 'glue:GetTables')),
    ...athena,
  ],
  compact: [
    listWarehouse,
    changeWarehouse,
    encrypt,
    grant(
      'Spill',
      'spill',
      always('s3:GetObject', 's3:PutObject', 's3:DeleteObject'),
      because(failedUpload, 's3:AbortMultipartUpload'),
    ),
    amendAllTables,
  ],
  expire: [listWarehouse, changeWarehouse, encrypt, amendAllTables],
  verify: [
    listSources,
    readSources,
    listWarehouse,
    readWarehouse,
    encrypt,
    grant('RecordRun', 'last-runs', always('s3:PutObject')),
    grant('Catalog', 'catalog', always('glue:GetTable', 'glue:GetTables')),
  ],
  replay: [
    grant('ListSources', 'source-listing', because(mayBeMissing, 's3:ListBucket')),
    readSources,
    listWarehouse,
    changeWarehouse,
    encrypt,
    amendTables,
  ],
  erase: [
    listWarehouse,
    changeWarehouse,
    encrypt,
    grant('ReadSources', 'sources', because('whether files of Okera may still grow is asked of each', 's3:GetObject')),
    amendTables,
  ],
  accept: [
    listSources,
    grant('ReadSources', 'sources', because('with --deep, objects are read again', 's3:GetObject')),
    listWarehouse,
    changeWarehouse,
    encrypt,
    amendAllTables,
  ],
  relocate: [
    listWarehouse,
    grant(
      'WriteWarehouse',
      'warehouse',
      always('s3:GetObject', 's3:PutObject'),
      because(failedUpload, 's3:AbortMultipartUpload'),
    ),
    encrypt,
    grant(
      'Catalog',
      'catalog',
      always('glue:GetDatabase', 'glue:CreateDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:CreateTable'),
      because('tables that the catalog has in the old place are made to point to the new one', 'glue:UpdateTable'),
    ),
  ],
  doctor: [
    listSources,
    readSources,
    listWarehouse,
    readWarehouse,
    grant('ProbeWarehouse', 'probes', always('s3:GetObject', 's3:PutObject', 's3:DeleteObject')),
    encrypt,
    grant(
      'Catalog',
      'catalog',
      always('glue:GetDatabase', 'glue:GetTable', 'glue:GetTables', 'glue:CreateTable', 'glue:UpdateTable'),
      because('only the Glue of AWS itself has table optimizers', 'glue:GetTableOptimizer'),
    ),
    grant('LookAtQueues', 'queues', always('sqs:GetQueueAttributes')),
    grant('LookAtDeadLetters', 'dead-letter-queues', always('sqs:GetQueueAttributes')),
    grant('LookAtWorkGroup', 'work-group', always('athena:GetWorkGroup')),
  ],
};
