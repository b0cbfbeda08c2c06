/** Trino's own word on itself, which it gives to anybody (GET /v1/info). */
import type { TrinoInfo } from './probes.ts';

const timeoutMs = 10_000;

/** Throws where it cannot be reached, or answers like something else. */
export async function trinoInfo(url: string): Promise<TrinoInfo> {
  const address = new URL('/v1/info', url);
  const response = await fetch(address, { signal: AbortSignal.timeout(timeoutMs), redirect: 'manual' });
  if (!response.ok) throw new Error(`${address} answers HTTP ${response.status}`);
  const { nodeVersion, starting } = (await response.json()) as {
    nodeVersion?: { version?: string };
    starting?: boolean;
  };
  if (nodeVersion?.version === undefined) throw new Error(`${address} does not answer as Trino does`);
  return { version: nodeVersion.version, starting: starting === true };
}
