/**
 * HEALTHCHECK of the image: asks /healthz where the container runs a worker that serves it; anything else is healthy as
 * long as it runs. The address is that of AUDIT_WAREHOUSE_WORKER_LISTEN: in a container set it there, not in the file.
 */
import { readFileSync } from 'node:fs';

// With --init, process 1 is the init, which has the arguments of the worker too.
const args = readFileSync(process.argv[2] ?? '/proc/1/cmdline', 'utf8').split('\0');
const listen = process.env.AUDIT_WAREHOUSE_WORKER_LISTEN || '127.0.0.1:9464';

if (args.includes('worker') && !args.includes('--once') && listen !== 'off') {
  const port = listen.slice(listen.lastIndexOf(':') + 1);
  const host = listen.slice(0, listen.lastIndexOf(':'));
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host;
  try {
    const response = await fetch(`http://${address}:${port}/healthz`, { signal: AbortSignal.timeout(8000) });
    process.stdout.write(await response.text());
    if (!response.ok) process.exitCode = 1;
  } catch (error) {
    process.stdout.write(
      `/healthz at ${address}:${port} cannot be reached: ${error.cause?.message ?? error.message}\n`,
    );
    process.exitCode = 1;
  }
}
