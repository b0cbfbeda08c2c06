/**
 * The SELECT of each view that the tables at hand allow. A view whose tables do not exist is left out; of one that puts
 * several together, the branch is.
 */
import { readFileSync } from 'node:fs';
import type { StewardConfig } from '../config/config.ts';
import { eventTables } from '../sources/registry.ts';
import { literal } from '../sql/literals.ts';
import { mentionedNames } from '../sql/mentioned-tables.ts';
import { identityTables } from '../tables/names.ts';
import { type ViewDeclaration, viewDeclarations } from './declarations.ts';

export interface View extends ViewDeclaration {
  /** A SELECT in Trino's dialect, without comments; tables and views by their bare names. */
  readonly sql: string;
}

export interface ViewOptions {
  /** Names of the tables that exist. */
  readonly tables: readonly string[];
  readonly stewards: readonly StewardConfig[];
}

/** What a statement can mean, and what that reads in turn. */
export interface Mentioned {
  readonly tables: readonly string[];
  /** Each comes after the views that it reads. */
  readonly views: readonly View[];
}

/** The tables and views that a statement can mean, and those that these views read. */
export function mentionedIn(sql: string, options: ViewOptions): Mentioned {
  const views = viewsOver(options);
  const known = [...options.tables, ...views.map((view) => view.name)];
  const wanted = new Set(mentionedNames(sql, known));
  for (const view of views.toReversed()) {
    if (wanted.has(view.name)) for (const name of mentionedNames(view.sql, known)) wanted.add(name);
  }
  return {
    tables: options.tables.filter((table) => wanted.has(table)),
    views: views.filter((view) => wanted.has(view.name)),
  };
}

/** In an order in which each view comes after those that it reads. A table of a view's name hides the view. */
export function viewsOver({ tables, stewards }: ViewOptions): View[] {
  const known = [...eventTables, ...identityTables, ...viewDeclarations.map((view) => view.name)];
  const present = new Set(tables);
  const rows = grantRows(stewards);
  const views: View[] = [];
  for (const declaration of viewDeclarations) {
    const { name, of } = declaration;
    if (present.has(name) || (of !== undefined && !present.has(of))) continue;
    const branches = sqlOf(declaration)
      .split('\nUNION ALL\n')
      .filter((branch) => mentionedNames(branch, known).every((read) => present.has(read)));
    if (branches.length === 0) continue;
    present.add(name);
    views.push({ ...declaration, sql: branches.join('\nUNION ALL\n').replaceAll('/* stewards */', () => rows) });
  }
  return views;
}

function sqlOf({ name, columns }: ViewDeclaration): string {
  const text = readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8');
  const names = Object.keys(columns);
  return text
    .replace(/^\s*--.*\n/gm, '')
    .replace(/\$columns(?:\((\w+)…\))?/g, (_, first: string = names[0]!) =>
      names.slice(names.indexOf(first)).map(identifier).join(',\n    '),
    )
    .trim();
}

/** Quoted, since `user` is a word of SQL. */
const identifier = (name: string): string => `"${name}"`;

/** VALUES needs a row and types: the first row is of nulls. */
function grantRows(stewards: readonly StewardConfig[]): string {
  const cell = (value: string | undefined): string => (value === undefined ? 'NULL' : literal(value));
  const nulls = '(CAST(NULL AS varchar), CAST(NULL AS varchar), CAST(NULL AS varchar))';
  const rows = stewards.flatMap(({ user, group, objects }) =>
    objects.map((object) => `(${cell(user)}, ${cell(group)}, ${cell(object.toLowerCase())})`),
  );
  return [nulls, ...rows].join(',\n    ');
}
