/**
 * The queue port: as much of SQS as following a source needs. A message that was received is hidden from other
 * receivers for a while and comes back unless it is deleted; that is all that the worker rests on. Adapter: sqs.ts.
 */
export interface MessageQueue {
  /**
   * Up to `max` messages (at most 10 are given), after at most `waitSeconds` (at most 20); none where there are none.
   * They are hidden from others for `visibilitySeconds`. Throws QueueError. It cannot be broken off: messages would be
   * given to a receiver that has gone, and stay hidden.
   */
  receive(options: {
    readonly max: number;
    readonly waitSeconds: number;
    readonly visibilitySeconds: number;
  }): Promise<QueueMessage[]>;
  /** Hides the messages for so many seconds from now on; 0 gives them back. Gives those for which that failed for good. */
  hide(messages: readonly QueueMessage[], seconds: number): Promise<QueueMessage[]>;
  /** Gives those that could not be deleted: they will come again. */
  delete(messages: readonly QueueMessage[]): Promise<QueueMessage[]>;
  depth(): Promise<QueueDepth>;
}

export interface QueueMessage {
  readonly id: string;
  /** Of this very receipt. */
  readonly receipt: string;
  readonly body: string;
  /** How often it has been received, this time included. */
  readonly receives: number;
}

export interface QueueDepth {
  readonly visible: number;
  /** Received by someone, and neither deleted nor back. */
  readonly inFlight: number;
  readonly delayed: number;
}

/** The queue could not be reached or refused. `code` is the service's own name of the error. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly code: string;
  constructor(code: string, doing: string, url: string, options?: { cause?: unknown }) {
    super(`${doing} (${code}${hints[code] === undefined ? '' : `; ${hints[code]}`}): ${url}`, options);
    this.code = code;
  }
}

const hints: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'there is no such queue: check the URL and its region',
  AccessDenied: 'grant sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes',
  AccessDeniedException:
    'grant sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes',
  CredentialsProviderError: 'no AWS credentials were found: set AWS_PROFILE, AWS_ACCESS_KEY_ID or a role',
  OverLimit: 'more messages are in flight than SQS allows: other receivers hold them',
};
