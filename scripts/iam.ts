/**
 * Writes the policies of docs/iam, and the same for the Terraform module, from the one declaration of who calls what
 * (src/iam/calls.ts). `--check`: writes nothing, exits 1 where a file differs from what would be written.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jobNames } from '../src/iam/calls.ts';
import { placeholders, policyFor } from '../src/iam/policy.ts';

const root = join(import.meta.dirname, '..');
const biome = join(root, 'node_modules/.bin/biome');
const formatted = (json: string): string =>
  execFileSync(biome, ['format', '--stdin-file-path=policy.json'], { cwd: root, input: json, encoding: 'utf8' });

for (const job of jobNames) {
  const text = formatted(JSON.stringify(policyFor(job, placeholders), null, 2));
  for (const folder of ['docs/iam', 'deploy/terraform/modules/policies']) {
    const file = join(root, folder, `${job}.json`);
    if (!process.argv.includes('--check')) {
      mkdirSync(join(root, folder), { recursive: true });
      writeFileSync(file, text);
    } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
      console.error(`${folder}/${job}.json does not match the calls of the job: run scripts/iam`);
      process.exitCode = 1;
    }
  }
}
