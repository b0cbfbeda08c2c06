import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMessage } from '../../src/queue/s3-events.ts';

/** Messages as AWS documents them; see the file names. */
const event = (name: string): string => readFileSync(join(import.meta.dirname, 'events', `${name}.json`), 'utf8');

const inSns = (message: string): string =>
  JSON.stringify({
    Type: 'Notification',
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: 'arn:aws:sns:eu-west-1:123456789012:decision-logs',
    Subject: 'Amazon S3 Notification',
    Message: message,
    Timestamp: '2026-01-15T10:20:31.000Z',
    SignatureVersion: '1',
    Signature: 'EXAMPLE',
    SigningCertURL: 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem',
    UnsubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe',
  });

const put = {
  bucket: 'acme-eopa',
  key: 'prod/eopa=35945366-1d7c-4f0e/first_ts=1768472430/last_ts=1768472439/batch_id=0f0e.jsonl.gz',
  size: 1_048_576,
  etag: 'd41d8cd98f00b204e9800998ecf8427e',
  time: Date.UTC(2026, 0, 15, 10, 20, 30, 456),
};
const created = {
  bucket: 'acme-okera',
  key: 'audit/ymd=2026-01-15/planner-10.1.10.181-0-731c5cf0-4917-4947-b199-7fb257efcfba_audit.log',
  size: 814_762,
  etag: 'b1946ac92492d2347c6235b4d2611184',
  time: Date.UTC(2026, 0, 15, 10, 20, 30),
};

/** A notification of one creation, with parts of it replaced. */
function notification({ key = 'a.jsonl', bucket = 'b-1', object = {}, record = {} }: Partial<Parts> = {}): string {
  const s3 = { bucket: { name: bucket }, object: { key, size: 5, eTag: 'e', ...object } };
  return JSON.stringify({ Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3, ...record }] });
}
interface Parts {
  readonly key: unknown;
  readonly bucket: unknown;
  readonly object: object;
  readonly record: object;
}

describe('messages in the shapes of AWS', () => {
  test.each([
    ['of S3 directly', event('s3-put'), [put], 0],
    ['of S3 through SNS', inSns(event('s3-put')), [put], 0],
    ['of EventBridge', event('eventbridge-created'), [created], 0],
    ['of EventBridge through SNS', inSns(event('eventbridge-created')), [created], 0],
    ['of a removal', event('s3-removed'), [], 1],
    ['of a removal, by EventBridge', event('eventbridge-created').replace('Object Created', 'Object Deleted'), [], 1],
    ['of nothing', '{"Records":[]}', [], 0],
  ])('%s', (_, body, objects, ignored) => {
    expect(parseMessage(body)).toEqual({ kind: 'objects', objects, ignored });
  });

  test('of S3 itself, when notifications are set up, also through SNS', () => {
    expect(parseMessage(event('s3-test'))).toEqual({ kind: 'test' });
    expect(parseMessage(inSns(event('s3-test')))).toEqual({ kind: 'test' });
  });

  test('of every way to create an object, and of none other', () => {
    const kinds = (name: string) => parseMessage(notification({ record: { eventName: name } }));
    for (const name of ['Put', 'Post', 'Copy', 'CompleteMultipartUpload'])
      for (const prefix of ['', 's3:'])
        expect(kinds(`${prefix}ObjectCreated:${name}`)).toMatchObject({ objects: [{ key: 'a.jsonl' }], ignored: 0 });
    for (const name of [
      'ObjectRemoved:DeleteMarkerCreated',
      'ObjectTagging:Put',
      'ObjectRestore:Completed',
      'LifecycleExpiration:Delete',
    ])
      expect(kinds(name)).toMatchObject({ objects: [], ignored: 1 });
  });
});

describe('keys', () => {
  test.each([
    ['a+b.jsonl', 'a b.jsonl'],
    ['a%2Bb.jsonl', 'a+b.jsonl'],
    ['a%20b%25.jsonl', 'a b%.jsonl'],
    ['eopa%3Dnull/first_ts%3Dnull/last_ts%3D2/x', 'eopa=null/first_ts=null/last_ts=2/x'],
    ['eopa=a/x', 'eopa=a/x'],
    ['%E2%82%AC/%F0%9F%90%9F.jsonl', '€/🐟.jsonl'],
    ['..%2F..%2Fetc', '../../etc'],
  ])('of notifications are form-encoded: %s', (encoded, key) => {
    expect(parseMessage(notification({ key: encoded }))).toMatchObject({ objects: [{ key }] });
  });

  test('of EventBridge are not', () => {
    const key = 'a+b%20c.jsonl';
    const body = JSON.stringify({
      'detail-type': 'Object Created',
      source: 'aws.s3',
      detail: { bucket: { name: 'b-1' }, object: { key } },
    });
    expect(parseMessage(body)).toMatchObject({ objects: [{ key, size: 0, etag: undefined, time: undefined }] });
  });

  test('come back from any text that S3 can hold', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(text, (key) => {
        fc.pre(key.isWellFormed() && !key.includes('\0'));
        const encoded = encodeURIComponent(key).replaceAll('%20', '+');
        expect(parseMessage(notification({ key: encoded }))).toMatchObject({ objects: [{ key }] });
      }),
    );
  });
});

describe('hostile messages are malformed, and nothing of them is taken', () => {
  const many = { Records: new Array(10_001).fill(JSON.parse(notification()).Records[0]) };
  test.each([
    ['no JSON', 'hello'],
    ['an empty body', ''],
    ['JSON that is no object', '[1]'],
    ['null', 'null'],
    ['an object of something else', '{"hello":"world"}'],
    ['a confirmation of SNS', JSON.stringify({ Type: 'SubscriptionConfirmation', Message: 'You have chosen …' })],
    ['SNS with text inside', inSns('hello')],
    ['SNS inside SNS', inSns(inSns(event('s3-put')))],
    ['records that are no list', '{"Records":{}}'],
    ['a record that is no object', '{"Records":[1]}'],
    ['a record of another service', notification({ record: { eventSource: 'aws:kinesis' } })],
    ['a name that is no text', notification({ record: { eventName: 5 } })],
    ['no s3 part', notification({ record: { s3: null } })],
    ['no bucket', notification({ record: { s3: { object: { key: 'a' } } } })],
    ['a bucket that is none', notification({ bucket: 'a/b' })],
    ['a bucket that is no text', notification({ bucket: ['b-1'] })],
    ['no key', notification({ key: undefined, object: { key: undefined } })],
    ['an empty key', notification({ key: '' })],
    ['a key that is no text', notification({ key: { toString: 'a' } })],
    ['broken percent-encoding', notification({ key: 'a%zz' })],
    ['percent-encoding of no UTF-8', notification({ key: '%FF%FE' })],
    ['a NUL in the key', notification({ key: 'a%00b' })],
    ['half a surrogate in the key', notification({ key: '\ud800' })],
    ['a key longer than S3 has', notification({ key: 'k'.repeat(1025) })],
    ['an encoded key of a megabyte', notification({ key: '%41'.repeat(300_000) })],
    ['too many events', JSON.stringify(many)],
    ['a message larger than SQS has', `{"Records":[${' '.repeat(1 << 20)}]}`],
    ['nesting without end', '['.repeat(500_000)],
    ['EventBridge without detail', JSON.stringify({ 'detail-type': 'Object Created', source: 'aws.s3' })],
  ])('%s', (_, body) => {
    expect(parseMessage(body)).toEqual({ kind: 'malformed', reason: expect.any(String) });
  });

  test('one bad record among good ones makes the whole message malformed', () => {
    const [good] = JSON.parse(notification()).Records;
    expect(parseMessage(JSON.stringify({ Records: [good, { eventSource: 'aws:s3' }] }))).toMatchObject({
      kind: 'malformed',
    });
  });

  test('sizes, ETags and times that make no sense are no hints', () => {
    for (const object of [{ size: -1 }, { size: '5' }, { size: 1e300 }])
      expect(parseMessage(notification({ object }))).toMatchObject({ objects: [{ size: 0 }] });
    for (const eTag of [5, '', 'a b', '"quoted"', 'x'.repeat(300)])
      expect(parseMessage(notification({ object: { eTag } }))).toMatchObject({ objects: [{ etag: undefined }] });
    for (const eventTime of [5, 'soon', 'x'.repeat(100)])
      expect(parseMessage(notification({ record: { eventTime } }))).toMatchObject({ objects: [{ time: undefined }] });
  });

  test('whatever else comes, nothing is thrown', () => {
    fc.assert(fc.property(fc.json(), (body) => void parseMessage(body)));
    const shaped = fc.record({
      Records: fc.array(
        fc.record({
          eventSource: fc.constant('aws:s3'),
          eventName: fc.constant('ObjectCreated:Put'),
          s3: fc.jsonValue(),
        }),
      ),
    });
    fc.assert(fc.property(shaped, (value) => void parseMessage(JSON.stringify(value))));
  });
});
