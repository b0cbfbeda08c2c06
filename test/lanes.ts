/**
 * The lanes of the tests: `unit` and `crash` need nothing but Node.js and end in a few minutes; `e2e` has everything
 * that needs the rig (S3, Glue, SQS, Trino, Python, Chromium), the npm registry or whole runs of the program. A test file
 * is in the lane of its folder; one that reaches the rig, through whatever helper, is in `e2e` wherever it stands.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = join(import.meta.dirname, '..');
const rig = 'test/support/rig.ts';
const crash = /^test\/crash\//;
const endToEnd = /^test\/(e2e|package|deploy|library|third-source)\//;

export function lanes(): { unit: string[]; crash: string[]; e2e: string[] } {
  const reaches = new Map<string, boolean>();
  const reachesRig = (file: string): boolean => {
    if (file === rig) return true;
    const known = reaches.get(file);
    if (known !== undefined) return known;
    // Also what a circle of helpers is answered with.
    reaches.set(file, false);
    const found = importsOf(file).some(reachesRig);
    reaches.set(file, found);
    return found;
  };
  const files = globSync('test/**/*.test.ts', { cwd: root }).sort();
  const e2e = files.filter((file) => endToEnd.test(file) || reachesRig(file));
  const rest = files.filter((file) => !e2e.includes(file));
  return { unit: rest.filter((file) => !crash.test(file)), crash: rest.filter((file) => crash.test(file)), e2e };
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
