/**
 * The lanes of the tests: `unit` and `crash` need nothing but Node.js and end in a minute or two; `e2e` has everything
 * that needs the rig (S3, Glue, SQS, Trino, Python, Chromium), the npm registry or whole runs of the program. A test file
 * is in the lane of its folder; one that reaches the rig or runs the program, through whatever helper, is in
 * `e2e` wherever it stands.
 *
 * Files of `unit` and `crash` share their process, so that modules are loaded once and not once per file. Those that
 * change what they would share are `alone`: they replace modules, change the environment or use up the kernel's memory. So are
 * those that count records on the fast path: writers remember a number of unknown fields, and one file's records would leave no
 * room for those of another.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = join(import.meta.dirname, '..');
const outside = ['test/support/rig.ts', 'test/support/cli.ts'];
const countsFast = ['test/records/scan/both-paths.ts'];
const crash = /^test\/crash\//;
const changesProcess = /\bvi\.(mock|stubEnv)\(|\bprocess\.env\.\w+ =|\.certain\b|\ballocate\(|\bmemoryTop\(/;
const endToEnd = /^test\/(e2e|package|deploy|library|third-source)\//;

export function lanes(): { unit: string[]; alone: string[]; crash: string[]; e2e: string[] } {
  const files = globSync('test/**/*.test.ts', { cwd: root }).sort();
  const isOutside = reaching(outside);
  const e2e = files.filter((file) => endToEnd.test(file) || isOutside(file));
  const rest = files.filter((file) => !e2e.includes(file));
  const counts = reaching(countsFast);
  const alone = rest.filter((file) => counts(file) || changesProcess.test(readFileSync(join(root, file), 'utf8')));
  const shared = rest.filter((file) => !alone.includes(file));
  const isCrash = (file: string): boolean => crash.test(file);
  return { unit: shared.filter((file) => !isCrash(file)), alone, crash: shared.filter(isCrash), e2e };
}

/** Whether a file is one of these, or imports one, through whatever others. */
function reaching(targets: readonly string[]): (file: string) => boolean {
  const known = new Map<string, boolean>();
  const reaches = (file: string): boolean => {
    if (targets.includes(file)) return true;
    const before = known.get(file);
    if (before !== undefined) return before;
    // Also what a circle of helpers is answered with.
    known.set(file, false);
    const found = importsOf(file).some(reaches);
    known.set(file, found);
    return found;
  };
  return reaches;
}

/** Files below test/ that a file imports; types need nothing to run. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [
    ...text.matchAll(/^\s*(?:import|export)\s+(?!type\s)[^'"]*?['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/gm),
  ]
    .map(([, fixed, dynamic]) => normalize(join(dirname(file), (fixed ?? dynamic)!)))
    .filter((path) => path.startsWith('test/') && path.endsWith('.ts'));
}
