import { describe, expect, it } from 'vitest';
import { StoreError } from '../../src/store/store.ts';
import { logEvent } from '../../src/telemetry/events.ts';
import { createLogger, type LogFormat } from '../../src/telemetry/log.ts';

function logger(format: LogFormat) {
  const lines: string[] = [];
  return { lines, log: createLogger({ level: 'debug', format, write: (line) => lines.push(line) }) };
}

describe('a log line', () => {
  it('is one JSON document with the level, the time and the name of its event', () => {
    const { lines, log } = logger('json');
    logEvent(log, 'object-failed', { uri: 's3://bucket/key', code: 'access-denied' });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'error',
      event: 'object-failed',
      uri: 's3://bucket/key',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  it('on a terminal is one short line', () => {
    const { lines, log } = logger('text');
    logEvent(log, 'run-started', { warehouse: 's3://lake' });
    expect(lines).toEqual([expect.stringMatching(/^\d\d:\d\d:\d\d info {2}run started {2}warehouse=s3:\/\/lake\n$/)]);
  });

  it('never holds credentials or the body of a record, whoever logs them', () => {
    const { lines, log } = logger('json');
    log.info(
      { secretAccessKey: 'HIDDEN', request: { authorization: 'HIDDEN', sessionToken: 'HIDDEN' }, payload: 'HIDDEN' },
      'x',
    );
    log.warn({ record: { input: 'HIDDEN' }, outcome: { detail: 'HIDDEN', input: 'HIDDEN', result: 'HIDDEN' } }, 'x');
    expect(lines.join('')).not.toContain('HIDDEN');
    expect(lines).toHaveLength(2);
  });

  it('of an error has its name, code, object and message, and not the request that an SDK hangs on it', () => {
    const { lines, log } = logger('json');
    const cause = Object.assign(new Error('denied'), { $response: { headers: { 'x-amz-security-token': 'HIDDEN' } } });
    const err = new StoreError('access-denied', 's3://bucket/key', 'cannot be read', { cause });
    log.error({ err: Object.assign(err, { $metadata: 'HIDDEN' }) }, 'failed');
    expect(lines[0]).not.toContain('HIDDEN');
    expect(JSON.parse(lines[0]!).err).toMatchObject({
      name: 'StoreError',
      code: 'access-denied',
      uri: 's3://bucket/key',
      message: 'cannot be read: s3://bucket/key',
      cause: 'Error: denied',
    });
  });
});
