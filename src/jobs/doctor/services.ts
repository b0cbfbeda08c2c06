/** AWS beyond S3, and engines: credentials, the Glue database, queues, Athena, Trino. */

import type { AthenaConfig } from '../../config/config.ts';
import type { Catalog } from '../../iceberg/catalog.ts';
import type { AwsProbes, TrinoInfo } from '../../probes/probes.ts';
import { ingestedObjects } from '../../tables/ingested-objects.ts';
import { plural } from '../../text/humanize.ts';
import { type Finding, failed, ok, reasonOf, warning } from './check.ts';

export async function checkCredentials(aws: AwsProbes, now: number): Promise<Finding> {
  const { expiresAt } = await aws.credentials();
  const until = expiresAt === undefined ? '' : `, until ${new Date(expiresAt).toISOString()}`;
  if (expiresAt !== undefined && expiresAt <= now)
    return failed(`found${until}`, 'they have expired: sign in again, or renew the role session');
  try {
    const identity = await aws.identity();
    const who = identity?.arn ?? 'found; whose they are is not asked, as no endpoint is of AWS';
    return ok(`${who}${until}`);
  } catch (error) {
    // A refusal is an answer. A network may well have a way to S3 and Glue, and none to STS.
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== undefined) throw error;
    return warning(
      `found${until}; whose they are is not known, as STS cannot be reached (${reasonOf(error)})`,
      'no job needs STS, unless the credentials come from it: where nothing else can be reached either, look at the network',
    );
  }
}

export async function checkGlue(aws: AwsProbes, catalog: Catalog, database: string): Promise<Finding> {
  if (!(await aws.glueDatabaseExists())) {
    return warning(
      `there is no database ${database} yet, and its rights cannot be tried`,
      'the first backfill makes it where glue:CreateDatabase is granted; or make it yourself',
    );
  }
  const tables = await catalog.listTables();
  const missing: string[] = [];
  const may = await aws.mayUpdateTables();
  if (!may.granted) missing.push(`glue:UpdateTable (${may.reason})`);
  // Of the tables, the one that nobody drops.
  const existing = tables.includes(ingestedObjects.name) ? ingestedObjects.name : tables[0];
  if (existing !== undefined) {
    const create = await aws.mayCreateTables(existing);
    if (!create.granted) missing.push(`glue:CreateTable (${create.reason})`);
  }
  if (missing.length > 0) {
    return failed(
      `database ${database} with ${plural(tables.length, 'table')}; not granted: ${missing.join(', ')}`,
      'grant it on the catalog, the database and its tables ("doctor --policy worker"); under Lake Formation, in its grants too',
    );
  }
  const untried = existing === undefined ? '; whether tables may be created shows with the first one' : '';
  return ok(`database ${database} with ${tables.length} Iceberg tables can be read and changed${untried}`);
}

const fourDays = 4 * 86_400;

/** Whether a queue gives its messages enough time, and keeps what cannot be worked off. */
export async function checkQueue(aws: AwsProbes, url: string): Promise<Finding> {
  const attributes = await aws.queue(url);
  const waiting = Number(attributes.ApproximateNumberOfMessages ?? 0);
  const retention = Number(attributes.MessageRetentionPeriod ?? 0);
  const advice: string[] = [];
  const found = [`${waiting} messages waiting`, `kept ${(retention / 86_400).toFixed(1)} days`];
  if (retention < fourDays)
    advice.push('set MessageRetentionPeriod to four days or more, so that a weekend without a worker loses no event');
  const redrive = attributes.RedrivePolicy;
  if (redrive === undefined) {
    found.push('no dead-letter queue');
    advice.push(
      'add a RedrivePolicy with a dead-letter queue: a message that cannot be worked off would come again for ever',
    );
  } else {
    const { maxReceiveCount, deadLetterTargetArn = '' } = JSON.parse(redrive) as {
      maxReceiveCount?: number | string;
      deadLetterTargetArn?: string;
    };
    found.push(`dead-letter queue after ${maxReceiveCount} receipts`);
    if (Number(maxReceiveCount) < 5)
      advice.push('set maxReceiveCount to 5 or more: a worker that is restarted receives messages again');
    const dead = await lookAtDeadLetters(aws, url, deadLetterTargetArn);
    found.push(dead.found);
    if (dead.advice !== null) advice.push(dead.advice);
  }
  const text = found.join(', ');
  return advice.length === 0 ? ok(text) : warning(text, advice.join('; '));
}

/** A dead-letter queue is in the account and region of its queue (SQS developer guide), so its URL differs in its name only. */
async function lookAtDeadLetters(aws: AwsProbes, url: string, arn: string): Promise<Omit<Finding, 'status'>> {
  const name = arn.split(':').at(-1) ?? '';
  const deadUrl = url.replace(/[^/]+$/, name);
  let attributes: Readonly<Record<string, string>>;
  try {
    attributes = await aws.queue(deadUrl);
  } catch (error) {
    const gone = /NonExistentQueue|QueueDoesNotExist/.test((error as Error).name);
    return gone
      ? {
          found: `which is not there (${name})`,
          advice: `make the queue ${name}, or name another in the RedrivePolicy`,
        }
      : { found: `which was not looked at (${(error as Error).name})`, advice: null };
  }
  const dead = Number(attributes.ApproximateNumberOfMessages ?? 0);
  if (dead === 0) return { found: 'which is empty', advice: null };
  return {
    found: `in which are ${dead}`,
    advice: `look at the messages of ${name}: mend what they stumble over, then start a redrive`,
  };
}

/** Versions of Athena's engine that know Iceberg's MERGE, OPTIMIZE and the functions in the queries. */
const athenaEngine = /version 3/;

export async function checkAthena(aws: AwsProbes, { output }: AthenaConfig): Promise<Finding> {
  const group = await aws.workGroup();
  const place = group.enforced ? group.output : (output ?? group.output);
  const found = `work group ${group.name}, ${group.engineVersion ?? 'engine unknown'}, results in ${place ?? 'no place'}`;
  if (!group.enabled)
    return failed(`${found}; it is disabled`, 'enable the work group, or name another in engines.athena.workgroup');
  if (place === undefined) return failed(found, 'set engines.athena.output, or a result location in the work group');
  if (group.engineVersion !== undefined && !athenaEngine.test(group.engineVersion))
    return warning(found, 'set the work group to Athena engine version 3');
  if (group.enforced && output !== undefined && output !== group.output)
    return warning(found, 'the work group overrides engines.athena.output: remove one of the two');
  return ok(found);
}

export async function checkTrino(ask: (url: string) => Promise<TrinoInfo>, url: string): Promise<Finding> {
  const { version, starting } = await ask(url);
  return starting
    ? warning(`Trino ${version} at ${url} is starting`, 'wait until it has started')
    : ok(`Trino ${version} at ${url}`);
}
