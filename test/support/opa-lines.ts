/** Lines of OPA's console, a second apart by the numbers of their requests. */
import { decision } from './warehouse.ts';

const start = Date.parse('2023-07-11T08:00:00Z');

/** When a request is made. */
export const secondOf = (number: number): string => new Date(start + number * 1000).toISOString().replace('.000', '');

export interface Answered {
  readonly method?: string;
  readonly path?: string;
  readonly status?: number;
  readonly time?: string;
}

export const sentResponse = (
  number: number,
  { method = 'POST', path = '/v1/data/authz', status = 200, time }: Answered = {},
): string =>
  JSON.stringify({
    client_addr: '127.0.0.1:1',
    level: 'info',
    msg: 'Sent response.',
    req_id: number,
    req_method: method,
    req_path: path,
    resp_status: status,
    time: time ?? secondOf(number),
  });

export const decisionOf = (number: number, instance = 'i'): string =>
  decision({ id: `${instance}-${number}`, instance, number, time: secondOf(number) });

export const numbersFrom = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
