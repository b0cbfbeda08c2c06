/** parquetjs-lite ships no types; these are the parts that parquetjs.ts uses. */
declare module 'parquetjs-lite' {
  import type { Writable } from 'node:stream';

  export interface FieldDefinition {
    type?: string;
    typeLength?: number;
    optional?: boolean;
    repeated?: boolean;
    compression?: string;
    statistics?: boolean;
    fields?: Record<string, FieldDefinition>;
  }

  class ParquetSchema {
    constructor(fields: Record<string, FieldDefinition>);
  }

  class ParquetWriter {
    static openStream(
      schema: ParquetSchema,
      stream: Writable,
      options: { rowGroupSize: number; pageSize: number; useDataPageV2: boolean; pageIndex: boolean },
    ): Promise<ParquetWriter>;
    readonly envelopeWriter: {
      readonly rowGroups: readonly {
        readonly columns: readonly {
          readonly meta_data: { readonly data_page_offset: number; readonly total_compressed_size: number };
        }[];
      }[];
    };
    appendRow(row: Record<string, unknown>): Promise<void>;
    close(): Promise<void>;
  }

  const parquet: { readonly ParquetSchema: typeof ParquetSchema; readonly ParquetWriter: typeof ParquetWriter };
  export default parquet;
}

declare module 'parquetjs-lite/gen-nodejs/parquet_types.js' {
  export class PageHeader {
    uncompressed_page_size: number;
    compressed_page_size: number;
  }
}

declare module 'parquetjs-lite/lib/util.js' {
  /** Reads one struct at `offset` into `target` and returns its length in bytes. */
  export function decodeThrift(target: unknown, bytes: Buffer, offset: number): number;
}
