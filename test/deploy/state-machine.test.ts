/**
 * The state machine of deploy/terraform, with units on Lambda and on Fargate: its definition leads somewhere in any case, and run
 * by an interpreter, with the function and the container's command on a real S3, it gives the rows of a backfill.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { createJobHandler, type JobEvent } from '../../src/jobs/steps/lambda.ts';
import { createRuntime } from '../../src/wire.ts';
import { decisionLogs } from '../e2e/support/logs.ts';
import { configure, type Place, start } from '../support/binary.ts';
import { binary, projectRoot } from '../support/cli.ts';
import { describeWith, type RigS3, rig } from '../support/rig.ts';
import { execute, type State, type StateMachine } from '../support/state-machine.ts';

const module = join(projectRoot, 'deploy/terraform');
const read = (name: string): string => readFileSync(join(module, name), 'utf8');
const job = read('job.tf');

const functionArn = 'arn:aws:lambda:eu-west-1:1:function:audit-warehouse-job';
const stageOn = { lambda: 'job-stage-lambda.asl.json.tftpl', fargate: 'job-stage-fargate.asl.json.tftpl' } as const;
const whole = 'job.asl.json.tftpl';
const given: Readonly<Record<string, string>> = {
  partition: 'aws',
  function_arn: functionArn,
  manifests: 's3://acme-audit/warehouse/_jobs',
  max_concurrent: '2',
  cluster_arn: 'arn:aws:ecs:eu-west-1:1:cluster/audit',
  task_definition_arn: 'arn:aws:ecs:eu-west-1:1:task-definition/audit-warehouse-stage:1',
  subnets: '["subnet-1"]',
  security_groups: '["sg-1"]',
};

const placeholder = /\$\{(\w+)\}/g;
const render = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(placeholder, (_, name: string) => values[name]!);

function machineOn(kind: keyof typeof stageOn, values: Readonly<Record<string, string>> = {}): StateMachine {
  const all = { ...given, ...values };
  return JSON.parse(render(read(whole), { ...all, stage_unit: render(read(stageOn[kind]), all) })) as StateMachine;
}

const stepOf = ({ Parameters }: State): string => (Parameters as { Payload: { step: string } }).Payload.step;
const next = ({ Next, Default, Choices = [], Catch = [] }: State): string[] => [
  ...[Next, Default].filter((name) => name !== undefined),
  ...[...Choices, ...Catch].map((one) => one.Next),
];

test.each([whole, ...Object.values(stageOn)])('%s is given what it is a template of', (name) => {
  const used = new Set([...read(name).matchAll(placeholder)].map(([, one]) => one));
  const opening = new RegExp(`\\b${name.replaceAll('.', '\\.')}", \\{\\n`).exec(job)!;
  const rest = job.slice(opening.index + opening[0].length);
  const [first] = /^ */.exec(rest)!;
  const given = rest.slice(0, rest.search(new RegExp(`^ {0,${first.length}}\\}`, 'm')));
  const names = [...given.matchAll(new RegExp(`^${first}(\\w+)\\s*=`, 'gm'))].map(([, one]) => one);
  expect(names.sort()).toEqual([...used].sort());
});

describe.each(['lambda', 'fargate'] as const)('the state machine with units on %s', (kind) => {
  const machine = machineOn(kind);

  test('leads from its start to every state, and from every state to an end', () => {
    for (const { StartAt, States } of [machine, machine.States.Stage!.ItemProcessor!]) {
      const reached = new Set([StartAt]);
      for (const name of reached) for (const other of next(States[name]!)) reached.add(other);
      expect([...reached].sort()).toEqual(Object.keys(States).sort());
      for (const [name, state] of Object.entries(States))
        expect(next(state).length > 0, name).toBe(!(state.End || ['Succeed', 'Fail'].includes(state.Type)));
    }
  });

  test('tries each task again, and plans again while there is more', () => {
    const { Plan, Stage, Commit, IsThereMore } = machine.States as Readonly<Record<string, State>>;
    const { StageUnit } = Stage!.ItemProcessor!.States;
    expect([Plan, Commit].map((state) => stepOf(state!))).toEqual(['plan', 'commit']);
    for (const state of [Plan, StageUnit, Commit]) expect(state!.Retry![0]!.MaxAttempts).toBeGreaterThan(0);
    expect(Stage!.ItemProcessor!.ProcessorConfig).toMatchObject({ Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' });
    expect(Stage!.ItemReader).toMatchObject({ ReaderConfig: { InputType: 'JSONL' } });
    expect(IsThereMore!.Choices).toEqual([{ Variable: '$.plan.more', BooleanEquals: true, Next: 'Plan' }]);
  });

  test('tries a unit as often as it says, commits what is staged where one fails, and ends as failed', async () => {
    const plan = { units: 1, bucket: 'acme-audit', key: 'warehouse/_jobs/one.jsonl', more: false };
    const calls: string[] = [];
    const ended = execute(
      machine,
      { name: 'history' },
      {
        name: 'one',
        call: async (_resource, parameters) => {
          const step = (parameters as { Payload?: { step: string } }).Payload?.step ?? 'stage';
          calls.push(step);
          if (step === 'stage') throw new Error('no memory left');
          return { Payload: step === 'plan' ? plan : { units: 0, seconds: 1 } };
        },
        read: async () => '{"unit":1}\n',
      },
    );
    await expect(ended).rejects.toThrow('UnitsFailed');
    const tries = 1 + machine.States.Stage!.ItemProcessor!.States.StageUnit!.Retry![0]!.MaxAttempts;
    expect(calls).toEqual(['plan', ...Array<string>(tries).fill('stage'), 'commit']);
  });
});

describeWith(['s3'], 'the state machine on S3', () => {
  const objects = 3;
  let s3: RigS3;
  let client: S3Client;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-states-'));
    s3 = await rig.s3();
    client = new S3Client({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    for (const { key, body } of decisionLogs(objects, 5))
      await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: `logs/${key}`, Body: body }));
  });
  afterAll(() => {
    client?.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  const placeOf = (name: string): Place =>
    configure(
      join(folder, name),
      {
        warehouse: `s3://${s3.bucket}/${name}`,
        sources: [{ name: 'eopa', type: 'opa', location: `s3://${s3.bucket}/logs/` }],
        s3: { endpoint: s3.endpoint, region: s3.region, forcePathStyle: true },
        batch: { objects: 1, threads: 1 },
      },
      s3.env,
    );

  /** The command of the container, with the places of this machine in it. */
  function containerCommand({ cwd }: Place): string {
    const [, text] = /^ +command = \["(.*)"\]$/m.exec(job)!;
    const command = JSON.parse(`"${text}"`) as string;
    expect(command).toContain('/app/bin/audit-warehouse');
    return command.replaceAll('/tmp/', `${cwd}/`).replaceAll('/app/bin/audit-warehouse', binary);
  }

  const run = promisify(execFile);
  type Override = {
    readonly Overrides: {
      readonly ContainerOverrides: readonly [
        { readonly Name: string; readonly Environment: readonly { Name: string; Value: string }[] },
      ];
    };
  };

  /** What the container's exit code is to Step Functions: anything but 0 fails the task. */
  async function runTask(place: Place, { Overrides }: Override): Promise<unknown> {
    const [{ Name, Environment }] = Overrides.ContainerOverrides;
    expect(job).toMatch(new RegExp(`^ +name +=\\s"${Name}"$`, 'm'));
    const config = readFileSync(join(place.cwd, 'audit-warehouse.yaml'), 'utf8');
    const env = {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, CONFIG: config },
      ...{ AUDIT_WAREHOUSE_CONFIG: join(place.cwd, 'audit-warehouse.yaml'), ...place.env },
      ...Object.fromEntries(Environment.map((one) => [one.Name, one.Value])),
    };
    await run('/bin/sh', ['-c', containerCommand(place)], { cwd: place.cwd, env });
    return { Containers: [{ ExitCode: 0 }] };
  }

  test.each(['lambda', 'fargate'] as const)(
    'gives each row once with units on %s, in as many rounds as it takes',
    async (kind) => {
      const place = placeOf(kind);
      const machine = machineOn(kind, { manifests: `s3://${s3.bucket}/${kind}/_jobs` });
      const { config } = loadConfig({ cwd: place.cwd, env: {}, reserved: () => new Set() });
      const handler = createJobHandler(() => createRuntime(config));
      const calls: string[] = [];
      await execute(
        machine,
        { name: 'history', units: 2 },
        {
          name: 'one',
          call: (resource, parameters) => {
            const service = resource.split(':::')[1]!;
            if (service === 'ecs:runTask.sync') {
              calls.push('task');
              return runTask(place, parameters as Override);
            }
            expect([service, (parameters as { FunctionName: string }).FunctionName]).toEqual([
              'lambda:invoke',
              functionArn,
            ]);
            const { Payload } = parameters as { Payload: { step: string } };
            calls.push(Payload.step);
            return handler(Payload as JobEvent).then((answer) => ({ Payload: answer }));
          },
          read: async (Bucket, Key) => {
            const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
            return Body!.transformToString();
          },
        },
      );
      const stage = kind === 'fargate' ? 'task' : 'stage';
      expect(calls).toEqual(['plan', stage, stage, 'commit', 'plan', stage, 'commit']);
      const verified = await start(['verify', '--deep', '--json'], place).done;
      expect(verified.code, verified.stdout).toBe(0);
      expect(JSON.parse(verified.stdout)).toMatchObject({ objects: { listed: objects, ingested: objects } });
    },
  );
});
