import type { TableDeclaration } from './declaration.ts';

/** The ledger: which object was claimed by which batch, and what came of it. One row a claim of an object. */
export const ingestedObjects: TableDeclaration = {
  name: 'ingested_objects',
  description: 'Ledger of the objects that were read: each by URI and ETag, with the batch, its state and the counts.',
  columns: [
    { name: 'ymd', type: 'string', description: 'UTC day of the claim.', required: true },
    { name: 'uri', type: 'string', description: 'The object.', required: true },
    { name: 'etag', type: 'string', description: 'ETag of the content that was read.', required: true },
    { name: 'size', type: 'long', description: 'Stored size in bytes.', required: true },
    { name: 'last_modified', type: 'timestamp', description: 'When the store says that the object last changed.' },
    { name: 'source', type: 'string', description: 'Name of the source in the configuration.', required: true },
    { name: 'source_type', type: 'string', description: 'Type of the source.', required: true },
    { name: 'batch', type: 'string', description: 'Id of the batch that the object belongs to.', required: true },
    {
      name: 'state',
      type: 'string',
      description: 'claimed: being ingested; committed: its rows are visible.',
      required: true,
      values: ['claimed', 'committed'],
    },
    { name: 'owner', type: 'string', description: 'The run that holds or held the claim.' },
    { name: 'claimed_at', type: 'timestamp', description: 'When the claim was made.' },
    { name: 'claimed_until', type: 'timestamp', description: 'When the claim ends and another run may redo it.' },
    { name: 'committed_at', type: 'timestamp', description: 'When the batch was committed.' },
    {
      name: 'again',
      type: 'string',
      description: 'Id of the run of backfill --again that read the object last; null where none did.',
    },
    {
      name: 'first_committed_at',
      type: 'timestamp',
      description: 'When this version of the object first was committed, where it has been read again since.',
    },
    { name: 'records', type: 'long', description: 'Records read: rows + quarantined + skipped + duplicates.' },
    { name: 'rows', type: 'long', description: 'Records that became rows.' },
    { name: 'quarantined', type: 'long', description: 'Records that went to quarantine.' },
    { name: 'skipped', type: 'long', description: "Lines of other programs and of OPA's own log, skipped." },
    {
      name: 'request_lines',
      type: 'long',
      description:
        'Of the skipped lines: those in which OPA says that it received a request. null before these were counted.',
    },
    {
      name: 'response_lines',
      type: 'long',
      description:
        'Of the skipped lines: those in which OPA says that it answered one. null before these were counted.',
    },
    { name: 'duplicates', type: 'long', description: 'Records that were there already.' },
    {
      name: 'mapping',
      type: 'string',
      description: 'Digest of the shape and fields that its rows were written with; null before these were recorded.',
    },
    { name: 'bytes_decompressed', type: 'long', description: 'Size after decompression, in bytes.' },
    { name: 'min_event_time', type: 'timestamp', description: 'Time of the earliest row.' },
    { name: 'max_event_time', type: 'timestamp', description: 'Time of the latest row.' },
  ],
  sortedBy: ['uri'],
  bloomColumns: [],
  // Sources and mappings by whole values, so that bounds tell whose rows a file has (ledger/other-mappings.ts).
  fullBounds: ['uri', 'source', 'mapping'],
  provenance: [],
};
