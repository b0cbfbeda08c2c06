/** What a job tells about itself while it runs; totals are null while the listing still goes on. */
export interface Progress {
  readonly phase: 'listing' | 'ingesting' | 'waiting' | 'done';
  readonly objectsDone: number;
  readonly objectsTotal: number | null;
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
  readonly rows: number;
  readonly message?: string;
}

export interface ProgressSink {
  update(progress: Progress): void;
}
