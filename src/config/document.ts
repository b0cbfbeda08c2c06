/** The YAML file as data, and the line where each of its keys stands. */
import {
  Composer,
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type ParsedNode,
  Parser,
  visit,
} from 'yaml';
import type { KeyPath } from './check.ts';
import { ConfigError } from './errors.ts';

export interface ConfigDocument {
  readonly data: Record<string, unknown>;
  /** 1-based line of the key, or of the nearest key above it that exists. */
  lineOf(path: KeyPath): number | undefined;
}

/** A document that a program gives: it has no lines. */
export const givenDocument = (data: object): ConfigDocument => ({
  data: structuredClone(data) as Record<string, unknown>,
  lineOf: () => undefined,
});

/** Far more than a configuration needs; what is parsed in more than linear time stays short at this size. */
export const mostDocumentBytes = 256 << 10;
/** Levels of groups and lists; a configuration has about ten. */
const mostLevels = 64;
/** How often aliases may be put in, counting those inside of others. */
const mostAliases = 1000;

/**
 * Throws ConfigError where the text is no YAML mapping, says a key twice, or would take more than its size should:
 * nested beyond measure, or aliases that multiply.
 */
export function readDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const at = (offset: number): string => `${file}:${lines.linePos(offset).line}`;
  // Its own check for unique keys compares each with each.
  const composer = new Composer<ParsedNode>({ uniqueKeys: false });
  const [document, another] = composer
    .compose(tokensOf(text, file, lines), true, text.length)
    .take(2)
    .toArray();
  const errors = document!.errors.map(({ message, pos: [offset] }) => ({ message, offset }));
  if (another !== undefined) {
    const message = 'the file has several documents: a configuration is one';
    errors.push({ message, offset: another.range[0] });
  }
  if (errors.length === 0) errors.push(...repeatedKeys(document!));
  if (errors.length > 0) {
    throw new ConfigError(errors.map(({ message, offset }) => ({ key: '', message, origin: at(offset) })));
  }
  if (!isMap(document!.contents)) {
    throw new ConfigError([
      { key: '', message: 'is not a YAML mapping with the keys warehouse and sources', origin: file },
    ]);
  }
  const root = document!.contents as Node;
  return {
    data: resolved(document!, file),
    lineOf(path) {
      let node: unknown = root;
      let at = 0;
      for (const part of path) {
        if (isMap(node)) {
          const pair = node.items.find(
            (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
          );
          if (!pair) break;
          at = (pair.key as Node).range?.[0] ?? at;
          node = pair.value;
        } else if (isSeq(node)) {
          const item = node.items[Number(part)] as Node | undefined;
          if (!item) break;
          at = item.range?.[0] ?? at;
          node = item;
        } else break;
      }
      return lines.linePos(at).line;
    },
  };
}

/** The parser keeps what it is in on a stack of its own; composing and everything after recurse. */
function* tokensOf(text: string, file: string, lines: LineCounter): ReturnType<Parser['parse']> {
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length <= mostLevels) continue;
    const origin = `${file}:${lines.linePos(parser.offset).line}`;
    throw new ConfigError([{ key: '', message: `is nested deeper than ${mostLevels} levels`, origin }]);
  }
  yield* parser.end();
}

function repeatedKeys(document: Document): { message: string; offset: number }[] {
  const found: { message: string; offset: number }[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name))
          found.push({ message: `keys must be unique: ${name} is there twice`, offset: key.range?.[0] ?? 0 });
        seen.add(name);
      }
    },
  });
  return found;
}

function resolved(document: Document, file: string): Record<string, unknown> {
  try {
    return document.toJS({ maxAliasCount: mostAliases }) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const message = /excessive/i.test(error.message)
      ? `its aliases stand for more than ${mostAliases} values: write the values out`
      : error.message;
    throw new ConfigError([{ key: '', message, origin: file }], { cause: error });
  }
}
