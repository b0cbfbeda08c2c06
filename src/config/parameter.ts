/**
 * A configuration that is kept as a parameter of AWS Systems Manager: for functions, whose package should not change with it. One call of
 * GetParameter, signed here, since a client of its own would weigh more than everything else that starts with the function.
 */

import { awsHint } from '../store/aws-hints.ts';
import { signed } from '../store/aws-request.ts';
import { boundedText } from '../store/bounded-body.ts';
import { SigningKeys } from '../store/s3-signature.ts';
import { mostDocumentBytes } from './document.ts';
import { ConfigError } from './errors.ts';

const patienceMs = 10_000;
const arn = /^arn:(aws[\w-]*):ssm:([a-z0-9-]+):\d{12}:parameter(\/.+)$/;

/** The text of a parameter (String or SecureString) by its name or ARN. Throws ConfigError. */
export async function readParameter(name: string, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  try {
    return await get(name, env);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { message, cause } = error as Error;
    const reason = awsHint(error) ?? (cause instanceof Error ? `${message}: ${cause.message}` : message);
    throw new ConfigError([{ key: '', message: `the parameter cannot be read: ${reason}`, origin: name }], {
      cause: error,
    });
  }
}

async function get(name: string, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const [, partition = 'aws', regionOfArn] = arn.exec(name) ?? [];
  const { STSClient } = await import('@aws-sdk/client-sts');
  const { config } = new STSClient({ ...(regionOfArn !== undefined && { region: regionOfArn }) });
  const region = await config.region();
  const domain = partition === 'aws-cn' || region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const endpoint = env.AWS_ENDPOINT_URL_SSM ?? env.AWS_ENDPOINT_URL ?? `https://ssm.${region}.${domain}`;
  const request = signed(
    {
      method: 'POST',
      url: new URL('/', endpoint),
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonSSM.GetParameter' },
      body: JSON.stringify({ Name: name, WithDecryption: true }),
    },
    'ssm',
    region,
    await config.credentials(),
    new Date(),
    new SigningKeys(),
  );
  const { url, ...rest } = request;
  const response = await fetch(url, { ...rest, redirect: 'manual', signal: AbortSignal.timeout(patienceMs) });
  const answer = JSON.parse(await boundedText(response, 2 * mostDocumentBytes)) as {
    readonly Parameter?: { readonly Value?: unknown };
    readonly __type?: unknown;
  };
  const value = answer.Parameter?.Value;
  if (response.status === 200 && typeof value === 'string') return value;
  throw new ConfigError([{ key: '', message: refusal(String(answer.__type ?? response.status)), origin: name }]);
}

function refusal(type: string): string {
  if (type.endsWith('ParameterNotFound')) return 'there is no such parameter in this region and account';
  if (type.endsWith('AccessDeniedException'))
    return 'this role may not read the parameter: grant ssm:GetParameter on it, and kms:Decrypt on its key for a SecureString';
  return `the parameter cannot be read: ${type.replace(/^.*#/, '').slice(0, 100)}`;
}
