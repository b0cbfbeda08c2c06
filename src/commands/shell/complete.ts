/** What the tab key offers: commands, questions and their parameters, tables, views and their columns, words of SQL. */
import type { Question } from '../../queries/question.ts';
import { compareText } from '../../text/order.ts';
import { isHidden } from '../../text/printable.ts';
import { answerFormats } from '../shared/render-answer.ts';
import type { Relation } from './names.ts';

export interface Offered {
  readonly commands: readonly string[];
  readonly questions: readonly Question[];
  readonly relations: readonly Relation[];
}

/** Those that a statement starts with. */
const starters = ['select', 'from', 'with', 'show tables', 'describe', 'summarize', 'explain'];
const words =
  'select from where group by order limit offset having join left using on as and or not in between like ilike is null distinct count sum min max avg case when then else end union all except intersect with over partition desc asc true false timestamp interval cast'.split(
    ' ',
  );

/** As readline wants it: what can stand in place of the end of the line, and that end. `before` are earlier lines of the statement. */
export function complete(line: string, before: string, offered: Offered): [string[], string] {
  const { commands, questions, relations } = offered;
  const isFirst = before.trim() === '';
  const [first = '', ...others] = line.trimStart().split(/\s+/);
  const last = others.at(-1) ?? first;
  if (isFirst && line.trimStart().startsWith('.')) {
    if (others.length === 0) return matching(commands, first);
    if (first === '.inspect')
      return matching(
        relations.map(({ name }) => name),
        last,
      );
    if (first === '.format') return matching(answerFormats, last);
    return first === '.questions'
      ? matching(
          questions.map(({ name }) => name),
          last,
        )
      : [[], last];
  }
  const question = isFirst && others.length > 0 ? questions.find(({ name }) => name === first) : undefined;
  if (question !== undefined) {
    const taken = new Set(others.slice(0, -1).map((word) => word.split('=')[0]!));
    const free = question.parameters.filter(({ name }) => !taken.has(name)).map(({ name }) => `${name}=`);
    return matching([...free, '--from', '--to', '--last', '--tz'], last);
  }
  const word = /[\w$.-]*$/.exec(line)![0];
  if (isFirst && others.length === 0)
    return matching([...starters, ...questions.map(({ name }) => name)], word, /^[A-Z]/.test(word));
  const dot = word.lastIndexOf('.');
  const statement = `${before}\n${line}`.toLowerCase();
  const mentioned = relations.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(statement));
  if (dot >= 0) {
    // Of the table, or of all where it is an alias.
    const named = relations.filter(({ name }) => name === word.slice(0, dot));
    const columns = columnsOf(named.length > 0 ? named : mentioned);
    const [hits, part] = matching(columns, word.slice(dot + 1));
    return [hits, part];
  }
  const columns = columnsOf(mentioned.length > 0 ? mentioned : relations);
  const keyword = matching(words, word, /^[A-Z]/.test(word))[0];
  const named = matching([...relations.map(({ name }) => name), ...columns], word)[0];
  return [[...new Set([...named, ...keyword])], word];
}

const columnsOf = (relations: readonly Relation[]): string[] => [
  ...new Set(relations.flatMap(({ columns }) => columns.map(({ name }) => name))),
];

/** Names that act on a terminal are not offered. */
function matching(names: readonly string[], start: string, upper = false): [string[], string] {
  const wanted = start.toLowerCase();
  const hits = names.filter((name) => name.toLowerCase().startsWith(wanted) && !isHidden.test(name));
  return [hits.map((name) => (upper ? name.toUpperCase() : name)).sort(compareText), start];
}
