import type { TableDeclaration } from './declaration.ts';

/**
 * Which numbers of each producer have arrived. A producer that numbers what it does, as OPA numbers its HTTP requests,
 * lets the warehouse say which of it never came.
 *
 * What the table means is the union of its rows: a row adds numbers to those of its instance and day, and adding them
 * twice changes nothing. So it does not matter how often an object is read, and `compact` may merge rows at any time.
 */
export const sequences: TableDeclaration = {
  name: 'sequences',
  description:
    'Which request numbers have arrived, by instance and day, and what others were used for. Its rows together say it: the same number may be in several.',
  columns: [
    { name: 'ymd', type: 'string', description: 'UTC day of the records.', required: true },
    { name: 'source', type: 'string', description: 'Name of the source in the configuration.', required: true },
    {
      name: 'instance_key',
      type: 'long',
      description: 'The first six bytes of the SHA-256 of instance_id, to group by; 0 where there is none.',
      required: true,
    },
    {
      name: 'kind',
      type: 'string',
      description:
        'What the numbers are of. decision: rows of the table of decisions; quarantined: records in quarantine that tell their number. What the log of the instance itself says: answered: requests for a decision that were answered, and whose decisions did not come in the same batch; health, metrics, other: requests that decide nothing.',
      required: true,
      values: ['decision', 'quarantined', 'answered', 'health', 'metrics', 'other'],
    },
    {
      name: 'first',
      type: 'long',
      description: 'Smallest number; null for records without a number, or of no instance.',
    },
    { name: 'count', type: 'long', description: 'Distinct numbers; 0 where first is null.', required: true },
    {
      name: 'gaps',
      type: { list: 'long' },
      description:
        'Ranges between first and last that are not in the set, in order: start, length, start, length, … null: there are none.',
    },
    { name: 'last', type: 'long', description: 'Largest number; null where first is.' },
    { name: 'first_time', type: 'timestamp', description: 'Time of the earliest record.', required: true },
    { name: 'last_time', type: 'timestamp', description: 'Time of the latest record.', required: true },
    { name: 'batch', type: 'string', description: 'Batch that added the row; null after compaction.' },
    { name: 'instance_id', type: 'string', description: 'The process that counts, as it names itself.' },
  ],
  sortedBy: ['instance_key', 'kind', 'first'],
  bloomColumns: [],
  fullBounds: ['source'],
  provenance: [],
};
