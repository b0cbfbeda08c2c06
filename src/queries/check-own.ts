/** Whether the questions of the configuration can be asked of its tables: without a warehouse, by the tables as they are declared. */
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/errors.ts';
import { checkStatement } from '../engines/index.ts';
import { newTableMetadata } from '../iceberg/schema.ts';
import { configuredSource } from '../sources/index.ts';
import { createSideSource } from '../sources/side.ts';
import { QueryError } from '../sql/parameter.ts';
import { amendments } from '../tables/amendments.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import { quarantine } from '../tables/quarantine.ts';
import { sequences } from '../tables/sequences.ts';
import { mentionedIn } from '../views/select.ts';
import type { Question } from './question.ts';
import { ask } from './questions.ts';

/** Throws ConfigError naming the question whose SQL names what is not there. */
export async function checkOwnQuestions(config: Config, questions: readonly Question[]): Promise<void> {
  if (questions.length === 0) return;
  const declared = declaredTables(config).map((declaration) => ({
    name: declaration.name,
    metadata: newTableMetadata({ uuid: '', location: '', declaration, nowMs: 0 }),
  }));
  const names = declared.map(({ name }) => name);
  for (const question of questions) {
    const { name, parameters } = question;
    for (const given of [parameters.filter(({ required }) => required), parameters]) {
      const request = ask(question, new Map(given.map((one) => [one.name, one.example])), { now: 0 });
      const mentioned = mentionedIn(request.sql, { tables: names, stewards: config.stewards });
      const tables = declared.filter((table) => mentioned.tables.includes(table.name));
      try {
        await checkStatement(request, { tables, views: mentioned.views, user: '' });
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        throw new ConfigError([
          { key: `question ${name}`, message: error.message.split('\n\n')[0]!, origin: 'queries' },
        ]);
      }
    }
  }
}

/** All that the sources of the configuration fill, and those that every warehouse has. */
export function declaredTables(config: Config): TableDeclaration[] {
  const tables = [
    ...config.sources.map((source) => configuredSource(source, config.limits).table),
    ...config.sideSources.flatMap((source) => createSideSource(source).tables.map(({ declaration }) => declaration)),
    ...[quarantine, ingestedObjects, amendments, sequences],
  ];
  const byName = new Map<string, TableDeclaration>();
  for (const table of tables) {
    const before = byName.get(table.name);
    const known = new Set(before?.columns.map(({ name }) => name));
    const columns = [...(before?.columns ?? []), ...table.columns.filter(({ name }) => !known.has(name))];
    byName.set(table.name, { ...table, columns });
  }
  return [...byName.values()];
}
