/**
 * Bundles src, with the packages that are JavaScript only, into the folder given: a start spends most of its time looking for
 * modules. Names stay, so that stack traces can be read. What is native, or looks for files of its own beside itself, stays outside.
 * Adds the licences of what went in and, of the declarations in the second folder, those that the library's own refer to.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');
const [folder, types] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: scripts/build.ts FOLDER [DECLARATIONS]');

const outside = [/^@duckdb\//, /^parquetjs-lite/];

const entries = ['main.ts', 'index.ts', 'lambda.ts', 'ingest-thread.ts'];

/**
 * Modules that are loaded together. What all of a set need becomes one file, and what several sets share becomes one for those sets;
 * the rest is divided by who imports it, so that a command loads little beyond its own.
 */
const together: Readonly<Record<string, readonly string[]>> = {
  help: ['main.ts'],
  thread: ['ingest-thread.ts', 'parquet/write/encoder.ts'],
  run: [
    'commands/shared/setup.ts',
    'commands/shared/progress.ts',
    'commands/shared/render-backfill.ts',
    'wire.ts',
    'catalog/file/catalog.ts',
    'ingest/ingester.ts',
    'jobs/backfill/backfill.ts',
  ],
  query: ['queries/command.ts', 'queries/computed.ts', 'engines/duckdb/engine.ts'],
  s3: ['store/s3.ts'],
};

/** The sets that need each module. */
const setsOf = new Map<string, string[]>();
const sets: Plugin = {
  name: 'sets',
  buildEnd() {
    const importsOf = (id: string): readonly string[] => this.getModuleInfo(id)?.importedIds ?? [];
    const reached = (starts: readonly string[]): Set<string> => {
      const found = new Set<string>();
      const visit = (id: string): void => {
        if (found.has(id)) return;
        found.add(id);
        importsOf(id).forEach(visit);
      };
      starts.forEach(visit);
      return found;
    };
    const known = new Map<string, boolean>();
    const needsOutside = (id: string): boolean => {
      const needs = known.get(id) ?? [...reached([id])].some((below) => outside.some((pattern) => pattern.test(below)));
      known.set(id, needs);
      return needs;
    };
    for (const [name, modules] of Object.entries(together)) {
      const starts = modules.map((module) => join(src, module));
      const missing = starts.find((id) => this.getModuleInfo(id) === null);
      if (missing !== undefined) throw new Error(`there is no module ${missing}`);
      for (const id of reached(starts)) {
        // What waits for the program to end must not be in a file that the program waits for.
        if (entries.some((entry) => id === join(src, entry))) continue;
        // Nor may a module that needs no package from outside be in a file that loads one.
        if (needsOutside(id)) continue;
        setsOf.set(id, [...(setsOf.get(id) ?? []), name]);
      }
    }
  },
};

/** Modules look for files of the package from where they would be without a bundle. */
const places: Plugin = {
  name: 'places',
  transform(code, id) {
    if (!id.startsWith(src) || !code.includes('import.meta.url')) return null;
    const place = relative(src, id).replace(/\.ts$/, '.js');
    return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`);
  },
};

/** A file of ASCII alone is held at a byte a character, and parsed faster. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, files) {
    for (const file of Object.values(files)) if (file.type === 'chunk') file.code = escaped(file.code);
  },
};

const escaped = (code: string): string =>
  code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** As text it is parsed once it is needed, and faster than code. */
const json: Plugin = {
  name: 'json',
  transform(code, id) {
    if (!id.endsWith('.json') || id.includes('/node_modules/')) return null;
    return {
      code: `export default JSON.parse(${JSON.stringify(JSON.stringify(JSON.parse(code)))});`,
      moduleType: 'js',
    };
  },
};

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(entries.map((entry) => [entry.replace('.ts', ''), join(src, entry)])),
  platform: 'node',
  external: outside,
  preserveEntrySignatures: 'allow-extension',
  plugins: [sets, places, json, ascii],
  checks: { preferBuiltinFeature: false, ineffectiveDynamicImport: false },
});
const { output } = await bundle.write({
  dir: folder,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  comments: false,
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [{ name: (id) => setsOf.get(id)?.join('-') ?? null, debugName: 'sets' }],
  },
});
await bundle.close();

const chunks = output.filter((file): file is OutputChunk => file.type === 'chunk');
writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), notices(chunks.flatMap(({ moduleIds }) => moduleIds)));
if (types !== undefined) copyDeclarations('index.d.ts', types);

/** Name, version and licence of each package that has one of the modules, with the texts that came with it. */
function notices(modules: readonly string[]): string {
  const packages = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []));
  const described = [...packages].map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const texts = readdirSync(path)
      .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
      .sort()
      .map((file) => readFileSync(join(path, file), 'utf8').trim());
    return [`${name} ${version} (${license})`, ...texts].join('\n\n');
  });
  const rule = `\n\n${'-'.repeat(80)}\n\n`;
  return `The files beside this one have code of these packages in them.${rule}${described.sort().join(rule)}\n`;
}

/** The declarations of a module, and what they refer to. */
function copyDeclarations(path: string, from: string, done = new Set<string>()): void {
  if (done.has(path)) return;
  done.add(path);
  // Those that were written by hand are no output of the compiler.
  const file = [from, src].map((place) => join(place, path)).find((one) => existsSync(one));
  if (file === undefined) throw new Error(`no declarations at ${path}`);
  mkdirSync(join(folder!, dirname(path)), { recursive: true });
  copyFileSync(file, join(folder!, path));
  for (const [, to] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport\(|\bimport) ?['"](\.[^'"]+)['"]/g))
    copyDeclarations(join(dirname(path), to!).replace(/(\.d)?\.ts$/, '.d.ts'), from, done);
}
