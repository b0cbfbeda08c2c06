/** Bodies in the kernel's memory: each block is given back once, however reading ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { ChunkMemory } from '../../src/ingest/chunk-memory.ts';
import { fetchObjects } from '../../src/ingest/fetch.ts';
import { KernelBodies } from '../../src/ingest/kernel-bodies.ts';
import { kernel } from '../../src/kernel/kernel.ts';
import { nextTurn } from '../../src/store/event-loop.ts';
import { LocalStore } from '../../src/store/local.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { type ObjectInfo, StoreError } from '../../src/store/store.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { CountedBodies } from '../support/counted-bodies.ts';
import { defaultLimits } from '../support/fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'kernel-bodies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const limits = { ...defaultLimits, rejectedRecords: 1000, daysPerBatch: 100, compressionRatio: 10_000 };
const size = 300_000;
const text = Buffer.alloc(size, 'one line\n');

/** Some blocks long, and no two of them alike. */
const large = Buffer.alloc(9 << 20);
for (let at = 0; at < large.length; at += 4) large.writeUInt32LE(at | 0x1010101, at);

/** Plain ones, a compressed one, one that is broken, one that is gone, and three that come as streams. */
async function objects(store: LocalStore): Promise<ObjectInfo[]> {
  const bodies: Record<string, Buffer> = {
    'a.log': text,
    'b.log': text,
    'c.gz': gzipSync(text),
    'd.gz': gzipSync(text).subarray(0, 100),
    'e.gone': text,
    'f.large.gz': gzipSync(Buffer.alloc(65 << 20)),
    'g.log': text,
    'h.large.log': large,
    'i.large.gz': gzipSync(large, { level: 0 }),
    'j.log': text,
  };
  for (const [name, body] of Object.entries(bodies)) writeFileSync(join(folder, name), body);
  const infos: ObjectInfo[] = [];
  for await (const info of store.list(`file://${folder}/`)) infos.push(info);
  rmSync(join(folder, 'e.gone'));
  return infos;
}

async function wholeOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  // A chunk is another's memory when the next one is asked for.
  for await (const chunk of body) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

test('a large body that is not read to its end gives its memory back', async () => {
  const store = new LocalStore();
  const bodies = new CountedBodies(0);
  const [info] = (await objects(store)).filter(({ uri }) => uri.endsWith('h.large.log'));
  const options = { downloads: 3, downloadBytes: 64 << 20, limits, sleep: async () => {}, scanPool: () => bodies };
  for await (const { body } of fetchObjects(store, [info!], options)) {
    if ('error' in body) throw body.error;
    let chunks = 0;
    for await (const chunk of body) if (chunk.buffer === kernel().buffer && ++chunks === 3) break;
    expect(chunks).toBe(3);
  }
  await settled(bodies);
});

test.each(['read whole', 'left in the middle', 'gone in the middle', 'never read'])(
  'a large object by ranges, %s',
  async (how) => {
    const memory = new MemoryStore();
    await memory.put('memory://raw/a', large);
    await memory.put('memory://raw/b', large);
    const infos: ObjectInfo[] = [];
    for await (const info of memory.list('memory://raw/')) infos.push(info);
    const isGone = (from = 0): boolean => how === 'gone in the middle' && from >= large.length / 2;
    const store = storeWith(memory, {
      get: async (uri, given) => {
        if (isGone(given?.range?.[0])) throw new StoreError('not-found', uri, 'gone');
        return memory.get(uri, given);
      },
    });
    const bodies = new CountedBodies(0);
    const options = { downloads: 3, downloadBytes: 4 << 20, limits, sleep: async () => {}, scanPool: () => bodies };
    const read: Buffer[] = [];
    let failed = 0;
    for await (const { body } of fetchObjects(store, infos, options)) {
      if ('error' in body) throw body.error;
      if (how === 'never read') break;
      if (how === 'left in the middle') {
        for await (const chunk of body) if (chunk.buffer === kernel().buffer) break;
      } else
        await wholeOf(body).then(
          (whole) => read.push(whole),
          () => failed++,
        );
    }
    await settled(bodies);
    expect(read.map((whole) => whole.equals(large))).toEqual(how === 'read whole' ? [true, true] : []);
    expect(failed).toBe(how === 'gone in the middle' ? 2 : 0);
  },
);

async function settled(bodies: CountedBodies): Promise<void> {
  for (let turn = 0; turn < 100 && bodies.out.size > 0; turn++) {
    await nextTurn();
    await new Promise((done) => setTimeout(done, 10));
  }
  expect(bodies.out).toEqual(new Set());
}

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'reading that is left after %i objects gives all of it back',
  async (left) => {
    const store = new LocalStore();
    let bodies: CountedBodies | undefined;
    const scanPool = (limit: number): CountedBodies => {
      bodies = new CountedBodies(limit);
      return bodies;
    };
    const options = { downloads: 3, downloadBytes: 64 << 20, limits, sleep: async () => {}, scanPool };
    let seen = 0;
    let bytes = 0;
    const larges: Buffer[] = [];
    const failed: string[] = [];
    for await (const { object, body } of fetchObjects(store, await objects(store), options)) {
      if ('error' in body) failed.push(object.uri.slice(-4));
      else if (object.size > large.length - 1) larges.push(await wholeOf(body));
      else for await (const chunk of body) bytes += chunk.length;
      if (++seen === left) break;
    }
    await settled(bodies!);
    if (left > 0) return;
    expect(failed).toEqual(['d.gz', 'gone']);
    expect(bytes).toBe(5 * size + (65 << 20));
    expect(larges.map((body) => body.equals(large))).toEqual([true, true]);
  },
);

test('larger bodies have memory of their own', () => {
  const bodies = new KernelBodies(1 << 20);
  const top = kernel().call.memoryTop();
  const body = bodies.acquire(5 << 20);
  expect(body.length).toBe(5 << 20);
  expect(kernel().call.memoryTop()).toBe(top);
  bodies.release(body);
  bodies.close();
});

test('very many chunks at a time leave the kernel room for columns', async () => {
  const bodies = new CountedBodies(0);
  const memory = new ChunkMemory(bodies);
  const chunks = Array.from({ length: 100 }, () => memory.lend(1 << 20));
  expect(bodies.out.size).toBe(64);
  async function* read(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield chunk.fill(1);
  }
  memory.begin();
  for await (const chunk of memory.handOver(read())) expect(chunk[0]).toBe(1);
  expect(memory.lend(1 << 20).buffer).toBe(kernel().buffer);
  memory.release();
  expect(bodies.out.size).toBe(0);
});
