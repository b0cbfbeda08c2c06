/** The computed columns of Okera's audit records, on the fast path. */
import { type ComputedColumn, Field } from '../../records/scan/fields.ts';

export const okeraComputed: readonly ComputedColumn[] = [
  { column: 'request_id_prefix', from: 'request_id', field: Field.hexBefore },
  { column: 'request_id_postfix', from: 'request_id', field: Field.hexAfter },
  { column: 'start_time', from: 'start_unix_time', field: Field.millis },
  { column: 'end_time', from: 'end_unix_time', field: Field.millis },
  { column: 'client_ip', from: 'client_network_address', field: Field.ip },
  { column: 'client_ip_key', from: 'client_network_address', field: Field.ipKeyOfPair },
  { column: 'client_port', from: 'client_network_address', field: Field.port },
];
