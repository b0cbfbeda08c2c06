/** The examples of docs/library.md compile strictly and run, one after another in one folder, as a reader would try them. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/library.md'), 'utf8');
const examples = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);

/** What each example prints. */
const outputs = [
  /^\d+ rows from 1 objects\n\{ subject: '.+', decisions: \d+ \}\n$/,
  /^1 denied; some bytes read\n$/,
  /^1 days to compact; the tables hold what the sources gave\n$|^0 days to compact; the tables hold what the sources gave\n$/,
  /^0 objects failed\n$/,
  /^0 objects and \d+ days committed\n$/,
  /^sources\[0\]\.location: .+\n$/,
];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-warehouse-library-'));
  mkdirSync(join(folder, 'node_modules'));
  // A package of the sources as they stand: links lead out of node_modules, below which Node strips no types.
  mkdirSync(join(folder, 'package'));
  symlinkSync(join(root, 'src'), join(folder, 'package/src'));
  writeFileSync(join(folder, 'package/package.json'), '{ "type": "module", "exports": "./src/index.ts" }');
  symlinkSync(join(folder, 'package'), join(folder, 'node_modules/audit-warehouse'));
  cpSync(join(root, 'fixtures/opa/seed-lines'), join(folder, 'logs'), {
    recursive: true,
    filter: (path) => !/expected|case/.test(path),
  });
  const sources = [{ name: 'decisions', type: 'opa', location: './logs' }];
  writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify({ warehouse: './warehouse', sources }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  examples.forEach((code, i) => {
    writeFileSync(join(folder, `example-${i}.ts`), code);
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('examples of docs/library.md', () => {
  test('compile', async () => {
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        paths: { 'audit-warehouse': [join(root, 'src/index.ts')] },
        typeRoots: [join(root, 'node_modules/@types')],
        noUnusedLocals: true,
      },
      include: ['example-*.ts', join(root, 'src/**/*.d.ts')],
      exclude: [join(root, 'src/kernel/assembly')],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).catch((error) => error);
    expect(stdout).toBe('');
  });

  test('run and print what they promise', async () => {
    expect(examples).toHaveLength(outputs.length);
    for (const [i, output] of outputs.entries()) {
      const { stdout } = await run(process.execPath, [join(folder, `example-${i}.ts`)], { cwd: folder });
      expect(stdout, `example ${i + 1}`).toMatch(output);
    }
  });
});
