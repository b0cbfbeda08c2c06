import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { appendFile, mkdir, readFile, readlink, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { LocalStore } from '../../src/store/local.ts';
import { withLock } from '../../src/store/local-lock.ts';
import { storeContract } from '../contract/store.ts';
import { collect } from '../support/collect.ts';

const folder = mkdtempSync(join(tmpdir(), 'local-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const store = new LocalStore();
let places = 0;
const place = async () => {
  const path = join(folder, `place-${places++}`);
  await mkdir(path);
  return path;
};

describe('local store', () => {
  storeContract(async () => ({ store, root: `file://${await place()}/` }));
});

describe('local store and the file system', () => {
  test('a listing says where the folder that it needs is not there, or is none', async () => {
    const path = await place();
    writeFileSync(`${path}/file`, 'x');
    const listed = (uri: string) => collect(store.list(uri, { root: uri }));
    await mkdir(`${path}/empty`);
    expect(await listed(`file://${path}/empty/`)).toEqual([]);
    for (const name of ['missing', 'file', 'file/below'])
      await expect(listed(`file://${path}/${name}/`)).rejects.toMatchObject({ name: 'StoreError', code: 'not-found' });
  });

  test('a file that is written to while it is read says when it will be read', async () => {
    const path = `${await place()}/log`;
    await writeFile(path, Buffer.alloc(5 << 20));
    const [info] = await collect(store.list(`file://${path}`));
    const { chunks } = await store.get(info!.uri, { ifMatch: info!.etag });
    const said = { code: 'precondition-failed', message: expect.stringMatching(/the file changed.*rotated/) };
    const read = async () => {
      for await (const _ of chunks) await appendFile(path, 'more');
    };
    await expect(read()).rejects.toMatchObject(said);
    await expect(store.get(info!.uri, { ifMatch: info!.etag })).rejects.toMatchObject(said);
  });

  test('where too many files are open, a write says so and what to do', async () => {
    const path = await place();
    const script = `
      import { openSync } from 'node:fs';
      import { LocalStore } from '${join(import.meta.dirname, '../../src/store/local.ts')}';
      const store = new LocalStore();
      await store.put('file://${path}/first', Buffer.from('x'));
      try { for (;;) openSync('/dev/null', 'r'); } catch {}
      await store.put('file://${path}/second', Buffer.from('x')).catch(({ code, message }) => console.log(code, message));`;
    const { stdout } = await promisify(execFile)('bash', [
      '-c',
      'ulimit -n 100; exec "$@"',
      'bash',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ]);
    expect(stdout).toMatch(/^transient cannot write the file \(EMFILE; .*ulimit -n/);
  });

  test.each(['readdirSync', 'promises.readdir'])(
    'an entry that goes away takes no others with it where %s has to look at each',
    async (call) => {
      const path = await place();
      writeFileSync(`${path}/file`, 'x');
      await mkdir(`${path}/folder`);
      writeFileSync(`${path}/folder/file`, 'x');
      // What Node does in a folder that does not say what its entries are, when one is gone before it is looked at.
      const script = `import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const missing = (path) => fs.lstatSync(path + '/gone');
      const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      const { readdirSync } = fs, { readdir } = fs.promises;
      fs.readdirSync = (path, options) => {
        if (${call === 'readdirSync'}) return missing(path);
        wait();
        return readdirSync(path, options);
      };
      fs.promises.readdir = async (path, options) => (options.withFileTypes ? missing(path) : readdir(path, options));
      syncBuiltinESMExports();
      const { LocalStore } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/store/local.ts'))});
      for await (const { uri } of new LocalStore().list('file://${path}/')) console.log(uri);`;
      const node = ['--input-type=module', '--eval', script];
      const { stdout } = await promisify(execFile)(process.execPath, node);
      expect(stdout.trim().split('\n')).toEqual([`file://${path}/file`, `file://${path}/folder/file`]);
    },
  );

  test.each(['000', '022'])('keeps to its user what it makes, under umask %s', async (umask) => {
    const path = await place();
    const module = JSON.stringify(join(import.meta.dirname, '../../src/store/local.ts'));
    const script = `const { LocalStore } = await import(${module});
      const store = new LocalStore();
      const { etag } = await store.put(${JSON.stringify(`file://${path}/a/b/object`)}, Buffer.from('x'), { ifNoneMatch: '*' });
      await store.put(${JSON.stringify(`file://${path}/a/b/object`)}, Buffer.from('y'), { ifMatch: etag });`;
    const node = ['--input-type=module', '--eval', script];
    await promisify(execFile)('/bin/sh', ['-c', `umask ${umask}; exec "$0" "$@"`, process.execPath, ...node]);
    const mode = (name: string): string => (statSync(join(path, name)).mode & 0o777).toString(8);
    expect(['a', 'a/b', 'a/b/object'].map(mode)).toEqual(['700', '700', '600']);
  });

  test('leaves nothing but the object behind, whether a write wins, loses or fails', async () => {
    const path = await place();
    const uri = `file://${path}/object`;
    await Promise.allSettled(Array.from({ length: 8 }, () => store.put(uri, Buffer.from('x'), { ifNoneMatch: '*' })));
    await Promise.allSettled(Array.from({ length: 8 }, () => store.put(uri, Buffer.from('y'), { ifMatch: 'none' })));
    await store.put(uri, Buffer.from('z'));
    await mkdir(`${path}/folder`);
    await expect(store.put(`file://${path}/folder`, [])).rejects.toMatchObject({ code: 'other' });
    expect(readdirSync(path).sort()).toEqual(['folder', 'object']);
  });

  test('a file where a folder has to be, or a folder where a file has to be, does not count as an object that exists already', async () => {
    const path = await place();
    writeFileSync(`${path}/file`, 'x');
    await mkdir(`${path}/folder`);
    for (const name of ['file/object', 'file/folder/object', 'folder'])
      for (const options of [{}, { ifNoneMatch: '*' } as const])
        await expect(store.put(`file://${path}/${name}`, [], options)).rejects.toMatchObject({ code: 'other' });
    expect(readdirSync(path).sort()).toEqual(['file', 'folder']);
  });

  test('temporary files and locks of others are not listed, nor to be named', async () => {
    const path = await place();
    writeFileSync(`${path}/.audit-warehouse-1234.tmp`, 'half');
    writeFileSync(`${path}/.hidden`, 'but not ours');
    const listed = await collect(store.list(`file://${path}/`));
    expect(listed.map(({ uri }) => uri)).toEqual([`file://${path}/.hidden`]);
    const reserved = store.get(`file://${path}/.audit-warehouse-1234.tmp`);
    await expect(reserved).rejects.toMatchObject({ code: 'invalid-uri' });
  });

  test('paths that lead elsewhere than they say are refused', async () => {
    const path = await place();
    const bad = [
      `file://${path}/../x`,
      `file://${path}/a/./b`,
      `file://${path}//b`,
      'file://host/x',
      `file://${path}/a/..`,
    ];
    for (const uri of bad) {
      await expect(store.get(uri)).rejects.toMatchObject({ code: 'invalid-uri' });
      await expect(store.put(uri, [])).rejects.toMatchObject({ code: 'invalid-uri' });
      await expect(collect(store.list(uri))).rejects.toMatchObject({ code: 'invalid-uri' });
    }
    // Names that only look like them are names.
    await store.put(`file://${path}/..a/b...`, Buffer.from('x'));
    expect(await collect(store.list(`file://${path}/..a`))).toHaveLength(1);
  });

  test('a listing follows no symbolic link, so that it stays inside of its folder', async () => {
    const path = await place();
    const outside = await place();
    await writeFile(`${outside}/secret`, 'x');
    await writeFile(`${path}/object`, 'x');
    symlinkSync(`${outside}/secret`, `${path}/link`);
    symlinkSync(outside, `${path}/folder-link`);
    await symlink('.', `${path}/circle`);
    const listed = await collect(store.list(`file://${path}/`));
    expect(listed.map(({ uri }) => uri)).toEqual([`file://${path}/object`]);
  });

  test('a file that another program appends to changes its version, also while it is read', async () => {
    const path = await place();
    const uri = `file://${path}/growing.log`;
    await writeFile(`${path}/growing.log`, 'one\n'.repeat(500_000));
    const [before] = await collect(store.list(uri));
    const { chunks } = await store.get(uri, { ifMatch: before!.etag });
    const reading = (async () => {
      let first = true;
      for await (const _ of chunks) {
        if (first) await appendFile(`${path}/growing.log`, 'two\n');
        first = false;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'precondition-failed' });
    expect((await store.head(uri))!.etag).not.toBe(before!.etag);
    await expect(store.get(uri, { ifMatch: before!.etag })).rejects.toMatchObject({ code: 'precondition-failed' });
  });

  test('a file name that is not UTF-8 is named, not passed over', async () => {
    const path = await place();
    writeFileSync(Buffer.concat([Buffer.from(`${path}/bad-`), Buffer.from([0xff])]), 'x');
    await expect(collect(store.list(`file://${path}/`))).rejects.toThrow(/not UTF-8.*bad-/);
  });
});

describe('local store between processes', () => {
  const run = promisify(execFile);
  const script = (body: string) => [
    '--input-type=module',
    '--eval',
    `import { LocalStore } from ${JSON.stringify(join(import.meta.dirname, '../../src/store/local.ts'))};
     import { withLock } from ${JSON.stringify(join(import.meta.dirname, '../../src/store/local-lock.ts'))};
     const store = new LocalStore();
     ${body}`,
  ];

  test('compare-and-swap loses no increment', async () => {
    const uri = `file://${await place()}/counter`;
    await store.put(uri, Buffer.from('0'));
    const body = `
      for (let done = 0; done < 20; ) {
        try {
          const { info, chunks } = await store.get(${JSON.stringify(uri)});
          const value = Number(Buffer.concat(await Array.fromAsync(chunks)).toString());
          await store.put(${JSON.stringify(uri)}, Buffer.from(String(value + 1)), { ifMatch: info.etag });
          done++;
        } catch (error) {
          if (error.code !== 'precondition-failed') throw error;
        }
      }`;
    await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, script(body))));
    const { chunks } = await store.get(uri);
    expect(Buffer.concat(await collect(chunks)).toString()).toBe('80');
  });

  test('the lock of a process that was killed is broken by those that wait, one at a time', async () => {
    const path = await place();
    const uri = `file://${path}/object`;
    const { etag } = await store.put(uri, Buffer.from('0'));
    const body = `await withLock(${JSON.stringify(`${path}/object`)}, async () => process.kill(process.pid, 'SIGKILL'));`;
    await expect(run(process.execPath, script(body))).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(readdirSync(path)).toHaveLength(2);
    const writes = Array.from({ length: 8 }, (_, i) => store.put(uri, Buffer.from(String(i)), { ifMatch: etag }));
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(readdirSync(path)).toEqual(['object']);
  });

  test('a process killed while it writes leaves the old object or the new one', async () => {
    const path = await place();
    const uri = `file://${path}/object`;
    const body = `for (let i = 0; ; i++) {
      await store.put(${JSON.stringify(uri)}, Buffer.alloc(1 << 20, String(i % 10)));
      if (i === 0) process.stdout.write('going');
    }`;
    for (let round = 0; round < 5; round++) {
      const running = run(process.execPath, script(body));
      running.child.stdout!.once('data', () => setTimeout(() => running.child.kill('SIGKILL'), round * 7));
      await expect(running).rejects.toMatchObject({ signal: 'SIGKILL' });
      const bytes = await readFile(`${path}/object`);
      expect(bytes).toHaveLength(1 << 20);
      expect(new Set(bytes).size).toBe(1);
      expect(await collect(store.list(`file://${path}/`))).toHaveLength(1);
    }
  });
});

describe('the lock of a file', () => {
  const isLock = (name: string): boolean => name.endsWith('.lock');

  interface Held {
    /** The file that is locked. */
    readonly path: string;
    /** Its lock, a symbolic link. */
    readonly lock: string;
    /** Who this process is as a holder: host, boot, process id, start time. */
    readonly me: readonly [host: string, boot: string, pid: string, started: string];
  }

  /** A file in a folder of its own, and what its lock looks like while this process has it. */
  async function lockable(): Promise<Held> {
    const folder = await place();
    const path = join(folder, 'object');
    return withLock(path, async () => {
      const lock = join(folder, readdirSync(folder).find(isLock)!);
      const [host, boot, pid, started] = (await readlink(lock)).split(' ');
      expect(pid).toBe(String(process.pid));
      return { path, lock, me: [host!, boot!, pid!, started!] };
    });
  }

  /** Longer than a waiter pauses between two looks at a lock. */
  const aWhile = () => sleep(200);

  test.each([
    ['whose process id another process has by now', ([host, boot, pid]) => [host, boot, pid, '1']],
    ['of before the machine was started anew', ([host, , pid, started]) => [host, 'another-boot', pid, started]],
    ['whose process is gone', ([host, boot, , started]) => [host, boot, '4194304', started]],
  ] satisfies [string, (me: Held['me']) => string[]][])('is taken from a holder %s', async (_, dead) => {
    const { path, lock, me } = await lockable();
    await symlink([...dead(me), 'token'].join(' '), lock);
    expect(await withLock(path, async () => (await readlink(lock)).split(' ').slice(0, 4))).toEqual(me);
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  test.each([
    ['lives', (me) => [...me]],
    ['is on another machine, where nobody here can tell', ([, boot]) => ['elsewhere', boot, '4194304', '1']],
  ] satisfies [string, (me: Held['me']) => string[]][])('is waited for while its holder %s', async (_, alive) => {
    const { path, lock, me } = await lockable();
    await symlink([...alive(me), 'token'].join(' '), lock);
    let isReleased = false;
    const waiting = withLock(path, async () => isReleased);
    await aWhile();
    isReleased = true;
    await unlink(lock);
    expect(await waiting).toBe(true);
  });

  test('is waited for while its holder is a process of another user, who cannot be asked', async () => {
    const { path, lock, me } = await lockable();
    await symlink([...me, 'token'].join(' '), lock);
    // As the system answers, but to the superuser, who may well run these tests.
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    try {
      let isReleased = false;
      const waiting = withLock(path, async () => isReleased);
      await aWhile();
      expect(kill).toHaveBeenCalledWith(process.pid, 0);
      isReleased = true;
      await unlink(lock);
      expect(await waiting).toBe(true);
    } finally {
      kill.mockRestore();
    }
  });

  test('is not taken from the one who got it while a dead holder was being seen to', async () => {
    const { path, lock, me } = await lockable();
    const dead = [me[0], me[1], me[2], '1', 'token'].join(' ');
    // Whoever breaks a lock takes another one first; its name is found out by looking.
    const seen = new Set<string>();
    const watcher = watch(join(path, '..'), (_, name) => void (name !== null && isLock(name) && seen.add(name)));
    await symlink(dead, lock);
    await withLock(path, async () => {});
    while (seen.size < 2) await sleep(5);
    watcher.close();
    const breaking = [...seen].map((name) => join(path, '..', name)).find((name) => name !== lock)!;

    await symlink(dead, lock);
    await symlink([...me, 'breaks it'].join(' '), breaking);
    let isReleased = false;
    const waiting = withLock(path, async () => isReleased);
    await aWhile();
    // It has seen the dead holder and waits to break its lock, which somebody else has done in between.
    await unlink(lock);
    await symlink([...me, 'has it now'].join(' '), lock);
    await unlink(breaking);
    await aWhile();
    isReleased = true;
    await unlink(lock);
    expect(await waiting).toBe(true);
  });
});
