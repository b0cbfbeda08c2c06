import type { TableDeclaration } from './declaration.ts';

/** Records that could not become rows, each with the reason and its bytes: nothing that was read is lost. */
export const quarantine: TableDeclaration = {
  name: 'quarantine',
  description: 'Records that could not become rows of their table, with the reason and the payload.',
  columns: [
    {
      name: 'ymd',
      type: 'string',
      description: "Day of the record where its time can be read, else of the object's key, else of its last change.",
      required: true,
    },
    { name: 'reason', type: 'string', description: 'Code of the reason.', required: true },
    {
      name: 'pointer',
      type: 'string',
      description: 'JSON pointer (RFC 6901) to what is wrong; empty for the record itself.',
      required: true,
    },
    { name: 'detail', type: 'string', description: 'What was expected and what came.', required: true },
    {
      name: 'source_type',
      type: 'string',
      description: 'Type of the source, as the configuration names it.',
      required: true,
    },
    { name: 'source_uri', type: 'string', description: 'The object that the record stood in.', required: true },
    {
      name: 'source_offset',
      type: 'long',
      description: "Offset of the record's first byte in the object after decompression.",
      required: true,
    },
    {
      name: 'payload_encoding',
      type: 'string',
      description: 'utf-8 or base64.',
      required: true,
      values: ['utf-8', 'base64'],
    },
    { name: 'payload_bytes', type: 'long', description: 'Size of the record in the object, in bytes.', required: true },
    {
      name: 'payload_truncated',
      type: 'boolean',
      description: 'Whether payload holds only the head of the record.',
      required: true,
    },
    {
      name: 'payload',
      type: 'string',
      description: 'The record as it stood: text, or base64 where it is not UTF-8; at most 64 KiB of it.',
      required: true,
    },
  ],
  sortedBy: ['source_uri', 'source_offset'],
  bloomColumns: [],
  fullBounds: ['source_uri'],
  // Of a record whose time cannot be read, the day is that of its object, which changes as the object grows.
  provenance: ['ymd', 'source_uri', 'source_offset'],
};
