/**
 * What lines of OPA's own log say of its requests (v1/runtime/logging.go): each listener numbers its requests, and writes
 * a line when it receives one and another when it has answered. The one of diagnostics counts for itself, with the same
 * numbers in the same log, so a line means nothing without the path that it names.
 */
import type { SkipReason } from '../../records/outcome.ts';
import { dayOfMicros, parseTime } from '../../records/time.ts';
import type { Evidence, RequestUse } from '../../sequences/evidence.ts';

type Line = Readonly<Record<string, unknown>>;

const received: SkipReason = 'request-line';
const sent: SkipReason = 'response-line';

/** undefined for a line that says nothing of requests. */
export function witnessOf(line: Line): { reason: SkipReason; evidence?: Evidence } | undefined {
  const { msg, req_id: id, type } = line;
  if (type === 'openpolicyagent.org/status') return saysInstance(line.labels);
  if (typeof msg !== 'string') return undefined;
  if (msg === 'Initializing server.' && Array.isArray(line.addrs)) {
    const diagnostics = line['diagnostic-addrs'];
    const hasDiagnostics = Array.isArray(diagnostics) && diagnostics.length > 0;
    return { reason: 'foreign-line', evidence: { kind: 'start', hasDiagnostics } };
  }
  if (id === undefined) return undefined;
  if (msg === 'Received request.') return { reason: received };
  if (msg !== 'Sent response.') return undefined;
  const evidence = evidenceOf(line);
  return evidence === undefined ? { reason: sent } : { reason: sent, evidence };
}

function saysInstance(labels: unknown): { reason: SkipReason; evidence?: Evidence } | undefined {
  const instance = (labels as { id?: unknown } | null | undefined)?.id;
  if (typeof instance !== 'string' || instance === '') return undefined;
  return { reason: 'foreign-line', evidence: { kind: 'instance', instance } };
}

function evidenceOf({ req_id: number, req_method: method, req_path: path, resp_status: status, time }: Line) {
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) return undefined;
  if (typeof method !== 'string' || typeof path !== 'string' || typeof status !== 'number') return undefined;
  const micros = typeof time === 'string' ? parseTime(time, 'required') : null;
  const use = useOf(method, path, status);
  if (micros === null || use === undefined) return undefined;
  return { kind: 'request', use, number, time: Number(micros), ymd: dayOfMicros(micros) } as const;
}

/** Statuses of requests that came to no handler. */
const refused: ReadonlySet<number> = new Set([400, 401, 404, 405]);

const isBelow = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);

/** Requests that ask for a decision, where they are answered with 200. */
function asks(method: string, path: string): boolean {
  if (path === '/') return method === 'POST';
  if (method !== 'GET' && method !== 'POST') return false;
  return ['/v1/data', '/v0/data', '/v1/query', '/v1/batch/data'].some((root) => isBelow(path, root));
}

/**
 * What a number was used for; undefined where it cannot be told. An answer that is neither 200 nor a refusal of the request
 * may have been logged or not, and so may the answers of `/v1/compile`, which newer versions log.
 */
export function useOf(method: string, path: string, status: number): RequestUse | undefined {
  if (isBelow(path, '/health')) return 'health';
  if (isBelow(path, '/metrics')) return 'metrics';
  if (asks(method, path)) {
    if (status === 200) return 'answered';
    return status === 400 || status === 401 ? 'other' : undefined;
  }
  if (isBelow(path, '/v1/compile')) return undefined;
  if (isBelow(path, '/v1/data')) return 'other';
  if (['/v1/policies', '/v1/config', '/v1/status'].some((root) => isBelow(path, root))) return 'other';
  // What is asked of any other path may have been asked of the listener of diagnostics.
  return ['/v0', '/v1'].some((root) => isBelow(path, root)) && refused.has(status) ? 'other' : undefined;
}
