import { describe, expect, test } from 'vitest';
import type { QueueMessage } from '../../src/queue/queue.ts';
import { type ArrivedObject, HeldMessages } from '../../src/worker/held-messages.ts';

const message = (id: string, receipt = `${id}-1`): QueueMessage => ({ id, receipt, body: '', receives: 1 });
const object = (uri: string, options: Partial<ArrivedObject> = {}): ArrivedObject => ({
  source: 's',
  uri,
  etag: 'e',
  size: 10,
  time: undefined,
  ...options,
});
const limits = { bytes: 100, objects: 3, age: 1000 };
const uris = (objects: readonly { uri: string }[]) => objects.map(({ uri }) => uri);

describe('a message', () => {
  test('is over when its last object is, and not before', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a'), object('b'), object('b')], 0, 100);
    const [a, b] = held.take('s', limits, 0);
    expect(held.done([a!])).toEqual({ finished: [], returned: [] });
    expect(held.messages).toBe(1);
    expect(held.done([b!])).toEqual({ finished: [message('m')], returned: [] });
    expect(held.messages).toBe(0);
  });

  test('is left to come back where one of its objects failed, whichever was last', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a'), object('b')], 0, 100);
    const [a, b] = held.take('s', limits, 0);
    expect(held.failed([a!])).toEqual({ finished: [], returned: [] });
    expect(held.done([b!])).toEqual({ finished: [], returned: [message('m')] });
  });

  test('that comes again while it is held is deleted by its newest receipt, once', () => {
    const held = new HeldMessages();
    held.add(message('m', 'old'), [object('a')], 0, 100);
    const [a] = held.take('s', limits, 0);
    held.add(message('m', 'new'), [object('a')], 50, 150);
    expect(held.waitingObjects).toBe(0);
    expect(held.done([a!]).finished).toEqual([message('m', 'new')]);
  });

  test('of an object that another one speaks of too is over together with it', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a', { size: 10 })], 0, 100);
    held.add(message('n'), [object('a', { size: 30 })], 5, 100);
    expect(held.waitingObjects).toBe(1);
    expect(held.waitingBytes).toBe(30);
    expect(held.done(held.take('s', limits, 5)).finished).toEqual([message('m'), message('n')]);
  });

  test('that comes while its object is in work waits for the next batch: the object may have changed', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a')], 0, 100);
    const inWork = held.take('s', limits, 0);
    held.add(message('n'), [object('a', { etag: 'newer' })], 5, 100);
    expect(held.done(inWork).finished).toEqual([message('m')]);
    expect(held.take('s', limits, 5)).toMatchObject([{ uri: 'a', etag: 'newer' }]);
  });

  test('that is lost to others takes its objects along, but not those that other messages ask for', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a'), object('b')], 0, 100);
    held.add(message('n'), [object('b')], 0, 100);
    held.forget([message('m')]);
    const taken = held.take('s', limits, 0);
    expect(uris(taken)).toEqual(['b']);
    expect(held.done(taken).finished).toEqual([message('n')]);
    expect(held.all()).toEqual([]);
  });

  test('is to be hidden again in time', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a')], 0, 100);
    held.add(message('n'), [object('b')], 50, 150);
    expect(held.hiddenUntil(100).map(({ message }) => message.id)).toEqual(['m']);
    held.take('s', limits, 0);
    expect(held.hiddenUntil(200)).toHaveLength(2);
  });
});

test('two ETags for one object, in whatever order they came, are no hint', () => {
  const held = new HeldMessages();
  held.add(message('m'), [object('a', { etag: 'one' })], 0, 100);
  held.add(message('n'), [object('a', { etag: 'two' })], 0, 100);
  expect(held.take('s', limits, 0)).toMatchObject([{ etag: undefined }]);
});

describe('a batch is due', () => {
  test('when its oldest object is old enough', () => {
    const held = new HeldMessages();
    expect(held.dueAt('s', limits, 0)).toBe(Number.POSITIVE_INFINITY);
    held.add(message('m'), [object('a')], 100, 1000);
    held.add(message('n'), [object('b')], 600, 1000);
    expect(held.dueAt('s', limits, 600)).toBe(1100);
    expect(held.isDue('s', limits, 1099)).toBe(false);
    expect(held.isDue('s', limits, 1100)).toBe(true);
    expect(held.isDue('other', limits, 1100)).toBe(false);
    expect(held.isDue('s', limits, 600, true)).toBe(true);
  });

  test('when it is full, by objects or by bytes', () => {
    const objects = new HeldMessages();
    for (const name of ['a', 'b', 'c', 'd']) objects.add(message(name), [object(name)], 0, 1000);
    expect(objects.isDue('s', limits, 0)).toBe(true);
    expect(uris(objects.take('s', limits, 0))).toEqual(['a', 'b', 'c']);
    expect(objects.isDue('s', limits, 0)).toBe(false);

    const bytes = new HeldMessages();
    for (const name of ['a', 'b']) bytes.add(message(name), [object(name, { size: 60 })], 0, 1000);
    expect(bytes.isDue('s', limits, 0)).toBe(true);
    expect(uris(bytes.take('s', limits, 0))).toEqual(['a']);
  });

  test('with one object, however large it is', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a', { size: 1e9 })], 0, 1000);
    expect(uris(held.take('s', limits, 0))).toEqual(['a']);
  });

  test('but not with what is to be left alone for now', () => {
    const held = new HeldMessages();
    held.add(message('m'), [object('a')], 0, 1000);
    held.putBack(held.take('s', limits, 0), 5000);
    expect(held.dueAt('s', limits, 0)).toBe(5000);
    expect(held.take('s', limits, 4999)).toEqual([]);
    expect(uris(held.take('s', limits, 5000))).toEqual(['a']);
  });
});
