/** Promoted columns of every type along every kind of path, in groups that one configuration may hold together. */

import { createSource } from '../../../src/sources/index.ts';
import type { SourceType } from '../../../src/sources/registry.ts';
import type { Source } from '../../../src/sources/source.ts';
import type { PromotedColumn } from '../../../src/tables/promoted.ts';

type Columns = Readonly<Record<string, PromotedColumn>>;

const column = (path: string, type: PromotedColumn['type'], strict = false): PromotedColumn => ({ path, type, strict });

const opa: Readonly<Record<string, Columns>> = {
  none: {},
  'every type below input': {
    tenant: column('input.tenant.id', 'string'),
    n: column('input.n', 'long'),
    ratio: column('input.ratio', 'double'),
    small: column('input.small', 'int'),
    at: column('input.at', 'timestamp'),
    flag: column('result.flag', 'boolean'),
  },
  'every type, strict': {
    tenant: column('input.tenant.key', 'string', true),
    n: column('input.n', 'long', true),
    ratio: column('input.ratio', 'double', true),
    small: column('input.small', 'int', true),
    at: column('input.at', 'timestamp', true),
    flag: column('result.flag', 'boolean', true),
  },
  'indexes of arrays': {
    second_role: column('result.roles.1', 'string'),
    first_tag: column('input.tags.0', 'string'),
    odd_index: column('input.tags.00', 'string'),
    nested: column('input.matrix.1.0', 'long'),
    team: column('rule_labels.0.team', 'string'),
    first_erased: column('erased.0', 'string', true),
    no_index: column('masked.length', 'long'),
  },
  'through and below columns that exist': {
    code: column('error.code', 'string'),
    bundle_revision: column('bundles."./bdir/".revision', 'string'),
    label: column('labels.team', 'string'),
    below_label: column('labels.team.x', 'string'),
    timer: column('metrics.timer_x', 'long'),
    timer_as_double: column('metrics.timer_x', 'double'),
    histogram: column('metrics.hist.count', 'double'),
    below_string: column('decision_id.x', 'string'),
    below_promoted: column('input.tenant.id', 'string'),
    parent_promoted: column('input.tenant', 'string'),
  },
  'the same path as another column': {
    who: column('input.subject', 'string'),
    who_else: column('input.subject', 'string', true),
    whole_input: column('input', 'string'),
    whole_result: column('result', 'boolean'),
    cost: column('result', 'double'),
    request_number: column('req_id', 'double'),
    instance: column('labels.id', 'string'),
    one_role: column('result.roles', 'string'),
    id: column('decision_id', 'string'),
  },
  'lists of every type': {
    tags: column('input.tags', 'list<string>'),
    counts: column('input.counts', 'list<long>'),
    counts_too: column('input.counts', 'list<double>'),
    shares: column('input.shares', 'list<double>', true),
    flags: column('input.flags', 'list<boolean>'),
    flags_or_texts: column('input.flags', 'list<string>'),
    roles_again: column('result.roles', 'list<string>', true),
    erased_as_numbers: column('erased', 'list<long>'),
    labels_as_list: column('labels', 'list<string>'),
    row_of_matrix: column('input.matrix.0', 'list<long>'),
  },
  'parts of the key': {
    cluster: column('$key.cluster', 'string'),
    shard: column('$key.shard', 'long'),
    tenant: column('input.tenant.id', 'string'),
  },
  'what stands around the record': {
    pod: column('$envelope.kubernetes.pod_name', 'string'),
    pod_again: column('$envelope.kubernetes.pod_name', 'list<string>'),
    stream: column('$envelope.stream', 'string', true),
    tenant: column('input.tenant.id', 'string'),
  },
  'the event time again': { logged: column('timestamp', 'timestamp') },
  'members that the schema does not know': {
    tenant: column('tenant', 'string'),
    user_id: column('context.user.id', 'long'),
    shadow: column('$shadowed', 'string', true),
    level: column('level', 'string'),
    log_line: column('log.line', 'long'),
    indexed: column('context.0', 'string'),
  },
  'hostile names': {
    dotted: column('input."a.b"', 'string'),
    quote: column('input."q\\"t"', 'string'),
    proto: column('input.__proto__', 'string'),
    below_proto: column('__proto__.x', 'string'),
    constructed: column('constructor', 'string'),
    constructor_name: column('input.constructor.name', 'string'),
    to_string: column('toString.call', 'string'),
    accent: column('input.é', 'string'),
    half: column('input."\\ud800"', 'string'),
    empty: column('input.""', 'string'),
  },
};

const okera: Readonly<Record<string, Columns>> = {
  none: {},
  'the same path as another column': {
    who: column('user', 'string'),
    bytes: column('bytes_scanned', 'double', true),
    failed: column('auth_failure', 'boolean'),
  },
  'members that the schema does not know': {
    tenant_name: column('tenant', 'string'),
    user_id: column('context.user.id', 'long'),
    kind: column('type', 'string'),
  },
};

/** Small enough for a generated record to reach. */
export const limits = { recordBytes: 1 << 20, nestingDepth: 12 };

const sourcesOf = (type: SourceType, groups: Readonly<Record<string, Columns>>): [string, Source][] =>
  Object.entries(groups).map(([name, columns]) => [name, createSource(type, columns, limits)]);

/** Every source with every group of promoted columns, by the name of the group. */
export const sources: Readonly<Record<SourceType, ReadonlyMap<string, Source>>> = {
  opa: new Map(sourcesOf('opa', opa)),
  'okera-audit': new Map(sourcesOf('okera-audit', okera)),
};
