/** One exchange with an HTTP server that speaks JSON, bounded in time and in the bytes of the answer. */
import { parseJson } from '../../iceberg/json.ts';
import { boundedText } from '../../store/bounded-body.ts';
import { RestUnreachable } from './errors.ts';

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

function bodyOf(text: string, status: number): unknown {
  if (text === '') return undefined;
  try {
    return parseJson(text);
  } catch {
    if (status >= 200 && status < 300) throw new Error('the answer is not JSON');
    return undefined;
  }
}
