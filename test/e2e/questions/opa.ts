/** What the questions about decisions have to answer, computed without SQL. */
import { BlockList, isIP } from 'node:net';
import { comparedColumns } from '../../../src/records/identity.ts';
import { createSource } from '../../../src/sources/index.ts';
import { between, by, type Fact, groups, micros, only, verdicts } from './facts.ts';
import { sideTables } from './logs.ts';
import type { Facts } from './world.ts';

const { table } = createSource('opa', {}, { recordBytes: 1 << 20, nestingDepth: 100 });
const contentColumns = comparedColumns(table).map(({ name }) => name);

export interface Case {
  readonly given: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  /** In the order of the answer. */
  readonly rows: (facts: Facts) => readonly Fact[];
}

const breach = { from: '2023-07-11T16:55:00Z', to: '2023-07-11T17:00:00Z' };
/** As answers write times, so that texts compare. */
const [start, end] = ['2023-07-11T16:55:00.000000Z', '2023-07-11T17:00:00.000000Z'];
const inBreach = ({ decisions }: Facts): Fact[] => decisions.filter((fact) => between(fact, start, end));
const inOrder = by('event_time', 'decision_id', 'source_uri', 'source_offset');

function inBlock(fact: Fact, network: string, bits: number): boolean {
  const ip = String(fact.client_ip);
  if (!isIP(ip)) return false;
  const [family, own] = [network, ip].map((address) => (isIP(address) === 6 ? 'ipv6' : 'ipv4'));
  if (family !== own) return false;
  const block = new BlockList();
  block.addSubnet(network, bits, family as 'ipv4');
  return block.check(ip, own as 'ipv4');
}

const decisionColumns = [
  'event_time', 'decision_id', 'subject', 'action', 'resource', 'client_ip', 'country', 'region', 'allowed', 'message', 'path', 'source_uri',
]; // biome-ignore format: a list
const decisions = (given: Record<string, string>, fits: (fact: Fact) => boolean, limit?: number): Case => ({
  given: { ...breach, ...given },
  columns: decisionColumns,
  rows: (facts) => inBreach(facts).filter(fits).sort(inOrder).slice(0, limit),
});

const countryColumns = [
  'event_time', 'decision_id', 'subject', 'action', 'resource', 'country', 'countries', 'client_ip', 'region', 'message', 'source_uri',
]; // biome-ignore format: a list
const outsideCountries = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...breach, ...given },
  columns: countryColumns,
  rows: (facts) =>
    inBreach(facts)
      .filter((fact) => fact.allowed === true && typeof fact.country === 'string' && fits(fact))
      .map((fact) => {
        const known = sideTables.user_countries.filter(({ subject }) => subject === fact.subject);
        return { ...fact, countries: known.map(({ country }) => country).sort() };
      })
      .filter(
        ({ countries, ...fact }) => countries.length > 0 && !countries.some((name) => name === (fact as Fact).country),
      )
      .sort(inOrder),
});

const oneDecision = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given,
  columns: [
    'event_time', 'decision_id', 'subject', 'action', 'resource', 'allowed', 'message', 'roles', 'client_ip', 'country', 'region', 'path',
    'query', 'requested_by', 'trace_id', 'instance_id', 'opa_version', 'server_handler_ns', 'erased', 'masked', 'labels', 'metrics',
    'bundles', 'error', 'input', 'result', 'extra', 'source_uri', 'source_offset',
  ],
  rows: (facts) => facts.decisions.filter(fits).sort(by('event_time', 'source_uri', 'source_offset')),
}); // biome-ignore format: a list

const verdictColumns = ['decisions', 'allowed', 'denied', 'undecided', 'first_time', 'last_time'];
/** One row for each combination of `columns` among the decisions that fit. */
const activity = (given: Record<string, string>, columns: readonly string[], fits: (fact: Fact) => boolean): Case => ({
  given,
  columns: [...columns, ...verdictColumns],
  rows: (facts) =>
    groups(facts.decisions.filter(fits), columns)
      .map((group) => ({ ...only(group[0]!, columns), ...verdicts(group) }))
      .sort(by(['desc', 'last_time'], ...columns)),
});

const deniedThenAllowed = (given: Record<string, string>, minutes: number, fits: (fact: Fact) => boolean): Case => ({
  given: { ...breach, ...given },
  columns: [
    'subject', 'action', 'resource', 'denied_at', 'allowed_at', 'denied_id', 'allowed_id', 'denied_from', 'allowed_from', 'message',
  ],
  rows: (facts) => {
    const tries = inBreach(facts).filter((fact) => fact.subject !== null && fact.allowed !== null && fits(fact));
    return groups(tries, ['subject', 'action', 'resource'])
      .flatMap((group) => {
        const sorted = group.sort(inOrder);
        return sorted.slice(1).flatMap((fact, i): Fact[] => {
          const before = sorted[i]!;
          if (fact.allowed !== true || before.allowed !== false) return [];
          if (micros(fact.event_time!) - micros(before.event_time!) > BigInt(minutes) * 60_000_000n) return [];
          return [
            {
              ...fact,
              denied_at: before.event_time!,
              allowed_at: fact.event_time!,
              denied_id: before.decision_id!,
              allowed_id: fact.decision_id!,
              denied_from: before.client_ip!,
              allowed_from: fact.client_ip!,
            },
          ];
        });
      })
      .sort(by('allowed_at', 'subject', 'action', 'resource', 'source_uri', 'source_offset'));
  },
}); // biome-ignore format: a list

/** Of 32 hex digits. */
function networkOf(key: string): string {
  const mapped = `${'0'.repeat(20)}ffff`;
  if (!key.startsWith(mapped)) return `${key.slice(0, 16).match(/.{4}/g)!.join(':')}::/64`;
  const bytes = key
    .slice(24)
    .match(/../g)!
    .map((byte) => Number.parseInt(byte, 16));
  return `${bytes.slice(0, 3).join('.')}.0/24`;
}

const newNetworks = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...breach, ...given },
  columns: ['subject', 'network', 'first_time', 'last_time', 'decisions', 'denied'],
  rows: ({ decisions }) => {
    const known = decisions
      .filter(
        (fact) => fact.subject !== null && fact.client_ip_key !== null && String(fact.event_time) <= end && fits(fact),
      )
      .map((fact) => ({ ...fact, network: networkOf(String(fact.client_ip_key)) }));
    return groups(known, ['subject', 'network'])
      .map((group) => ({ ...only(group[0]!, ['subject', 'network']), ...verdicts(group) }) as Fact)
      .filter((row) => String(row.first_time) >= start)
      .sort(by('first_time', 'subject', 'network'));
  },
});

const byPolicy = (given: Record<string, string>, fits: (fact: Fact) => boolean): Case => ({
  given: { ...breach, ...given },
  columns: [
    'path',
    'revision',
    'bundles',
    'decisions',
    'allowed',
    'denied',
    'undecided',
    'errors',
    'first_time',
    'last_time',
  ],
  rows: (facts) =>
    groups(inBreach(facts).filter(fits), ['path', 'revision', 'bundles'])
      .map((group) => ({
        ...only(group[0]!, ['path', 'revision', 'bundles']),
        ...verdicts(group),
        errors: group.filter((fact) => fact.error !== null).length,
      }))
      .sort(by('path', 'first_time', 'revision', 'bundles')),
});

/** Without the wrapper, where it is an `extra` that has one. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string' || !value.includes('"$envelope":')) return value;
  const { $envelope: _, ...extra } = JSON.parse(value) as Record<string, unknown>;
  return Object.keys(extra).length === 0 ? null : JSON.stringify(extra);
}

/** Ids of the incident are there once, but for the forgeries: each of these is there with two contents. */
const conflicting = (given: Record<string, string>, fits: (fact: Fact) => boolean, limit?: number): Case => ({
  given,
  columns: [
    'decision_id', 'contents', 'event_time', 'subject', 'action', 'resource', 'allowed', 'path', 'source_uri', 'source_offset',
  ],
  rows: (facts) =>
    groups(facts.decisions.filter((fact) => fact.decision_id !== '' && fits(fact)), ['decision_id'])
      .flatMap((group) => {
        const contents = new Set(group.map((fact) => JSON.stringify(contentColumns.map((name) => fact[name] ?? null).map(unwrapped))));
        return contents.size > 1 ? group.map((fact): Fact => ({ ...fact, contents: contents.size })) : [];
      })
      .sort(by('decision_id', 'event_time', 'source_uri', 'source_offset'))
      .slice(0, limit),
}); // biome-ignore format: a list

const slowest = (given: Record<string, string>, limit: number, fits: (fact: Fact) => boolean): Case => ({
  given: { ...breach, ...given },
  columns: [
    'server_handler_ns', 'event_time', 'decision_id', 'path', 'subject', 'action', 'resource', 'allowed', 'instance_id', 'source_uri',
  ],
  rows: (facts) =>
    inBreach(facts)
      .filter((fact) => fact.server_handler_ns !== null && fits(fact))
      .sort(by(['desc', 'server_handler_ns'], 'event_time', 'decision_id', 'source_uri', 'source_offset'))
      .slice(0, limit),
}); // biome-ignore format: a list

const any = (): boolean => true;
const is = (column: string, value: string | boolean) => (fact: Fact) => fact[column] === value;
const evil = is('subject', 'dr_evil');
const quoted = `O'Brien "the $1"`;
const black = '/sales/prospects/black_mesa';
const inRange = (fact: Fact): boolean => between(fact, start, end);

/** By question. */
export const opaCases = (anId: string): Readonly<Record<string, readonly Case[]>> => ({
  decisions: [
    decisions({}, any),
    decisions({ subject: 'dr_evil', allowed: 'true' }, (fact) => evil(fact) && fact.allowed === true),
    decisions({ subject: quoted, limit: '3' }, is('subject', quoted), 3),
    decisions(
      { subject: 'dr_evil', cidr: '203.0.113.64/27' },
      (fact) => evil(fact) && inBlock(fact, '203.0.113.64', 27),
    ),
    decisions({ cidr: '2001:db8:0:4::/62' }, (fact) => inBlock(fact, '2001:db8:0:4::', 62)),
  ],
  'allowed-outside-countries': [outsideCountries({}, any), outsideCountries({ subject: 'dr_evil' }, evil)],
  'decision-details': [
    oneDecision({ id: anId }, is('decision_id', anId)),
    oneDecision({ id: anId, ...breach }, (fact) => fact.decision_id === anId && inRange(fact)),
  ],
  'subject-activity': [
    activity({ subject: 'dr_evil' }, ['action', 'resource'], evil),
    activity({ subject: 'dr_evil', ...breach }, ['action', 'resource'], (fact) => evil(fact) && inRange(fact)),
    activity({ subject: 'zoë' }, ['action', 'resource'], is('subject', 'zoë')),
  ],
  'resource-activity': [
    activity({ resource: black }, ['subject', 'action'], is('resource', black)),
    activity({ resource: black, ...breach }, ['subject', 'action'], (fact) => fact.resource === black && inRange(fact)),
  ],
  'denied-then-allowed': [
    deniedThenAllowed({}, 5, any),
    deniedThenAllowed({ minutes: '1', subject: 'dr_evil' }, 1, evil),
    deniedThenAllowed({ resource: black }, 5, is('resource', black)),
  ],
  'new-networks': [newNetworks({}, any), newNetworks({ subject: 'dr_evil' }, evil)],
  'decisions-by-policy': [byPolicy({}, any), byPolicy({ path: 'authz/allow' }, is('path', 'authz/allow'))],
  'conflicting-decisions': [conflicting({}, any), conflicting(breach, inRange), conflicting({ limit: '3' }, any, 3)],
  'slowest-decisions': [
    slowest({}, 20, any),
    slowest({ path: 'authz/allow', limit: '7' }, 7, is('path', 'authz/allow')),
  ],
});
