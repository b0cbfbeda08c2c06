/** What a verification can find, each kind declared once with its meaning. */

export const differenceKinds = {
  'object-not-ingested': 'an object of a source has no entry in the ledger',
  'object-changed': 'an object has another ETag than those that were ingested of it',
  'batch-abandoned': 'a batch was claimed, its run is gone or late, and no run has finished it',
  'amendment-open': 'a compaction, replay, erasure or retention was interrupted and not finished',
  'ledger-duplicate': 'the ledger has one version of an object twice',
  'ledger-counts': 'records of an object do not add up: rows + quarantined + skipped + duplicates',
  'rows-missing': 'a table holds fewer rows of an object than the ledger and the amendments say',
  'rows-unexpected': 'a table holds more rows of an object than the ledger and the amendments say',
  'file-missing': 'a file of the current snapshot is not there',
  'file-size': 'a file has another size than its manifest says',
  'file-unreadable': 'a file cannot be read as Parquet',
  'file-rows': 'a file has another number of rows than its manifest says',
  'file-bounds': 'values of a file lie outside of the bounds of its manifest, so queries would miss them',
  'table-unreadable':
    'metadata or manifests of a table cannot be read, or not as the configuration declares it, so nothing of it was checked',
  'catalog-behind': 'the catalog points to metadata that was replaced by newer commits',
  'table-elsewhere':
    'a table names files outside of the warehouse: it is a copy of another one, to which nothing is written, or another engine has added files that are elsewhere',
  'table-unregistered': 'metadata of a table is in the warehouse, and the catalog does not know the table',
  'duplicate-identity': 'a compacted day holds the same record twice',
  'rows-lost':
    'rows of an object went with data files that are gone: verify --repair reads it again, unless its source no longer has it',
  'replay-lost':
    'a replay took records out of quarantine that became no rows, as versions did that dropped lines of others',
  'content-differs': 'rows of an object are not what reading it again gives',
} as const;

export type DifferenceKind = keyof typeof differenceKinds;

export interface Difference {
  readonly kind: DifferenceKind;
  readonly table?: string;
  /** The object, data file or metadata file that it is about. */
  readonly uri?: string;
  readonly batch?: string;
  readonly expected?: string | number;
  readonly found?: string | number;
  /** Of `content-differs`: the first ten records. */
  readonly records?: readonly DifferingRecord[];
  /** What makes it concrete, for people. Never a record or a part of one. */
  readonly detail?: string;
}

export interface DifferingRecord {
  /** Of the record in the object, after decompression. */
  readonly offset: number;
  /** Where table and object have different values. */
  readonly columns?: readonly string[];
}

/** Holds differences up to a number, and counts the rest, so that a warehouse gone altogether is reported in bounded memory. */
export class Differences {
  readonly #most: number;
  readonly list: Difference[] = [];
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(difference: Difference): void {
    this.#total++;
    if (this.list.length < this.#most) this.list.push(difference);
  }

  get total(): number {
    return this.#total;
  }
}
