/** The fast path of Okera's audit records: the computed columns, from bytes. */

import type { FixedBuilder } from '../../columns/builders.ts';
import type { StringBuilder } from '../../columns/string-builder.ts';
import type { TableBuffer } from '../../columns/table-buffer.ts';
import { ipKey, splitAddress } from '../../records/address.ts';
import { ipv4Key, scanIpv4 } from '../../records/scan/address.ts';
import { Tag } from '../../records/scan/program.ts';
import { RowWriter, type RowWriterSpec } from '../../records/scan/row-writer.ts';
import { millisToMicros } from '../../records/time.ts';

/** Milliseconds whose microseconds a double still holds exactly. */
const exactMillis = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

export function okeraRowWriter(spec: RowWriterSpec, buffer: TableBuffer): RowWriter {
  const writer: RowWriter = new RowWriter(spec, buffer, (_, row) => {
    writeRequestId(row);
    writeTime(startMillis, startTime, row);
    writeTime(endMillis, endTime, row);
    writeAddress(row);
  });
  const { scanner } = writer;
  const requestId = writer.slot('request_id');
  const startMillis = writer.slot('start_unix_time');
  const endMillis = writer.slot('end_unix_time');
  const address = writer.slot('client_network_address');
  const prefix = writer.strings('request_id_prefix');
  const postfix = writer.strings('request_id_postfix');
  const startTime = writer.fixed('start_time');
  const endTime = writer.fixed('end_time');
  const clientIp = writer.strings('client_ip');
  const clientIpKey = writer.strings('client_ip_key');
  const clientPort = writer.fixed('client_port');
  const padded = new Uint8Array(32);

  function writeRequestId(row: number): void {
    const isEscaped = scanner.tags[requestId] === Tag.Escaped;
    const bytes = isEscaped ? Buffer.from(writer.text(requestId)) : writer.bytes;
    const start = isEscaped ? 0 : scanner.starts[requestId]!;
    const end = isEscaped ? bytes.length : scanner.ends[requestId]!;
    const colon = bytes.indexOf(0x3a, start);
    if (
      colon < 0 ||
      colon >= end ||
      !padHex(bytes, start, colon, padded, 0) ||
      !padHex(bytes, colon + 1, end, padded, 16)
    )
      return;
    prefix.padTo(row);
    prefix.appendBytes(padded, 0, 16);
    postfix.padTo(row);
    postfix.appendBytes(padded, 16, 32);
  }

  function writeTime(slot: number, builder: FixedBuilder, row: number): void {
    if (scanner.tags[slot] !== Tag.Int) return;
    const millis = scanner.numbers[slot]!;
    if (Math.abs(millis) <= exactMillis) {
      builder.padTo(row);
      builder.appendNumber(millis * 1000);
      return;
    }
    const micros = millisToMicros(BigInt(millis));
    if (micros === null) return;
    builder.padTo(row);
    builder.append(micros);
  }

  function writeAddress(row: number): void {
    const tag = scanner.tags[address]!;
    if (tag !== Tag.String && tag !== Tag.Escaped) return;
    const { bytes } = writer;
    const start = scanner.starts[address]!;
    const end = scanner.ends[address]!;
    const colon = scanIpv4(bytes, start, end);
    const port = colon > 0 && bytes[colon] === 0x3a ? portOf(bytes, colon + 1, end) : -1;
    if (port >= 0) {
      clientIp.padTo(row);
      clientIp.appendBytes(bytes, start, colon);
      writeKey(ipv4Key, row);
      clientPort.padTo(row);
      clientPort.appendNumber(port);
      return;
    }
    const split = splitAddress(writer.text(address));
    if (split.port !== null) {
      clientPort.padTo(row);
      clientPort.appendNumber(split.port);
    }
    if (split.ip === null) return;
    clientIp.padTo(row);
    clientIp.append(split.ip);
    const key = ipKey(split.ip);
    if (key !== null) writeKey(Buffer.from(key), row);
  }

  function writeKey(key: Uint8Array, row: number): void {
    (clientIpKey satisfies StringBuilder).padTo(row);
    clientIpKey.appendBytes(key, 0, key.length);
  }

  return writer;
}

/** Hex digits in lower case, padded with zeros to 16 at `at`; false where there are none or too many. */
function padHex(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): boolean {
  const length = end - start;
  if (length < 1 || length > 16) return false;
  target.fill(0x30, at, at + 16 - length);
  for (let i = 0; i < length; i++) {
    let byte = bytes[start + i]!;
    if (byte >= 0x41 && byte <= 0x46) byte |= 0x20;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
    target[at + 16 - length + i] = byte;
  }
  return true;
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
