/** Asks Trino, counts the bytes, and compares rows. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CellValue, QueryEngine, QueryRequest } from '../../../src/engines/engine.ts';
import type { Question } from './scanned-questions.ts';

export interface Answer {
  /** Trino's physicalInputBytes. */
  readonly bytes: number;
  readonly seconds: number;
  /** One a row, sorted: what the two sides have to have in common. */
  readonly rows: readonly string[];
}

export async function answer(
  engine: QueryEngine,
  request: QueryRequest,
  { columns, json = [] }: Question,
): Promise<Answer> {
  const started = performance.now();
  const { columns: given, chunks, bytesScanned } = await engine.query(request);
  const places = columns.map((name) => {
    const place = given.findIndex((column) => column.name === name);
    if (place < 0) throw new Error(`no column ${name} in the answer to ${request.sql}`);
    return { place, parse: json.includes(name) };
  });
  const rows: string[] = [];
  for await (const chunk of chunks) {
    for (const row of chunk) {
      rows.push(
        JSON.stringify(
          places.map(({ place, parse }) => {
            const cell = row[place]!;
            return sorted(parse && typeof cell === 'string' ? JSON.parse(cell) : cell);
          }),
        ),
      );
    }
  }
  return { bytes: bytesScanned(), seconds: (performance.now() - started) / 1000, rows: rows.sort() };
}

/** With the members of objects in one order. */
function sorted(value: CellValue): CellValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, entry]) => [name, sorted(entry)]),
  );
}

/** The raw objects never change, so their answers are kept beside them: a look at another layout is spared the scans. */
export async function rawAnswer(engine: QueryEngine, folder: string, question: Question): Promise<Answer> {
  const key = createHash('sha256').update(`${question.raw}\n${question.columns}`).digest('hex').slice(0, 24);
  const file = join(folder, 'answers', `${key}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const fresh = await answer(engine, { sql: question.raw }, question);
  mkdirSync(join(folder, 'answers'), { recursive: true });
  writeFileSync(file, JSON.stringify(fresh));
  return fresh;
}

/** What differs, in words; undefined where nothing does. */
export function difference(raw: Answer, ours: Answer): string | undefined {
  const at = Array.from({ length: Math.max(raw.rows.length, ours.rows.length) }).findIndex(
    (_, i) => raw.rows[i] !== ours.rows[i],
  );
  if (at < 0) return undefined;
  return `${raw.rows.length} rows of the raw table, ${ours.rows.length} of ours; the first that differ: ${raw.rows[at]} and ${ours.rows[at]}`;
}
