/** The counters of a backfill: their names in the JSON report and what each counts, declared once for output and docs. */
export const backfillCounters = {
  objects: {
    listed: 'objects found at the sources, inside the range and prefix asked for',
    skipped: 'of these, committed by an earlier run and unchanged since, or being read by another run',
    committed: 'of these, read and committed by this run',
    failed: 'of these, not readable; each is named under failures and stays unclaimed',
    archived: 'of these, in an archive storage class such as GLACIER; not asked for, and read once they are restored',
  },
  records: {
    read: 'records read: the sum of the four below',
    rows: 'became one row of a table',
    quarantined: 'became one row of quarantine',
    skipped: 'lines of another program between console logs, counted and left out',
    duplicates: 'the same record again; kept once',
  },
  bytes: {
    read: 'stored bytes downloaded',
    decompressed: 'bytes after decompression',
    written: 'bytes of data files written',
  },
} as const;
