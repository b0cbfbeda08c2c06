/** The units: what they start is there, they leave time to stop, and both services are shut in alike. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../support/cli.ts';

type Unit = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

function readUnit(name: string): Unit {
  const unit: Record<string, Record<string, string[]>> = {};
  let section: Record<string, string[]> = {};
  for (const line of readFileSync(join(projectRoot, 'deploy/systemd', name), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const title = /^\[(\w+)\]$/.exec(line)?.[1];
    if (title !== undefined) {
      section = unit[title] ?? {};
      unit[title] = section;
      continue;
    }
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined) throw new Error(`${name} has a line that is no setting: ${line}`);
    section[key] = [...(section[key] ?? []), value!];
  }
  return unit;
}

const worker = readUnit('audit-warehouse-worker.service');
const nightly = readUnit('audit-warehouse-nightly.service');
const timer = readUnit('audit-warehouse-nightly.timer');

describe('systemd units', () => {
  test.each([
    ['the worker', worker],
    ['the nightly job', nightly],
  ])('%s starts a program that is there', (_, { Service }) => {
    const [path] = Service!.ExecStart![0]!.split(' ');
    const file = join(projectRoot, path!.replace(/^\/opt\/audit-warehouse\//, ''));
    expect(() => accessSync(file, constants.X_OK)).not.toThrow();
  });

  test('a worker has its shutdown (one minute) and 20 s before it is killed', () => {
    expect(Number(worker.Service!.TimeoutStopSec![0])).toBeGreaterThanOrEqual(80);
  });

  test('both run as nobody in particular, with nothing to write to, and may look at processes', () => {
    const own = ['ExecStart', 'Type', 'Environment', 'EnvironmentFile', 'MemoryMax', 'Restart', 'RestartSec'];
    own.push('TimeoutStopSec', 'TimeoutStartSec', 'Nice', 'IOSchedulingClass');
    const confinement = ({ Service }: Unit) =>
      Object.fromEntries(Object.entries(Service!).filter(([key]) => !own.includes(key)));
    expect(confinement(worker)).toEqual(confinement(nightly));
    expect(confinement(worker)).toMatchObject({
      DynamicUser: ['yes'],
      NoNewPrivileges: ['yes'],
      ProtectSystem: ['strict'],
      CapabilityBoundingSet: [''],
    });
    // A claim's owner that cannot be seen would be taken for dead.
    expect(confinement(worker)).not.toHaveProperty('ProtectProc');
  });

  test('the timer belongs to the nightly job and makes up for a night that was missed', () => {
    expect(timer.Timer).toMatchObject({ Persistent: ['yes'], OnCalendar: [expect.stringMatching(/UTC$/)] });
    expect(timer.Timer).not.toHaveProperty('Unit');
  });
});
