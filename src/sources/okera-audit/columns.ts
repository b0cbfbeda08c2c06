/** The fast path of Okera's audit records: the computed columns, from bytes. */

import type { FixedBuilder } from '../../columns/builders.ts';
import type { TableBuffer } from '../../columns/table-buffer.ts';
import { copyText } from '../../columns/text.ts';
import { ipKey, splitAddress } from '../../records/address.ts';
import { keyLength, scanIpv4, writeIpv4Key } from '../../records/scan/address.ts';
import { Tag } from '../../records/scan/program.ts';
import { RowWriter, type RowWriterSpec, type ScannedColumn } from '../../records/scan/row-writer.ts';
import { ComputedTexts } from '../../records/scan/rows.ts';
import { millisToMicros } from '../../records/time.ts';

const COLON = 0x3a;
const halfLength = 16;

/** Milliseconds whose microseconds a double still holds exactly. */
const exactMillis = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

export function okeraRowWriter(spec: RowWriterSpec, buffer: TableBuffer): RowWriter {
  const writer: RowWriter = new RowWriter(spec, buffer, (_, count, row) => {
    for (let i = 0; i < count; i++) {
      setRequestId(i);
      writeTime(startMillis, startTime, i, row);
      writeTime(endMillis, endTime, i, row);
      setAddress(i, row);
    }
    prefixes.appendTo(prefix, count, row);
    postfixes.appendTo(postfix, count, row);
    ips.appendTo(clientIp, count, row);
    keys.appendTo(clientIpKey, count, row);
  });
  const requestIdSlot = writer.slot('request_id');
  const requestId = writer.scanned('request_id');
  const startMillis = writer.scanned('start_unix_time');
  const endMillis = writer.scanned('end_unix_time');
  const addressSlot = writer.slot('client_network_address');
  const address = writer.scanned('client_network_address');
  const prefix = writer.strings('request_id_prefix');
  const postfix = writer.strings('request_id_postfix');
  const startTime = writer.fixed('start_time');
  const endTime = writer.fixed('end_time');
  const clientIp = writer.strings('client_ip');
  const clientIpKey = writer.strings('client_ip_key');
  const clientPort = writer.fixed('client_port');
  const [prefixes, postfixes, ips, keys] = [
    new ComputedTexts(),
    new ComputedTexts(),
    new ComputedTexts(),
    new ComputedTexts(),
  ];

  function setRequestId(row: number): void {
    const isEscaped = requestId.tags[row] === Tag.Escaped;
    const bytes = isEscaped ? Buffer.from(writer.textOf(requestIdSlot, row)) : writer.text.bytes;
    const start = isEscaped ? 0 : requestId.starts[row]! + 1;
    const end = isEscaped ? bytes.length : requestId.ends[row]! - 1;
    let colon = start;
    while (colon < end && bytes[colon] !== COLON) colon++;
    if (!isHalf(bytes, start, colon) || !isHalf(bytes, colon + 1, end)) return;
    writePadded(bytes, start, colon, prefixes, row);
    writePadded(bytes, colon + 1, end, postfixes, row);
  }

  function writeTime({ tags, numbers }: ScannedColumn, builder: FixedBuilder, i: number, row: number): void {
    if (tags[i] !== Tag.Int) return;
    const millis = numbers[i]!;
    if (Math.abs(millis) <= exactMillis) {
      builder.padTo(row + i);
      builder.appendNumber(millis * 1000);
      return;
    }
    const micros = millisToMicros(BigInt(millis));
    if (micros === null) return;
    builder.padTo(row + i);
    builder.append(micros);
  }

  function setAddress(i: number, row: number): void {
    const tag = address.tags[i]!;
    if (tag !== Tag.String && tag !== Tag.Escaped) return;
    const { bytes } = writer.text;
    const start = address.starts[i]! + 1;
    const end = address.ends[i]! - 1;
    const colon = scanIpv4(bytes, start, end);
    const port = colon > 0 && bytes[colon] === COLON ? portOf(bytes, colon + 1, end) : -1;
    if (port >= 0) {
      copyText(writer.text, start, colon, ips.text, ips.place(i, colon - start));
      writeIpv4Key(keys.text, keys.place(i, keyLength));
      clientPort.padTo(row + i);
      clientPort.appendNumber(port);
      return;
    }
    const split = splitAddress(writer.textOf(addressSlot, i));
    if (split.port !== null) {
      clientPort.padTo(row + i);
      clientPort.appendNumber(split.port);
    }
    if (split.ip === null) return;
    ips.set(i, split.ip);
    const key = ipKey(split.ip);
    if (key !== null) keys.set(i, key);
  }

  return writer;
}

/** One to 16 hex digits. */
function isHalf(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 1 || end - start > halfLength) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (!(byte >= 0x30 && byte <= 0x39) && !((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)) return false;
  }
  return true;
}

/** Hex digits in lower case, padded with zeros to 16. */
function writePadded(bytes: Uint8Array, start: number, end: number, target: ComputedTexts, row: number): void {
  let at = target.place(row, halfLength);
  const { bytes: out } = target.text;
  for (let i = end - start; i < halfLength; i++) out[at++] = 0x30;
  // Letters in lower case; of digits the bit is set already.
  for (let i = start; i < end; i++) out[at++] = bytes[i]! | 0x20;
}

/** One to five digits up to 65535; -1 for anything else. */
function portOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 1 || end - start > 5) return -1;
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    port = port * 10 + digit;
  }
  return port <= 65_535 ? port : -1;
}
