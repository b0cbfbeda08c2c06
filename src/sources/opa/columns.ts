/** The fast path of decisions: the computed column, from bytes. */
import type { TableBuffer } from '../../columns/table-buffer.ts';
import { ipKey } from '../../records/address.ts';
import { ipv4Key, scanIpv4 } from '../../records/scan/address.ts';
import { Tag } from '../../records/scan/program.ts';
import { RowWriter, type RowWriterSpec } from '../../records/scan/row-writer.ts';

export function opaRowWriter(spec: RowWriterSpec, buffer: TableBuffer): RowWriter {
  const writer: RowWriter = new RowWriter(spec, buffer, (_, row) => {
    const { scanner, bytes } = writer;
    const tag = scanner.tags[clientIp]!;
    if (tag !== Tag.String && tag !== Tag.Escaped) return;
    const start = scanner.starts[clientIp]!;
    const end = scanner.ends[clientIp]!;
    if (start === end) return;
    if (scanIpv4(bytes, start, end) === end) {
      clientIpKey.padTo(row);
      clientIpKey.appendBytes(ipv4Key, 0, ipv4Key.length);
      return;
    }
    const key = ipKey(writer.text(clientIp));
    if (key === null) return;
    clientIpKey.padTo(row);
    clientIpKey.append(key);
  });
  const clientIp = writer.slot('client_ip');
  const clientIpKey = writer.strings('client_ip_key');
  return writer;
}
