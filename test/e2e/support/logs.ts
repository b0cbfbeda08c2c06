/** Small log objects for end-to-end tests: the same for the same arguments. */
import { gzipSync } from 'node:zlib';

export interface LogObject {
  readonly key: string;
  readonly body: Buffer;
}

/** Numbers in [0, 1) (mulberry32), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * `count` objects of Enterprise OPA with `records` decisions each, over two days: every third gzip, each with a broken
 * line, an empty object and a decision that stands there twice.
 */
export function decisionLogs(count: number, records: number): LogObject[] {
  return Array.from({ length: count }, (_, o) => {
    const number = String(o).padStart(4, '0');
    const lines = Array.from({ length: records }, (_, r) =>
      JSON.stringify({
        decision_id: `${number}-${r}`,
        input: { subject: `user-${(o * 7 + r) % 50}`, resource: `/r/${r}`, client_ip: `10.0.${o % 256}.${r % 256}` },
        labels: { id: 'instance', version: '1.46.0' },
        metrics: { timer_server_handler_ns: 1000 + r },
        path: 'authz/allow',
        result: r % 3 === 0 ? { allowed: true, roles: ['a', 'b'] } : { allowed: false, message: 'no' },
        timestamp: `2023-07-1${1 + (r % 2)}T0${o % 10}:00:${String(r % 60).padStart(2, '0')}.${number}Z`,
      }),
    );
    lines.splice(1, 0, `{"broken":${o}`, '{}');
    lines.push(lines[0]!);
    const text = Buffer.from(lines.join('\n'));
    const isGzip = o % 3 === 2;
    const key = `eopa=i/first_ts=1689033600/last_ts=1689120059/batch_id=${number}.jsonl${isGzip ? '.gz' : ''}`;
    return { key, body: isGzip ? gzipSync(text) : text };
  });
}
