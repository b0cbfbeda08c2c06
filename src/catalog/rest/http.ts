/** Exchanges with an HTTP server that speaks JSON, bounded in time and in the bytes of the answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '../../iceberg/json.ts';
import { boundedText } from '../../store/bounded-body.ts';
import { RestError, RestUnreachable } from './errors.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** undefined where it is empty, or of an error and not JSON. */
  readonly body: unknown;
}

const patienceMs = 60_000;
/** Metadata of a table with thousands of snapshots takes a few MB. */
const mostBytes = 256 * 1024 * 1024;

/**
 * Redirects are not followed, since they would take credentials along. Throws RestUnreachable where there is no answer, or
 * none that can be read; then nothing is known of the effect.
 */
export async function exchange(doing: string, { url, ...request }: HttpRequest): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(patienceMs) });
    const { status, headers } = response;
    return { status, headers, body: bodyOf(await boundedText(response, mostBytes), status) };
  } catch (error) {
    throw new RestUnreachable(doing, error);
  }
}

const tries = 4;
const firstDelayMs = 200;
const longestDelayMs = 10_000;

/**
 * The first answer below 400 that is no redirect. What was refused as one too many is sent again; `isHarmless`, so is what
 * failed otherwise on the way or at the server. Throws RestError, and RestUnreachable as `send` does.
 */
export async function answered(
  doing: string,
  { isHarmless }: { readonly isHarmless: boolean },
  send: () => Promise<HttpAnswer>,
): Promise<HttpAnswer> {
  for (let attempt = 1; ; attempt++) {
    let answer: HttpAnswer | undefined;
    try {
      answer = await send();
    } catch (error) {
      if (!(error instanceof RestUnreachable) || !isHarmless || attempt === tries) throw error;
    }
    if (answer !== undefined) {
      const { status, body } = answer;
      if (status < 300 || status === 304) return answer;
      const isWorthAnotherTry = status === 429 || (isHarmless && status >= 500);
      if (attempt === tries || !isWorthAnotherTry) throw new RestError(doing, status, body);
    }
    await sleep(delayMs(attempt, answer?.headers.get('retry-after')));
  }
}

function delayMs(attempt: number, retryAfter: string | null | undefined): number {
  const asked = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : 0;
  return Math.min(longestDelayMs, Math.max(asked, firstDelayMs * 2 ** (attempt - 1)));
}

function bodyOf(text: string, status: number): unknown {
  if (text === '') return undefined;
  try {
    return parseJson(text);
  } catch {
    if (status >= 200 && status < 300) throw new Error('the answer is not JSON');
    return undefined;
  }
}
