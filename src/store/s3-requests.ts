/**
 * What carries the SDK's requests: Node's client, or, where there is memory for the body, a socket that reads into it
 * (s3-sockets.ts). All of them pass one gate, which gives way to a store that is asked too much.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import type { RequestGate } from './request-gate.ts';
import { type Answer, BodyInPlace, type SignedRequest, type SocketPool, UnfitAnswer } from './s3-sockets.ts';

type Handler = S3Client['config']['requestHandler'];
type Handle = Handler['handle'];
type Request = Parameters<Handle>[0];

/** Given to the SDK beside a command, which hands it on to the handler. */
export interface RequestOptions {
  readonly abortSignal?: AbortSignal;
  /** Memory for the whole body. */
  readonly into?: Uint8Array;
  /** Told of the request of an answer whose body is on its way into place. */
  readonly onInPlace?: (request: SignedRequest) => void;
}

/** Unfit answers after which a store is not asked for others. */
const mostUnfit = 3;

export class S3Requests {
  readonly #plain: Handler;
  readonly #sockets: SocketPool;
  readonly #gate: RequestGate;
  readonly #onThrottled: () => void;
  #unfit = 0;

  /** `onThrottled` is told of every answer that says that the store is asked too much. */
  constructor(plain: Handler, sockets: SocketPool, gate: RequestGate, onThrottled: () => void) {
    this.#plain = plain;
    this.#sockets = sockets;
    this.#gate = gate;
    this.#onThrottled = onThrottled;
  }

  handle = async (request: Request, options: RequestOptions = {}): ReturnType<Handle> => {
    await this.#gate.enter();
    let isThrottled = false;
    try {
      const answer = await this.#send(request, options);
      isThrottled = isTooMuch(answer.response.statusCode);
      return answer;
    } finally {
      if (isThrottled) this.#onThrottled();
      this.#gate.leave({ isThrottled });
    }
  };

  /** Sends a signed GET; undefined where its answer is any other than the body in place, which is for the SDK to deal with. */
  async getInPlace(request: SignedRequest, into: Uint8Array, abortSignal?: AbortSignal): Promise<Answer | undefined> {
    if (this.#unfit >= mostUnfit) return undefined;
    try {
      const { response } = await this.handle(request as unknown as Request, {
        into,
        ...(abortSignal && { abortSignal }),
      });
      const { statusCode, headers, body } = response as unknown as Answer;
      if (body instanceof BodyInPlace) return { statusCode, headers, body };
      body.destroy();
      return undefined;
    } catch {
      return undefined;
    }
  }

  destroy = (): void => {
    this.#plain.destroy?.();
    this.#sockets.destroy();
  };

  async #send(request: Request, { into, abortSignal, onInPlace }: RequestOptions): ReturnType<Handle> {
    const plain = () => this.#plain.handle(request, abortSignal && { abortSignal });
    if (into === undefined || this.#unfit >= mostUnfit) return plain();
    try {
      const answer = await this.#sockets.get(request as SignedRequest, into, abortSignal);
      if (answer.body instanceof BodyInPlace) onInPlace?.(request as SignedRequest);
      return { response: answer as unknown as Awaited<ReturnType<Handle>>['response'] };
    } catch (error) {
      if (!(error instanceof UnfitAnswer)) throw error;
      this.#unfit++;
      return plain();
    }
  }
}

const isTooMuch = (status: number): boolean => status === 503 || status === 429;
