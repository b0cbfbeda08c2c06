/** CRC-32C and CRC-64/NVME are what they are anywhere else, however the bytes are cut and wherever they lie. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChecksumAlgorithm, startChecksum } from '../../src/store/checksum.ts';
import { propertyRuns } from '../support/thorough.ts';

/** Check values of the catalogue of parametrised CRC algorithms: of the text 123456789. */
const checks = { crc32: 'cbf43926', crc32c: 'e3069283', crc64nvme: 'ae8b14860a799888' } as const;
const polynomials = { crc32c: 0x82f63b78n, crc64nvme: 0x9a6c9329ac4bc9b5n } as const;

const hexOf = (algorithm: ChecksumAlgorithm, chunks: readonly Uint8Array[]): string => {
  const running = startChecksum(algorithm);
  for (const chunk of chunks) running.update(chunk);
  return Buffer.from(running.value(), 'base64').toString('hex');
};

test.each(Object.entries(checks))('%s of 123456789', (algorithm, check) => {
  expect(hexOf(algorithm as ChecksumAlgorithm, [Buffer.from('123456789')])).toBe(check);
});

/** Bit by bit, as the definition has it. */
function plainest(polynomial: bigint, width: number, bytes: Uint8Array): string {
  let crc = (1n << BigInt(width)) - 1n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
  }
  return (crc ^ ((1n << BigInt(width)) - 1n)).toString(16).padStart(width / 4, '0');
}

test.each(Object.entries(polynomials))('%s of any bytes in any pieces', (algorithm, polynomial) => {
  const width = algorithm === 'crc32c' ? 32 : 64;
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.nat({ max: 200 }), { maxLength: 4 }),
      fc.nat({ max: 7 }),
      (bytes, cuts, shift) => {
        const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
        shifted.set(bytes);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => shifted.subarray(at[index], end));
        expect(hexOf(algorithm as ChecksumAlgorithm, pieces)).toBe(plainest(polynomial, width, bytes));
      },
    ),
    { numRuns: propertyRuns(100) },
  );
});
