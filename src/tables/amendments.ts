import type { TableDeclaration } from './declaration.ts';

export const amendmentOperations = ['compact', 'replay', 'erase', 'retention', 'again', 'accept', 'lost'] as const;

/**
 * The written record of rows that left a table, or came into it, on purpose and outside of ingest: duplicates dropped by
 * compaction, quarantined records that became rows, erased subjects, days past their retention, changes by other engines that were accepted, files that were lost. With the ledger it
 * accounts for every row: rows of an object in a table = what the ledger says was ingested + the amendments.
 */
export const amendments: TableDeclaration = {
  name: 'amendments',
  description: 'What was taken out of or put into tables on purpose after ingest, by object, with the reason.',
  columns: [
    { name: 'ymd', type: 'string', description: 'UTC day of the amendment.', required: true },
    { name: 'amended_at', type: 'timestamp', description: 'When it was made.', required: true },
    { name: 'amendment', type: 'string', description: 'Id, as in the summary of the snapshot.', required: true },
    {
      name: 'operation',
      type: 'string',
      description:
        'compact: duplicates dropped; replay: quarantine again; erase: a subject; retention: old days; again: what these had changed of an object that was read again; accept: a difference that verify had found and somebody accepted; lost: rows that were in files that are gone.',
      required: true,
      values: amendmentOperations,
    },
    { name: 'table_name', type: 'string', description: 'The table whose rows changed.', required: true },
    {
      name: 'source_uri',
      type: 'string',
      description: 'The object that the rows came from; empty in a table whose rows come from many.',
      required: true,
    },
    { name: 'rows', type: 'long', description: 'Rows added; below zero: removed.', required: true },
    { name: 'detail', type: 'string', description: 'Why: the day, the reason, a digest of the erased subject.' },
    { name: 'made_by', type: 'string', description: 'Who accepted the difference.' },
    {
      name: 'row_offset',
      type: 'long',
      description: 'Where in the object the record of one row stands, where the row itself was accepted.',
    },
    {
      name: 'row_digest',
      type: 'string',
      description: 'The digest of that row, in hex; null where it was accepted that the record is in no row.',
    },
    {
      name: 'places',
      type: { list: 'string' },
      description:
        'erase: where the records stood in the object and when they happened, so that they stay out when it is read again: offset and microseconds since 1970.',
    },
  ],
  sortedBy: ['table_name', 'source_uri'],
  bloomColumns: [],
  fullBounds: ['source_uri'],
  provenance: [],
};
