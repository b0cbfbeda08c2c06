/**
 * How a key of the configuration is declared, and what it becomes in the program: `download_bytes` is `downloadBytes`,
 * a duration ends in `Seconds` and a size in `Bytes`, so that every name says its unit. Values and types follow the
 * declaration, so a key is written down once.
 *
 * The keyword `unit` is our own: it reads `256MiB`, `10m` or `10,000` and puts the plain number in its place. So is `secret`:
 * the program is given a Secret, and no command shows what was written.
 */

import { Secret } from './secret.ts';

export type Unit = 'size' | 'duration' | 'count' | 'share' | 'boolean';

export interface ConfigSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly unit?: Unit;
  readonly default?: unknown;
  readonly secret?: true;
  readonly [keyword: string]: unknown;
}

/** A key that holds one value. `Given`: there is always a value, since there is a default. */
export interface Key<Value, Suffix extends string, Given extends boolean> extends ConfigSchema {
  /** Only a type: nothing has this property. */
  readonly becomes?: readonly [Value, Suffix, Given];
}

export const size = (description: string, fallback: string, least: number): Key<number, 'Bytes', true> => ({
  description,
  unit: 'size',
  least,
  default: fallback,
});

export const count = (description: string, fallback: number, least = 1, most?: number): Key<number, '', true> => ({
  description,
  unit: 'count',
  least,
  ...(most !== undefined && { most }),
  default: fallback,
});

export const duration = (
  description: string,
  fallback: string,
  least: number,
  most?: number,
): Key<number, 'Seconds', true> => ({
  description,
  unit: 'duration',
  least,
  ...(most !== undefined && { most }),
  default: fallback,
});

export const flag = (description: string, fallback: boolean): Key<boolean, '', true> => ({
  description,
  unit: 'boolean',
  default: fallback,
});

export const choice = <Name extends string>(
  description: string,
  names: readonly Name[],
  fallback: Name,
): Key<Name, '', true> => ({ description, type: 'string', enum: names, default: fallback });

/** A text without a default: the program has to do without. */
export const text = (description: string): Key<string, '', false> => ({ description, type: 'string', minLength: 1 });

export const secret = (description: string): Key<Secret, '', false> => ({
  description,
  type: 'string',
  minLength: 1,
  secret: true,
});

/** A key that its group cannot do without: the loader sees to it that there is a value. */
export const needed = <Value, Suffix extends string>(key: Key<Value, Suffix, boolean>): Key<Value, Suffix, true> =>
  key as Key<Value, Suffix, true>;

export const section = <Keys extends Readonly<Record<string, ConfigSchema>>>(
  description: string,
  properties: Keys,
) => ({
  description,
  type: 'object' as const,
  additionalProperties: false as const,
  default: {},
  properties,
});

type Camel<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name;
type WithSuffix<Name extends string, Suffix extends string> =
  Lowercase<Name> extends `${string}${Lowercase<Suffix>}` ? Name : `${Name}${Suffix}`;
type Suffix<Schema> = Schema extends Key<unknown, infer Ending, boolean> ? Ending : '';
type NameOf<Name, Schema> = Name extends string ? WithSuffix<Camel<Name>, Suffix<Schema>> : never;
type ValueOf<Schema> = Schema extends Key<infer Value, string, boolean> ? Value : never;
type GivenKeys<Keys> = {
  [Name in keyof Keys]: Keys[Name] extends Key<unknown, string, true> ? Name : never;
}[keyof Keys];

/** What the program is given of a section: each key under its name in the program. */
export type SectionValues<Keys> = {
  readonly [Name in GivenKeys<Keys> as NameOf<Name, Keys[Name]>]: ValueOf<Keys[Name]>;
} & {
  readonly [Name in Exclude<keyof Keys, GivenKeys<Keys>> as NameOf<Name, Keys[Name]>]?: ValueOf<Keys[Name]>;
};

/** A section as it may be written: each key may be left out, and a number may have its unit (`256MiB`, `10m`). */
export type Written<Keys> = { readonly [Name in keyof Keys]?: ValueOf<Keys[Name]> | string };

/** The name in the program of a key in the file. */
export function programName(key: string, { unit }: ConfigSchema): string {
  const name = key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const suffix = unit === 'size' ? 'Bytes' : unit === 'duration' ? 'Seconds' : '';
  return name.toLowerCase().endsWith(suffix.toLowerCase()) ? name : name + suffix;
}

/** The values of a section, once the check has read units and filled in defaults. */
export function sectionValues<Keys extends Readonly<Record<string, ConfigSchema>>>(
  { properties }: { readonly properties: Keys },
  raw: Readonly<Record<string, unknown>>,
): SectionValues<Keys> {
  const entries = Object.entries(properties).flatMap(([key, schema]) =>
    raw[key] === undefined ? [] : [[programName(key, schema), programValue(schema, raw[key])] as const],
  );
  return Object.fromEntries(entries) as unknown as SectionValues<Keys>;
}

function programValue(schema: ConfigSchema, raw: unknown): unknown {
  return schema.secret ? new Secret(raw as string) : raw;
}
