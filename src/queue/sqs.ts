/**
 * Messages of Amazon SQS and of services that speak its protocol. Credentials come by the SDK's default chain; region
 * and endpoint are those of the queue's URL, unless the configuration or the environment names others. Retries of single
 * requests are the SDK's; whatever comes through is a fault of the source.
 */
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import pLimit from 'p-limit';
import { type MessageQueue, type QueueDepth, QueueError, type QueueMessage } from './queue.ts';

/** Entries of a batch request (SQS API reference). */
const batchEntries = 10;
const requestsAtATime = 8;
/** A connection that hangs must not end the following of a source. In milliseconds, longer than any wait for messages. */
const timeouts = { connectionTimeout: 5000, requestTimeout: 30_000 };

export interface SqsOptions {
  /** Where the URL does not name one. */
  readonly region?: string;
}

export class SqsQueue implements MessageQueue {
  readonly #url: string;
  readonly #client: SQSClient;

  constructor(url: string, options: SqsOptions = {}) {
    this.#url = url;
    const region = /^https?:\/\/sqs\.([a-z0-9-]+)\.amazonaws\./.exec(url)?.[1] ?? options.region;
    this.#client = new SQSClient({
      useQueueUrlAsEndpoint: true,
      requestHandler: timeouts,
      ...(region !== undefined && { region }),
    });
  }

  async receive(options: Parameters<MessageQueue['receive']>[0]): Promise<QueueMessage[]> {
    const { max, waitSeconds, visibilitySeconds } = options;
    try {
      const { Messages = [] } = await this.#client.send(
        new ReceiveMessageCommand({
          QueueUrl: this.#url,
          MaxNumberOfMessages: Math.min(max, batchEntries),
          WaitTimeSeconds: waitSeconds,
          VisibilityTimeout: Math.ceil(visibilitySeconds),
          MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        }),
      );
      return Messages.map(({ MessageId = '', ReceiptHandle = '', Body = '', Attributes }) => ({
        id: MessageId,
        receipt: ReceiptHandle,
        body: Body,
        receives: Number(Attributes?.ApproximateReceiveCount ?? 1),
      }));
    } catch (error) {
      throw this.#error(error, 'cannot receive messages');
    }
  }

  async hide(messages: readonly QueueMessage[], seconds: number): Promise<QueueMessage[]> {
    return this.#inBatches(messages, async (batch) => {
      const { Failed = [] } = await this.#client
        .send(
          new ChangeMessageVisibilityBatchCommand({
            QueueUrl: this.#url,
            Entries: batch.map(({ receipt }, index) => ({
              Id: String(index),
              ReceiptHandle: receipt,
              VisibilityTimeout: Math.ceil(seconds),
            })),
          }),
        )
        .catch((error) => {
          throw this.#error(error, 'cannot change how long messages stay hidden');
        });
      return Failed.filter(({ SenderFault }) => SenderFault === true).map(({ Id }) => batch[Number(Id)]!);
    });
  }

  async delete(messages: readonly QueueMessage[]): Promise<QueueMessage[]> {
    return this.#inBatches(messages, async (batch) => {
      const { Failed = [] } = await this.#client
        .send(
          new DeleteMessageBatchCommand({
            QueueUrl: this.#url,
            Entries: batch.map(({ receipt }, index) => ({ Id: String(index), ReceiptHandle: receipt })),
          }),
        )
        .catch((error) => {
          throw this.#error(error, 'cannot delete messages');
        });
      return Failed.map(({ Id }) => batch[Number(Id)]!);
    });
  }

  async depth(): Promise<QueueDepth> {
    try {
      const { Attributes = {} } = await this.#client.send(
        new GetQueueAttributesCommand({
          QueueUrl: this.#url,
          AttributeNames: [
            'ApproximateNumberOfMessages',
            'ApproximateNumberOfMessagesNotVisible',
            'ApproximateNumberOfMessagesDelayed',
          ],
        }),
      );
      return {
        visible: Number(Attributes.ApproximateNumberOfMessages ?? 0),
        inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
        delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
      };
    } catch (error) {
      throw this.#error(error, 'cannot read the attributes of the queue');
    }
  }

  async #inBatches(
    messages: readonly QueueMessage[],
    send: (batch: readonly QueueMessage[]) => Promise<QueueMessage[]>,
  ): Promise<QueueMessage[]> {
    const limit = pLimit(requestsAtATime);
    const batches: QueueMessage[][] = [];
    for (let at = 0; at < messages.length; at += batchEntries) batches.push(messages.slice(at, at + batchEntries));
    return (await Promise.all(batches.map((batch) => limit(send, batch)))).flat();
  }

  #error(error: unknown, doing: string): QueueError {
    const { name = 'Error' } = error as Error;
    return new QueueError(name, doing, this.#url, { cause: error });
  }
}
