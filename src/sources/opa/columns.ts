/** The fast path of decisions: the computed column, from bytes. */
import type { TableBuffer } from '../../columns/table-buffer.ts';
import { ipKey } from '../../records/address.ts';
import { keyLength, scanIpv4, writeIpv4Key } from '../../records/scan/address.ts';
import { Tag } from '../../records/scan/program.ts';
import { RowWriter, type RowWriterSpec } from '../../records/scan/row-writer.ts';
import { ComputedTexts } from '../../records/scan/rows.ts';

export function opaRowWriter(spec: RowWriterSpec, buffer: TableBuffer): RowWriter {
  const writer: RowWriter = new RowWriter(spec, buffer, (_, count, row) => {
    for (let i = 0; i < count; i++) setKey(i);
    keys.appendTo(clientIpKey, count, row);
  });
  const slot = writer.slot('client_ip');
  const clientIp = writer.scanned('client_ip');
  const clientIpKey = writer.strings('client_ip_key');
  const keys = new ComputedTexts();

  function setKey(row: number): void {
    const tag = clientIp.tags[row]!;
    if (tag !== Tag.String && tag !== Tag.Escaped) return;
    const start = clientIp.starts[row]! + 1;
    const end = clientIp.ends[row]! - 1;
    if (scanIpv4(writer.text.bytes, start, end) === end) {
      writeIpv4Key(keys.text, keys.place(row, keyLength));
      return;
    }
    const key = start === end ? null : ipKey(writer.textOf(slot, row));
    if (key !== null) keys.set(row, key);
  }

  return writer;
}
