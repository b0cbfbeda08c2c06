import { describe, expect, test } from 'vitest';
import { catalogs, openCatalog } from '../src/catalog/index.ts';
import { catalogTypes } from '../src/config/catalogs.ts';
import type { Config } from '../src/config/config.ts';
import { engineNames, openEngine, openWritingEngine } from '../src/engines/index.ts';
import { MemoryStore } from '../src/store/memory.ts';

/** Names that reach a registry from a program that is not held by the compiler. */
const unknown = 'clickhouse' as never;

describe('a name that no registry has', () => {
  test('of an engine is an error that names the engines there are', () => {
    expect(() => openEngine(unknown, {} as never)).toThrow('no engine clickhouse; there are: duckdb, trino, athena');
    expect(() => openEngine('constructor' as never, {} as never)).toThrow('no engine constructor');
    expect(engineNames).toEqual(['duckdb', 'trino', 'athena']);
  });

  test('of an engine that changes tables is an error that names those that can', () => {
    expect(() => openWritingEngine('duckdb' as never, {} as never)).toThrow(
      'no engine duckdb; there are: trino, athena',
    );
  });

  test('of a catalog is an error that names the catalogs there are', async () => {
    const context = { store: new MemoryStore(), warehouse: 'memory://warehouse' };
    const config: Config['catalog'] = { type: unknown };
    await expect(openCatalog(config, context)).rejects.toThrow(
      'no catalog of type clickhouse; there are: file, glue, rest',
    );
    expect(Object.keys(catalogs)).toEqual([...catalogTypes]);
  });
});
