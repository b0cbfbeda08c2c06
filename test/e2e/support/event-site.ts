/**
 * A bucket of the rig that sends its events to a queue with a dead-letter queue behind it, and a configuration of the
 * worker that follows it, with a fresh warehouse in S3 and Glue.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutBucketNotificationConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { S3Store } from '../../../src/store/s3.ts';
import { configure, type Place } from '../../support/binary.ts';
import { rig } from '../../support/rig.ts';
import type { LogObject } from './logs.ts';

export interface EventSite {
  readonly bucket: string;
  readonly database: string;
  readonly place: Place;
  readonly queue: string;
  /** Writes objects below the source's location; S3 sends the events. */
  put(objects: readonly LogObject[]): Promise<void>;
  send(body: string): Promise<void>;
  depth(queue?: string): Promise<{ visible: number; inFlight: number }>;
  /** Bodies of up to ten messages of the dead-letter queue. */
  dead(): Promise<string[]>;
  close(): void;
}

export interface EventSiteOptions {
  /** Laid over the configuration. */
  readonly config?: object;
  readonly maxReceives?: number;
  /** Where the binary reaches S3; the rig itself where omitted. */
  readonly endpoint?: (endpoint: string) => Promise<string>;
}

export async function eventSite({ config = {}, maxReceives = 5, endpoint }: EventSiteOptions = {}): Promise<EventSite> {
  const s3 = await rig.s3();
  const glue = await rig.glue();
  const connection = { endpoint: s3.endpoint, region: s3.region };
  const sqs = new SQSClient(connection);
  const client = new S3Client({ ...connection, forcePathStyle: true });
  const create = async (name: string, Attributes: Record<string, string>): Promise<[url: string, arn: string]> => {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
    const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    return [QueueUrl, answer.Attributes?.QueueArn ?? ''];
  };
  const [deadUrl, deadLetterTargetArn] = await create(`${s3.bucket}-dead`, {});
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: maxReceives });
  const [queue, QueueArn] = await create(s3.bucket, { RedrivePolicy });
  await client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: s3.bucket,
      NotificationConfiguration: {
        QueueConfigurations: [
          {
            QueueArn,
            Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
            // Without it the warehouse's own files would make events as well.
            Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'logs/' }] } },
          },
        ],
      },
    }),
  );
  client.destroy();
  const store = new S3Store({ ...connection, forcePathStyle: true });
  const root = mkdtempSync(join(tmpdir(), 'aw-worker-'));
  const address = endpoint === undefined ? s3.endpoint : await endpoint(s3.endpoint);
  const place = configure(
    root,
    {
      warehouse: `s3://${s3.bucket}/warehouse`,
      catalog: { type: 'glue', database: glue.database, endpoint: address, region: s3.region },
      s3: { endpoint: address, region: s3.region, forcePathStyle: true },
      sources: [{ name: 'eopa', type: 'opa', location: `s3://${s3.bucket}/logs/`, queue }],
      worker: { batch_age: 1, commit_interval: 0, listen: 'off', visibility: 10 },
      ...config,
    },
    s3.env,
  );
  return {
    bucket: s3.bucket,
    database: glue.database,
    place,
    queue,
    async put(objects) {
      for (const { key, body } of objects) await store.put(`s3://${s3.bucket}/logs/${key}`, body);
    },
    async send(body) {
      await sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: body }));
    },
    async depth(url = queue) {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
      );
      return {
        visible: Number(Attributes.ApproximateNumberOfMessages),
        inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
      };
    },
    async dead() {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: deadUrl, MaxNumberOfMessages: 10 }),
      );
      return Messages.map(({ Body = '' }) => Body);
    },
    close() {
      sqs.destroy();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
