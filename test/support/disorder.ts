/** What a store without order may make of a listing: pages the wrong way round, keys again at the edges of pages. */
import type { ObjectInfo } from '../../src/store/store.ts';

/** Pages of so many keys, last page first, each beginning with the last key of the page that came before it. */
export function disordered(objects: readonly ObjectInfo[], pageKeys = 7): ObjectInfo[] {
  const pages: ObjectInfo[][] = [];
  for (let at = 0; at < objects.length; at += pageKeys) pages.unshift(objects.slice(at, at + pageKeys));
  return pages.flatMap((page, i) => (i === 0 ? page : [pages[i - 1]!.at(-1)!, ...page]));
}

/** Shuffled by a hash of the key, so that every listing has the same order, which is none. */
export function shuffled(objects: readonly ObjectInfo[]): ObjectInfo[] {
  const rank = (text: string): number => {
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
    return hash >>> 0;
  };
  return objects
    .map((object) => ({ object, rank: rank(object.uri) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ object }) => object);
}
