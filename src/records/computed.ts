/**
 * Columns that are computed from another column, by the name that a schema gives the computation (`as` in its `derived`):
 * the reference path, and the code under which the kernel knows the same (kernel/assembly/scan/computed.ts).
 */
import type { Value } from '../columns/types.ts';
import {
  Field_HexAfter,
  Field_HexBefore,
  Field_Ip,
  Field_IpKey,
  Field_IpKeyOfPair,
  Field_Millis,
  Field_Port,
} from '../kernel/assembly/codes.ts';
import type { AnnotatedSchema } from '../tables/schema.ts';
import { ipKey, splitAddress } from './address.ts';

import { millisToMicros } from './time.ts';

interface Computation {
  readonly field: number;
  /** null for a value that it cannot be computed from. */
  compute(value: Value): Value;
}

const ofText =
  (compute: (text: string) => Value) =>
  (value: Value): Value =>
    typeof value === 'string' ? compute(value) : null;

/** `prefix:postfix` in hex, as Okera's request ids are. */
const hexPair = /^([0-9a-f]{1,16}):([0-9a-f]{1,16})$/i;
const hexHalf = (half: 1 | 2) => ofText((text) => hexPair.exec(text)?.[half]?.toLowerCase().padStart(16, '0') ?? null);

export const computations = {
  /** The key of an address (address.ts). */
  'ip-key': { field: Field_IpKey, compute: ofText(ipKey) },
  /** The parts of `address:port`, and the key of its address. */
  'pair-ip': { field: Field_Ip, compute: ofText((text) => splitAddress(text).ip) },
  'pair-port': { field: Field_Port, compute: ofText((text) => splitAddress(text).port) },
  'pair-ip-key': {
    field: Field_IpKeyOfPair,
    compute: ofText((text) => {
      const { ip } = splitAddress(text);
      return ip === null ? null : ipKey(ip);
    }),
  },
  /** Unix milliseconds as a timestamp. */
  millis: {
    field: Field_Millis,
    compute: (value) => (typeof value === 'bigint' ? millisToMicros(value) : null),
  },
  /** The halves of `hex:hex`, padded to 16 digits. */
  'hex-before': { field: Field_HexBefore, compute: hexHalf(1) },
  'hex-after': { field: Field_HexAfter, compute: hexHalf(2) },
} as const satisfies Readonly<Record<string, Computation>>;

export type ComputationName = keyof typeof computations;

/** A column that is computed from another one. */
export interface ComputedColumn {
  readonly column: string;
  readonly from: string;
  /** A code of the kernel. */
  readonly field: number;
  readonly compute: (value: Value) => Value;
}

/** The computed columns of a schema, in its order. Throws for a computation that there is none of. */
export const computedColumns = (schema: AnnotatedSchema): readonly ComputedColumn[] =>
  Object.entries(schema['x-table'].derived).flatMap(([column, { from, as }]) => {
    if (from === undefined || as === undefined) return [];
    if (!Object.hasOwn(computations, as)) {
      throw new Error(`column ${column} is computed as ${as}; there are: ${Object.keys(computations).join(', ')}`);
    }
    return [{ column, from, ...computations[as as ComputationName] }];
  });
