/** The computed column of decisions, on the fast path. */
import { type ComputedColumn, Field } from '../../records/scan/fields.ts';

export const opaComputed: readonly ComputedColumn[] = [
  { column: 'client_ip_key', from: 'client_ip', field: Field.ipKey },
];
