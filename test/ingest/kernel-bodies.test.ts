/** Bodies in the kernel's memory: each block is given back once, however reading ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { fetchObjects } from '../../src/ingest/fetch.ts';
import { KernelBodies } from '../../src/ingest/kernel-bodies.ts';
import { kernel } from '../../src/kernel/kernel.ts';
import { nextTurn } from '../../src/store/event-loop.ts';
import { LocalStore } from '../../src/store/local.ts';
import type { ObjectInfo } from '../../src/store/store.ts';
import { defaultLimits } from '../support/fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'kernel-bodies-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Counts what is out. */
class Counted extends KernelBodies {
  readonly out = new Set<number>();

  override acquire(size: number): Buffer {
    const body = super.acquire(size);
    expect(body.buffer).toBe(kernel().buffer);
    expect(this.out.has(body.byteOffset)).toBe(false);
    this.out.add(body.byteOffset);
    return body;
  }

  override release(body: Buffer): void {
    expect(this.out.delete(body.byteOffset)).toBe(true);
    super.release(body);
  }
}

const size = 300_000;
const text = Buffer.alloc(size, 'one line\n');

/** Plain ones, a compressed one, one that is broken, one that is gone and one that only fits as a stream. */
async function objects(store: LocalStore): Promise<ObjectInfo[]> {
  const bodies: Record<string, Buffer> = {
    'a.log': text,
    'b.log': text,
    'c.gz': gzipSync(text),
    'd.gz': gzipSync(text).subarray(0, 100),
    'e.gone': text,
    'f.large.gz': gzipSync(Buffer.alloc(65 << 20)),
    'g.log': text,
    'h.log': text,
  };
  for (const [name, body] of Object.entries(bodies)) writeFileSync(join(folder, name), body);
  const infos: ObjectInfo[] = [];
  for await (const info of store.list(`file://${folder}/`)) infos.push(info);
  rmSync(join(folder, 'e.gone'));
  return infos;
}

const limits = { ...defaultLimits, rejectedRecords: 1000, daysPerBatch: 100, compressionRatio: 10_000 };

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('reading that is left after %i objects gives all of it back', async (left) => {
  const store = new LocalStore();
  let bodies: Counted | undefined;
  const localPool = (limit: number): Counted => {
    bodies = new Counted(limit);
    return bodies;
  };
  const options = { downloads: 3, downloadBytes: 64 << 20, limits, sleep: async () => {}, localPool };
  let seen = 0;
  let bytes = 0;
  const failed: string[] = [];
  for await (const { object, body } of fetchObjects(store, await objects(store), options)) {
    if ('error' in body) failed.push(object.uri.slice(-4));
    else for await (const chunk of body) bytes += chunk.length;
    if (++seen === left) break;
  }
  for (let turn = 0; turn < 100 && bodies!.out.size > 0; turn++) {
    await nextTurn();
    await new Promise((done) => setTimeout(done, 10));
  }
  expect(bodies!.out).toEqual(new Set());
  if (left > 0) return;
  expect(failed).toEqual(['d.gz', 'gone']);
  expect(bytes).toBe(5 * size + (65 << 20));
});

test('larger bodies have memory of their own', () => {
  const bodies = new KernelBodies(1 << 20);
  const top = kernel().call.memoryTop();
  const body = bodies.acquire(5 << 20);
  expect(body.length).toBe(5 << 20);
  expect(kernel().call.memoryTop()).toBe(top);
  bodies.release(body);
  bodies.close();
});
