import type { AvroSchema } from './avro.ts';

/**
 * The Avro schemas of manifests and manifest lists of format version 2 (Iceberg spec, "Manifests", "Manifest Lists",
 * Appendix A "Avro"): field ids as the spec numbers them, record names as its Java implementation gives them.
 */
type Field = { readonly [attribute: string]: unknown };

const required = (id: number, name: string, type: AvroSchema): Field => ({ name, type, 'field-id': id });
const optional = (id: number, name: string, type: AvroSchema): Field => ({
  name,
  type: ['null', type],
  default: null,
  'field-id': id,
});

/** Maps with int keys are arrays of key-value records (Appendix A). */
const intMap = (keyId: number, valueId: number, value: AvroSchema): AvroSchema => ({
  type: 'array',
  logicalType: 'map',
  items: {
    type: 'record',
    name: `k${keyId}_v${valueId}`,
    fields: [required(keyId, 'key', 'int'), required(valueId, 'value', value)],
  },
});
const list = (elementId: number, items: AvroSchema): AvroSchema => ({ type: 'array', items, 'element-id': elementId });

/** The partition tuple of tables that are partitioned by identity of one string column. */
export const stringPartition = (fieldId: number, name: string): AvroSchema => ({
  type: 'record',
  name: 'r102',
  fields: [optional(fieldId, name, 'string')],
});

/** `partition` is the record of the partition tuple, which depends on the partition spec. */
export const manifestEntrySchema = (partition: AvroSchema): AvroSchema => ({
  type: 'record',
  name: 'manifest_entry',
  fields: [
    required(0, 'status', 'int'),
    optional(1, 'snapshot_id', 'long'),
    optional(3, 'sequence_number', 'long'),
    optional(4, 'file_sequence_number', 'long'),
    required(2, 'data_file', {
      type: 'record',
      name: 'r2',
      fields: [
        required(134, 'content', 'int'),
        required(100, 'file_path', 'string'),
        required(101, 'file_format', 'string'),
        required(102, 'partition', partition),
        required(103, 'record_count', 'long'),
        required(104, 'file_size_in_bytes', 'long'),
        optional(108, 'column_sizes', intMap(117, 118, 'long')),
        optional(109, 'value_counts', intMap(119, 120, 'long')),
        optional(110, 'null_value_counts', intMap(121, 122, 'long')),
        optional(137, 'nan_value_counts', intMap(138, 139, 'long')),
        optional(125, 'lower_bounds', intMap(126, 127, 'bytes')),
        optional(128, 'upper_bounds', intMap(129, 130, 'bytes')),
        optional(131, 'key_metadata', 'bytes'),
        optional(132, 'split_offsets', list(133, 'long')),
        optional(135, 'equality_ids', list(136, 'int')),
        optional(140, 'sort_order_id', 'int'),
        optional(143, 'referenced_data_file', 'string'),
      ],
    }),
  ],
});

/** Where deletion vectors are (format version 3), in data_file. */
export const vectorFields: readonly Field[] = [
  optional(144, 'content_offset', 'long'),
  optional(145, 'content_size_in_bytes', 'long'),
];

export const fieldSummarySchema: AvroSchema = {
  type: 'record',
  name: 'r508',
  fields: [
    required(509, 'contains_null', 'boolean'),
    optional(518, 'contains_nan', 'boolean'),
    optional(510, 'lower_bound', 'bytes'),
    optional(511, 'upper_bound', 'bytes'),
  ],
};

export const manifestFileSchema: AvroSchema = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    required(500, 'manifest_path', 'string'),
    required(501, 'manifest_length', 'long'),
    required(502, 'partition_spec_id', 'int'),
    required(517, 'content', 'int'),
    required(515, 'sequence_number', 'long'),
    required(516, 'min_sequence_number', 'long'),
    required(503, 'added_snapshot_id', 'long'),
    required(504, 'added_files_count', 'int'),
    required(505, 'existing_files_count', 'int'),
    required(506, 'deleted_files_count', 'int'),
    required(512, 'added_rows_count', 'long'),
    required(513, 'existing_rows_count', 'long'),
    required(514, 'deleted_rows_count', 'long'),
    optional(507, 'partitions', list(508, fieldSummarySchema)),
    optional(519, 'key_metadata', 'bytes'),
  ],
};

/**
 * Finds the fields of a record by their ids, whatever another writer named them (`added_data_files_count` of old Java
 * writers); by the spec's name where the schema has no ids.
 */
export function fieldNames(
  record: AvroSchema,
  spec: AvroSchema,
  more: readonly Field[] = [],
): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const present = fieldsOf(record);
  for (const field of [...fieldsOf(spec), ...more]) {
    const id = field['field-id'] as number;
    const found =
      present.find((candidate) => candidate['field-id'] === id) ??
      present.find((candidate) => candidate['field-id'] === undefined && candidate.name === field.name);
    if (found !== undefined) names.set(id, found.name as string);
  }
  return names;
}

/** The schema of one field of a record, by field id or else by name, without the null of an optional one. */
export function fieldSchema(record: AvroSchema, id: number, name: string): AvroSchema | undefined {
  const fields = fieldsOf(record);
  const field =
    fields.find((candidate) => candidate['field-id'] === id) ?? fields.find((candidate) => candidate.name === name);
  const type = field?.type as AvroSchema | undefined;
  return Array.isArray(type) ? (type as AvroSchema[]).find((branch) => branch !== 'null') : type;
}

export const fieldsOf = (record: AvroSchema): readonly Field[] =>
  ((record as Field).fields as readonly Field[] | undefined) ?? [];
