/** The YAML file as data, and the line where each of its keys stands. */
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
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

/** Throws ConfigError where the text is no YAML mapping, or says a key twice. */
export function readDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => ({
        key: '',
        message: error.message,
        origin: `${file}:${lines.linePos(error.pos[0]).line}`,
      })),
    );
  }
  if (!isMap(document.contents)) {
    throw new ConfigError([
      { key: '', message: 'is not a YAML mapping with the keys warehouse and sources', origin: file },
    ]);
  }
  const root = document.contents as Node;
  return {
    data: document.toJS() as Record<string, unknown>,
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
