/** The calls that the binary makes, as IAM sees them; and whether a policy grants them. */
import type { Policy, Statement } from '../../src/iam/policy.ts';
import type { ProxiedRequest } from '../e2e/support/s3-proxy.ts';

export interface Call {
  readonly action: string;
  /** ARN of S3; undefined for services whose resources do not show in the request's address. */
  readonly resource?: string;
  /** Of a listing. */
  readonly prefix?: string;
}

const services: Readonly<Record<string, string>> = { AWSGlue: 'glue', AmazonSQS: 'sqs', AmazonAthena: 'athena' };

/** Batches of SQS are granted by the action of one (SQS developer guide, actions and resources). */
const sqsAction = (operation: string): string => operation.replace(/Batch$/, '');

/** A read that finds nothing asks for the right to list as well: with the key as prefix, S3 decides by it between 404 and 403. */
export function callsOf(request: ProxiedRequest): Call[] {
  const call = callOf(request);
  const [bucket, ...key] = request.path.split('/');
  if (call.action !== 's3:GetObject' || request.status !== 404) return [call];
  return [call, { action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket}`, prefix: key.join('/') }];
}

function callOf({ service, operation, method, path, query }: ProxiedRequest): Call {
  if (service !== undefined && operation !== undefined) {
    const prefix = services[service];
    if (prefix === undefined) throw new Error(`a call to an unknown service: ${service}.${operation}`);
    return { action: `${prefix}:${prefix === 'sqs' ? sqsAction(operation) : operation}` };
  }
  const at = path.indexOf('/');
  const [bucket, key] = at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at + 1)];
  const parameters = new URLSearchParams(query);
  if (key === '') {
    if (method !== 'GET' || !parameters.has('list-type'))
      throw new Error(`an unknown call of S3: ${method} ${path}?${query}`);
    return { action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket}`, prefix: parameters.get('prefix') ?? '' };
  }
  const resource = `arn:aws:s3:::${bucket}/${key}`;
  if (method === 'GET' || method === 'HEAD') return { action: 's3:GetObject', resource };
  if (method === 'PUT' || method === 'POST') return { action: 's3:PutObject', resource };
  if (method === 'DELETE')
    return { action: parameters.has('uploadId') ? 's3:AbortMultipartUpload' : 's3:DeleteObject', resource };
  throw new Error(`an unknown call of S3: ${method} ${path}?${query}`);
}

/** The statements that grant the call. */
export const granting = ({ Statement }: Policy, call: Call): Statement[] =>
  Statement.filter(
    ({ Action, Resource, Condition }) =>
      Action.includes(call.action) &&
      (call.resource === undefined || Resource.some((pattern) => matches(pattern, call.resource!))) &&
      (Condition === undefined ||
        Condition.StringLike['s3:prefix'].some((pattern) => matches(pattern, call.prefix ?? ''))),
  );

/** As StringLike compares: `*` is anything, `${*}` the character. */
export function matches(pattern: string, text: string): boolean {
  const expression = pattern
    .split(/(\$\{[*?$]\}|[*?])/)
    .map((part) => {
      if (part === '*') return '.*';
      if (part === '?') return '.';
      return (/^\$\{(.)\}$/.exec(part)?.[1] ?? part).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${expression}$`, 's').test(text);
}
