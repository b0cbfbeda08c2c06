/** From where to where a warehouse goes: what its files are called now, and where they are. */
import { canonical, isWithin } from '../../store/places.ts';
import type { GetOptions, ListOptions, ObjectStore, PutOptions } from '../../store/store.ts';

export interface Move {
  /** Canonical, without trailing slash. */
  readonly from: string;
  readonly to: string;
}

/** The new name of a place of the old warehouse; itself where it is of the new one; undefined where it is of neither. */
export function moved(path: string, { from, to }: Move): string | undefined {
  const uri = canonical(path);
  const isNew = isWithin(uri, to);
  // One warehouse may lie inside the other: the longer name is meant.
  if (isBelow(uri, from) && (!isNew || from.length > to.length)) return to + uri.slice(from.length);
  return isNew ? uri : undefined;
}

const isBelow = (uri: string, folder: string): boolean => uri === folder || uri.startsWith(`${folder}/`);

/** Reads whatever the old warehouse has named from the new place, and never asks the old one. Writes go where they are told. */
export class MovedStore implements ObjectStore {
  readonly #store: ObjectStore;
  /** Known once the first table has been looked at, or given. */
  move: Move | undefined;

  constructor(store: ObjectStore, move?: Move) {
    this.#store = store;
    this.move = move;
  }

  list(prefix: string, options?: ListOptions) {
    return this.#store.list(prefix, options);
  }
  listFolders(prefix: string) {
    return this.#store.listFolders(prefix);
  }
  head(uri: string) {
    return this.#store.head(this.#at(uri));
  }
  get(uri: string, options?: GetOptions) {
    return this.#store.get(this.#at(uri), options);
  }
  put(uri: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions) {
    return this.#store.put(uri, body, options);
  }
  delete(uri: string) {
    return this.#store.delete(uri);
  }

  #at(uri: string): string {
    return (this.move && moved(uri, this.move)) ?? uri;
  }
}
