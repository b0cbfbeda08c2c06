/**
 * The shapes of decisions that are known by name: where each of them has the standard columns, in the notation of the
 * configuration's `fields`. docs/shapes.md explains them to users, and is generated from here.
 *
 * A shape names only what its producer is known to write. Where several members may say the same, what the producer has
 * verified comes before what a client claims.
 */
import opaSchema from '../../../schemas/opa.schema.json' with { type: 'json' };
import type { Mapping } from '../../tables/mapping.ts';
import { type FieldPaths, parseField } from './fields.ts';

export interface Shape {
  readonly about: string;
  /** Only texts are usable in text columns, as the article's own records have nothing else. */
  readonly isExact?: boolean;
  readonly fields: Readonly<Record<string, readonly FieldPaths[]>>;
}

const http = 'input.attributes.request.http';
const jwt = 'input.attributes.metadataContext.filterMetadata."envoy.filters.http.jwt_authn".jwt_payload';

export const shapes = {
  article: {
    about: 'subject, action and resource directly in `input`, `allowed` in `result`',
    isExact: true,
    fields: {
      subject: ['input.subject'],
      action: ['input.action'],
      resource: ['input.resource'],
      client_ip: ['input.client_ip'],
      country: ['input.country'],
      region: ['input.region'],
      allowed: ['result.allowed', 'result.allow', 'result'],
      message: ['result.message'],
      roles: ['result.roles'],
    },
  },
  envoy: {
    about: "Envoy's external authorisation (opa-envoy-plugin, Istio)",
    fields: {
      subject: [`${jwt}.sub`, 'input.attributes.source.principal', `${http}.headers."x-user-id"`],
      action: [`${http}.method`],
      resource: [`${http}.path`],
      client_ip: [
        'input.attributes.source.address.socketAddress.address',
        'input.attributes.source.address.Address.SocketAddress.address',
      ],
      allowed: ['result.allowed', 'result.allow', 'result.decision.allow', 'result.decision', 'result'],
      message: ['result.message', 'result.reason', 'result.decision.reason', 'result.body'],
      roles: ['result.roles', `${jwt}.roles`, `${jwt}.groups`],
    },
  },
  'kubernetes-admission': {
    about: 'admission reviews of Kubernetes (`AdmissionReview` as input), answered by a review or by a deny set',
    fields: {
      subject: ['input.request.userInfo.username', 'input.review.userInfo.username'],
      action: ['input.request.operation', 'input.review.operation'],
      resource: [
        'input.request.resource.resource',
        'input.request.kind.kind',
        'input.review.resource.resource',
        'input.review.kind.kind',
      ],
      allowed: [
        'result.response.allowed',
        'result.allowed',
        'result.allow',
        { path: 'result.deny', is: 'empty' },
        { path: 'result.violation', is: 'empty' },
        { path: 'result', is: 'empty' },
        'result',
      ],
      message: [
        'result.response.status.message',
        'result.response.status.reason',
        'result.message',
        { path: 'result.deny', join: '; ' },
        { path: 'result', join: '; ' },
      ],
      roles: ['input.request.userInfo.groups', 'input.review.userInfo.groups'],
    },
  },
  authzen: {
    about: 'evaluations of OpenID AuthZEN: subject, action and resource are objects',
    fields: {
      subject: ['input.subject.id', 'input.subject.name', 'input.subject'],
      action: ['input.action.name', 'input.action.id', 'input.action'],
      resource: ['input.resource.id', 'input.resource.name', 'input.resource'],
      client_ip: ['input.context.client_ip', 'input.context.ip', 'input.subject.properties.ip_address'],
      country: ['input.context.country'],
      region: ['input.context.region'],
      allowed: ['result.decision', 'result.allowed', 'result.allow', 'result'],
      message: [
        'result.context.reason_admin.en',
        'result.context.reason_user.en',
        'result.context.reason',
        'result.message',
      ],
      roles: ['input.subject.properties.roles', 'result.roles'],
    },
  },
  'http-api': {
    about: 'requests of HTTP middleware: user, method and path, the path as text or as a list of its segments',
    fields: {
      subject: [
        'input.user',
        'input.user.id',
        'input.user.sub',
        'input.user.username',
        'input.user.name',
        'input.subject',
      ],
      action: ['input.method', 'input.request.method', 'input.action'],
      resource: [
        'input.path',
        { path: 'input.path', join: '/', lead: '/' },
        'input.request.path',
        { path: 'input.request.path', join: '/', lead: '/' },
        'input.resource',
      ],
      client_ip: ['input.client_ip', 'input.source_ip', 'input.ip', 'input.request.client_ip'],
      country: ['input.country'],
      region: ['input.region'],
      allowed: ['result.allowed', 'result.allow', 'result.decision', { path: 'result.deny', is: 'empty' }, 'result'],
      message: ['result.message', 'result.reason', { path: 'result.deny', join: '; ' }],
      roles: ['result.roles', 'input.user.roles', 'input.roles'],
    },
  },
} as const satisfies Record<string, Shape>;

/** The types of the standard columns that a shape maps, by column. */
export const mappedTypes: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(opaSchema['x-table'].mapped).map(([column, { type }]) => [column, type]),
);

export type ShapeName = keyof typeof shapes;
export const shapeNames = Object.keys(shapes) as ShapeName[];
export const defaultShape: ShapeName = 'article';

/**
 * The mapping of a source: for each standard column what `fields` say, otherwise what the shapes say, in their order.
 * Throws where an entry of `fields` is none.
 */
export function mappingOf(
  names: readonly ShapeName[],
  fields: Readonly<Record<string, readonly FieldPaths[]>> = {},
): Mapping {
  const mapping: Record<string, Mapping[string]> = {};
  for (const name of names) {
    const { fields: paths, isExact }: Shape = shapes[name];
    for (const [column, some] of Object.entries(paths)) {
      const own = some.map((field) => ({ ...parseField(field), ...(isExact === true && { isExact }) }));
      mapping[column] = [...(mapping[column] ?? []), ...own];
    }
  }
  for (const [column, some] of Object.entries(fields)) mapping[column] = some.map(parseField);
  return mapping;
}
