/**
 * The Terraform module, as far as it can be looked at without the AWS provider: it parses, what it refers to is declared,
 * what is declared is used, and its policies are those of docs/iam, which are those of the code.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { jobNames } from '../../src/iam/calls.ts';
import { placeholders, policyFor } from '../../src/iam/policy.ts';
import { projectRoot } from '../support/cli.ts';

// Its type declarations would bring the DOM into the whole program.
const { parse } = createRequire(import.meta.url)('@cdktf/hcl2json') as {
  parse(filename: string, text: string): Promise<Record<string, unknown>>;
};

type Blocks = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface Module {
  readonly text: string;
  readonly blocks: readonly Blocks[];
}

async function readModule(folder: string): Promise<Module> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.tf'));
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8'));
  const blocks = await Promise.all(files.map((name, i) => parse(name, texts[i]!)));
  return { text: texts.join('\n').replace(/^\s*#.*$/gm, ''), blocks: blocks as Blocks[] };
}

const all = ({ blocks }: Module, kind: string): Record<string, unknown> =>
  Object.assign({}, ...blocks.map((block) => block[kind] ?? {}));

/** Everything that can be referred to, such as var.name, local.account, aws_sqs_queue.events, data.aws_region.current. */
function declared(module: Module): Set<string> {
  const typed = (kind: string, lead: string): string[] =>
    module.blocks.flatMap((block) =>
      Object.entries(block[kind] ?? {}).flatMap(([type, named]) =>
        Object.keys(named as object).map((name) => `${lead}${type}.${name}`),
      ),
    );
  const locals = module.blocks.flatMap((block) => (block.locals as unknown as object[] | undefined) ?? []);
  return new Set([
    ...Object.keys(all(module, 'variable')).map((name) => `var.${name}`),
    ...locals.flatMap((group) => Object.keys(group)).map((name) => `local.${name}`),
    ...Object.keys(all(module, 'module')).map((name) => `module.${name}`),
    ...typed('resource', ''),
    ...typed('data', 'data.'),
  ]);
}

const reference = /(?<![\w."/:-])(?:(?:var|local|module)\.\w+|data\.aws_\w+\.\w+|aws_\w+\.\w+)/g;
const references = ({ text }: Module): Set<string> => new Set([...text.matchAll(reference)].map(([found]) => found));

describe.each([
  ['deploy/terraform', 5],
  ['deploy/terraform/modules/policies', 5],
  ['deploy/terraform/examples/fargate', 3],
  ['deploy/terraform/examples/lambda', 0],
] as const)('%s', (folder, least) => {
  let module: Module;
  beforeAll(async () => {
    module = await readModule(join(projectRoot, folder));
  });

  test('refers to nothing that it does not declare', () => {
    const known = declared(module);
    expect([...references(module)].filter((name) => !known.has(name))).toEqual([]);
    expect(references(module).size).toBeGreaterThan(least);
  });

  test('declares no variable, local or data source that it does not use', () => {
    const used = references(module);
    const unused = [...declared(module)].filter((name) => /^(var|local|data)\./.test(name) && !used.has(name));
    expect(unused).toEqual([]);
  });

  test('describes every variable and output, and pins what it needs', () => {
    for (const kind of ['variable', 'output'])
      for (const [name, blocks] of Object.entries(all(module, kind)))
        expect((blocks as { description?: string }[])[0]?.description, `${kind} ${name}`).toMatch(/\w/);
    expect(module.text).toMatch(/required_version = ">= 1\.\d+"/);
  });
});

describe('the Terraform module', () => {
  test('gives the policies module all that it asks for', async () => {
    const [root, policies] = [
      await readModule(join(projectRoot, 'deploy/terraform')),
      await readModule(join(projectRoot, 'deploy/terraform/modules/policies')),
    ];
    const [given] = all(root, 'module').policies as [Record<string, unknown>];
    expect(Object.keys(given).sort()).toEqual(['source', ...Object.keys(all(policies, 'variable'))].sort());
  });

  test.each(['fargate', 'lambda'])('takes what the example for %s gives it', async (name) => {
    const [root, example] = [
      await readModule(join(projectRoot, 'deploy/terraform')),
      await readModule(join(projectRoot, 'deploy/terraform/examples', name)),
    ];
    const [given] = all(example, 'module').audit_warehouse as [Record<string, unknown>];
    expect([...Object.keys(all(root, 'variable')), 'source']).toEqual(expect.arrayContaining(Object.keys(given)));
  });

  test('has an alarm for each thing that can stop it, and each tells the same address', () => {
    const text = readFileSync(join(projectRoot, 'deploy/terraform/alarms.tf'), 'utf8');
    for (const name of ['dead-letters', 'oldest-message', 'lambda-errors', 'lambda-throttles', 'nightly-failed'])
      expect(text).toMatch(new RegExp(`^ {6}${name} = \\{`, 'm'));
    expect(text.match(/_actions\s+= var\.alarm_actions/g)).toHaveLength(2);
  });

  test('makes a queue with a dead-letter queue, and tells S3 of it only when S3 may send', () => {
    const text = readFileSync(join(projectRoot, 'deploy/terraform/queue.tf'), 'utf8');
    expect(text).toMatch(/maxReceiveCount\s*= [5-9]/);
    expect(text).toMatch(/depends_on = \[aws_sqs_queue_policy\.events\]/);
  });

  test('has a Lambda trigger that reports single messages', () => {
    const text = readFileSync(join(projectRoot, 'deploy/terraform/lambda.tf'), 'utf8');
    expect(text).toContain('["ReportBatchItemFailures"]');
  });

  test('runs the handler of the package, on the processor that the package is for', async () => {
    const module = await readModule(join(projectRoot, 'deploy/terraform'));
    const [lambda] = (all(module, 'resource').aws_lambda_function as { worker: Record<string, unknown>[] }).worker;
    expect(lambda).toMatchObject({ handler: 'dist/lambda.handler', architectures: [`$\{var.lambda.architecture}`] });
  });
});

describe('policies', () => {
  const read = (folder: string, job: string) => readFileSync(join(projectRoot, folder, `${job}.json`), 'utf8');

  test.each(jobNames)('of %s are those of the code, in docs and in Terraform (scripts/iam writes them)', (job) => {
    expect(JSON.parse(read('docs/iam', job))).toEqual(policyFor(job, placeholders));
    expect(read('deploy/terraform/modules/policies', job)).toBe(read('docs/iam', job));
  });

  test('are there for no other job', () => {
    const files = (folder: string) => readdirSync(join(projectRoot, folder)).filter((name) => name.endsWith('.json'));
    const expected = jobNames.map((job) => `${job}.json`).sort();
    expect(files('docs/iam').sort()).toEqual(expected);
    expect(files('deploy/terraform/modules/policies').sort()).toEqual(expected);
  });

  test('have no word in capitals that the module does not replace', () => {
    const text = readFileSync(join(projectRoot, 'deploy/terraform/modules/policies/main.tf'), 'utf8');
    const words = new Set(jobNames.flatMap((job) => read('docs/iam', job).match(/[A-Z]{4,}(-[A-Z]+)*/g) ?? []));
    for (const word of words) expect(text).toContain(`"${word === 'WAREHOUSE-PREFIX' ? `${word}/` : word}"`);
  });

  test('fit into what IAM takes inline of a role (10,240 characters without white space)', () => {
    const size = (job: string) => JSON.stringify(JSON.parse(read('docs/iam', job))).length;
    expect(size('compact') + size('expire') + size('verify')).toBeLessThan(8000);
    for (const job of jobNames) expect(size(job)).toBeLessThan(6000);
  });
});
