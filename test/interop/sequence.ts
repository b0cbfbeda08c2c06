/**
 * A sequence of operations of other engines and of commands of ours on one warehouse, and what has to hold after each step:
 * commands end with the exit code that is documented for what they find; no row appears that nobody wrote, and none goes that
 * nobody took; `verify` names an object exactly where the table has another number of rows than its account. What depends
 * on how an engine laid out its files (whether a deleted row comes back when its object grows) is taken either way.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { VerifyReport } from '../../src/index.ts';
import { cli, type RunResult, temporaryFolder } from '../support/cli.ts';
import type { Conversation } from '../support/conversation.ts';
import { agree, undo } from './matrix.ts';
import { type Decision, isAbsent, type Operation, operations, type Writer, writers } from './operations.ts';
import { text, World } from './world.ts';

export class Sequence {
  readonly #world: World;
  readonly #random: () => number;
  readonly #files = temporaryFolder();
  /** What was done so far. */
  readonly told: string[] = [];
  /** Operations that can be done once, and were. */
  readonly #done = new Set<Operation>();
  /** Rows by object that the ledger and the amendments promise; undefined where copies make that unknown. */
  readonly #account = new Map<string, number | undefined>();
  /** Values may be others than those of the objects. */
  #isAltered = false;
  readonly #erased = new Set<string>();

  static async begin(spark: Conversation, seed: number): Promise<Sequence> {
    const sequence = new Sequence(await World.make(spark), seed);
    try {
      await sequence.#backfill();
      return sequence;
    } catch (error) {
      await sequence.close();
      throw error;
    }
  }

  private constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = generator(seed);
    writeFileSync(join(this.#files.folder, 'audit-warehouse.yaml'), JSON.stringify(world.config));
  }

  async close(): Promise<void> {
    this.#files.remove();
    await this.#world.close();
  }

  async step(): Promise<void> {
    if (this.#random() < 0.55) await this.#operate();
    else await this.#pick(this.#commands)();
  }

  /** Everything that is left is settled, and then nothing is left. */
  async end(): Promise<void> {
    await this.#again();
    await this.#accept();
    await this.#compact();
    await agree(this.#world);
    expect(await this.#verify('--deep')).toEqual({});
    const { rows } = (await this.#world.warehouse.tables()).find(({ name }) => name === 'opa_decisions')!;
    expect(rows).toBe(this.#world.rows.length);
  }

  async #operate(): Promise<void> {
    const writer = this.#pick(Object.keys(writers) as Writer[]);
    const columns = await this.#world.columns();
    const possible = Object.values(operations)
      .flat()
      .filter((operation) => !isAbsent(operation.by[writer]) && !this.#done.has(operation))
      .filter(({ needs }) => needs === undefined || columns.includes(needs.column) === needs.there);
    await this.#carryOut(writer, this.#pick(possible));
  }

  async #carryOut(writer: Writer, operation: Operation): Promise<void> {
    const { name, once, outcome, finds = [] } = operation;
    const world = this.#world;
    const object = this.#pick(world.objects);
    if (outcome === 'repaired' && !finds.includes('table-unregistered')) return this.#rollBack(writer, operation);
    this.#tell(`${writer}: ${name} (object ${object})`);
    await world.carryOut(writer, operation, object);
    if (once) this.#done.add(operation);
    if (outcome === 'differs' || outcome === 'acceptedDeep') this.#isAltered = true;
    if (outcome === 'refused') {
      await world.arrive();
      const { stderr } = await this.#run(['backfill', '--no-progress'], [1]);
      expect(stderr).toMatch(operation.refusal!.message);
      await undo(world, writer, operation);
      return this.#backfill();
    }
    // Nobody writes to a table that is not there.
    if (outcome === 'repaired') await this.#run(['verify', '--repair'], [0, 4]);
    await this.#holds();
  }

  /** What the snapshot before has is what the table has, and no account changes. */
  async #rollBack(writer: Writer, operation: Operation): Promise<void> {
    const rows = await this.#world.read('before');
    if (rows === undefined) return;
    this.#tell(`${writer}: ${operation.name}`);
    await this.#world.carryOut(writer, operation);
    this.#world.rows = rows;
    this.#isAltered = true;
    await this.#holds();
  }

  readonly #commands = [
    () => this.#backfill(this.#pick([2, 6])),
    () => this.#grow(),
    () => this.#again(),
    () => this.#compact(),
    () => this.#erase(),
    () => this.#verifies(),
    () => this.#accept(),
    () => this.#acceptAll(),
    () => this.#repair(),
    () => this.#plain('expire'),
    () => this.#plain('replay'),
    () => this.#query(),
  ];

  async #backfill(count?: number): Promise<void> {
    const world = this.#world;
    if (count !== undefined) await world.arrive(count);
    if (count === 6) await world.arriveAudit();
    this.#tell(count === undefined ? 'backfill' : `backfill of ${count} more`);
    await this.#run(['backfill', '--no-progress'], [0]);
    await this.#adopt((before, now) => {
      expect(missing(before, now)).toEqual([]);
      expect(missing(now, before)).toEqual([]);
      for (const object of world.objects)
        if (!this.#account.has(object)) this.#account.set(object, rowsOf(now, object));
    });
  }

  async #grow(): Promise<void> {
    const world = this.#world;
    const before = world.rows;
    await world.grow();
    this.#tell('the object grows, backfill');
    await this.#run(['backfill', '--no-progress'], [0]);
    await this.#adopt((_, now) => {
      expect(missing(before, now)).toEqual([]);
      // Each of them once more at the most, and only where it is not there.
      const added = missing(now, before);
      expect(missing(added, world.logged)).toEqual([]);
      if (!this.#isAltered) expect(added.filter((row) => before.some((other) => isSame(row, other)))).toEqual([]);
      this.#account.set('grown', plus(this.#account.get('grown'), added.length));
    });
  }

  async #again(): Promise<void> {
    const world = this.#world;
    this.#tell('backfill --again');
    await this.#run(['backfill', '--again', '--no-progress'], [0]);
    await this.#adopt((before, now) => {
      const strangers = before.filter(({ subject }) => subject === 'stranger');
      const due = [...world.logged, ...strangers];
      // Those of an erased subject that came with the growth of an object after that among them.
      expect(missing(due, now)).toEqual([]);
      const more = missing(now, due);
      expect(more.filter(({ subject }) => !this.#erased.has(subject))).toEqual([]);
      for (const object of world.objects) this.#account.set(object, rowsOf(now, object));
    });
    this.#isAltered = false;
  }

  async #compact(): Promise<void> {
    this.#tell('compact');
    await this.#run(['compact'], [0]);
    await this.#adopt((before, now) => {
      expect(missing(now, before)).toEqual([]);
      const gone = missing(before, now);
      expect(missing(gone.filter(unique), now)).toEqual([]);
      for (const { id } of gone) this.#account.set(objectOf(id), undefined);
    });
  }

  async #erase(): Promise<void> {
    const world = this.#world;
    const subject = this.#pick(['user-0', 'user-1', 'user-2']);
    this.#tell(`erase ${subject}`);
    await this.#run(['erase', '--subject', subject], [0]);
    await this.#adopt((before, now) => {
      expect(text(now)).toEqual(text(before.filter((row) => row.subject !== subject)));
      for (const { id } of missing(before, now))
        this.#account.set(objectOf(id), plus(this.#account.get(objectOf(id)), -1));
    });
    world.erase(subject);
    this.#erased.add(subject);
  }

  async #verifies(): Promise<void> {
    const isDeep = this.#random() < 0.3;
    this.#tell(`verify${isDeep ? ' --deep' : ''}`);
    const found = await this.#verify(...(isDeep ? ['--deep'] : []));
    this.#compare(found);
    await agree(this.#world);
  }

  async #accept(...deep: readonly '--deep'[]): Promise<void> {
    this.#tell(['verify --accept', ...deep].join(' '));
    await this.#run(['verify', '--accept', '--reason', 'the sequence', ...deep], [0]);
    for (const object of this.#objects()) this.#account.set(object, rowsOf(this.#world.rows, object));
    await this.#holds();
  }

  /** All that is altered, too; then nothing is left to find. */
  async #acceptAll(): Promise<void> {
    await this.#accept('--deep');
    expect(await this.#verify('--deep')).toEqual({});
    this.#isAltered = false;
  }

  /** Batches whose rows are missing as wholes come back. */
  async #repair(): Promise<void> {
    const world = this.#world;
    this.#tell('verify --repair');
    await this.#run(['verify', '--repair'], [0, 4]);
    await this.#adopt((before, now) => {
      expect(missing(before, now)).toEqual([]);
      expect(missing(missing(now, before), world.logged)).toEqual([]);
      this.#isAltered ||= now.length > before.length;
    });
  }

  async #query(): Promise<void> {
    this.#tell('query');
    const sql = 'select count(*) from opa_decisions';
    const { stdout } = await this.#run(['query', '--no-receipt', '--format', 'json', '--sql', sql], [0]);
    expect(JSON.parse(stdout).rows).toEqual([[this.#world.rows.length]]);
  }

  async #plain(command: string): Promise<void> {
    this.#tell(command);
    await this.#run([command], [0]);
    await this.#holds();
  }

  /** What the table has has to be what it should have. */
  #holds(): Promise<void> {
    return this.#adopt((before, now) => expect(text(now)).toEqual(text(before)));
  }

  /** Reads what the table has, holds it to what it may have, and goes on from there. */
  async #adopt(check: (before: readonly Decision[], now: readonly Decision[]) => void): Promise<void> {
    const now = (await this.#world.read())!;
    check(this.#world.rows, now);
    this.#world.rows = now;
  }

  /** Kinds of differences by object. */
  async #verify(...options: readonly string[]): Promise<Record<string, string[]>> {
    const { code, stdout } = await this.#run(['verify', '--json', ...options], [0, 4]);
    const { ok, differences } = JSON.parse(stdout) as VerifyReport;
    expect([ok, code]).toEqual(differences.length === 0 ? [true, 0] : [false, 4]);
    const found: Record<string, string[]> = {};
    for (const { kind, uri = '', detail = '' } of differences) {
      const object = /batch_id=(\w+)\.jsonl$/.exec(uri)?.[1] ?? uri;
      found[object] = [...(found[object] ?? []), kind];
      this.#tell(`  ${kind} ${object} ${detail}`);
    }
    return found;
  }

  #compare(found: Readonly<Record<string, readonly string[]>>): void {
    for (const object of this.#objects()) {
      const due = this.#account.get(object);
      if (due === undefined && object !== 'foreign') continue;
      const rows = rowsOf(this.#world.rows, object);
      const kinds = rows < (due ?? 0) ? ['rows-missing'] : rows > (due ?? 0) ? ['rows-unexpected'] : [];
      expect([object, (found[object] ?? []).filter((kind) => kind !== 'content-differs')]).toEqual([object, kinds]);
    }
    const isExplained =
      this.#isAltered ||
      Object.values(found)
        .flat()
        .some((kind) => kind.startsWith('rows-'));
    if (!isExplained) expect(Object.values(found).flat()).toEqual([]);
  }

  #objects(): string[] {
    return [...new Set([...this.#account.keys(), ...this.#world.rows.map(({ id }) => objectOf(id))])];
  }

  async #run(args: readonly string[], codes: readonly number[]): Promise<RunResult> {
    const ended = await cli(args, { cwd: this.#files.folder, env: awsEnvironment() });
    if (!codes.includes(ended.code!))
      throw new Error(`${args.join(' ')} ended with ${ended.code}:\n${ended.stderr}${ended.stdout}`);
    expect(ended.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    return ended;
  }

  #tell(text: string): void {
    this.told.push(text);
    if (process.env.INTEROP_TELL === 'true') console.log(text);
  }

  #pick<T>(among: readonly T[]): T {
    return among[Math.floor(this.#random() * among.length)]!;
  }
}

const objectOf = (id: string): string => id.slice(0, id.indexOf('-'));
const rowsOf = (rows: readonly Decision[], object: string): number =>
  rows.filter(({ id }) => objectOf(id) === object).length;
const plus = (count: number | undefined, more: number): number | undefined =>
  count === undefined ? undefined : count + more;
const isSame = (a: Decision, b: Decision): boolean => text([a])[0] === text([b])[0];
const unique = (row: Decision, index: number, all: readonly Decision[]): boolean =>
  all.findIndex((other) => isSame(row, other)) === index;

/** Those of the first that the second do not have, each as often. */
function missing(rows: readonly Decision[], among: readonly Decision[]): Decision[] {
  const left = text(among);
  return rows.filter((row) => {
    const at = left.indexOf(text([row])[0]!);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const awsEnvironment = (): Record<string, string> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('AWS_'))) as Record<string, string>;

/** Numbers in [0, 1) that a seed gives (mulberry32). */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
