/** Which numbers of the producers came with a batch, on their way into files of the table `sequences`. */
import type { ColumnBatch } from '../columns/batch.ts';
import { SequenceCollector } from '../sequences/collector.ts';
import { sequences } from '../tables/sequences.ts';
import type { IngestRequest } from './request.ts';
import { type FileWriter, TableWriter } from './table-writer.ts';

export class SequenceWriter {
  readonly collector: SequenceCollector;
  readonly table: TableWriter;

  constructor(collector: SequenceCollector, table: TableWriter) {
    this.collector = collector;
    this.table = table;
  }

  /** Sees rows of the table of events. Many instances, or many gaps, become files on the spot. */
  async take(columns: ColumnBatch): Promise<void> {
    this.collector.take(columns);
    if (this.collector.isFull) await this.#flush();
  }

  /** All objects are read. */
  async finish(): Promise<void> {
    const evidence = [...this.collector.evidenceRows()];
    for (const row of this.collector.rows()) this.table.append(row);
    for (const row of evidence) this.table.append(row);
    await this.table.flush();
  }

  settled(): Promise<void> {
    return this.table.settled();
  }

  release(): void {
    this.table.release();
  }

  async #flush(): Promise<void> {
    for (const row of this.collector.rows()) this.table.append(row);
    await this.table.flush();
  }
}

/** undefined for a source that numbers nothing. */
export function sequenceWriter(
  writer: Omit<FileWriter, 'spill'>,
  { source: { config, source }, tables, batch }: IngestRequest,
): SequenceWriter | undefined {
  if (source.sequence === undefined || tables.sequences === undefined) return undefined;
  const { store, encoder, output } = writer;
  const table = new TableWriter({ store, encoder, output }, tables.sequences, sequences, batch);
  return new SequenceWriter(new SequenceCollector(source.sequence, config.name, batch), table);
}
