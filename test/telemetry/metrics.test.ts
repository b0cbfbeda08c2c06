import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { events } from '../../src/telemetry/events.ts';
import { Metrics, metricPrefix, metrics } from '../../src/telemetry/metrics.ts';
import { serveWatched } from '../../src/telemetry/server.ts';

const operations = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
/** Rows of the tables of the page, cells by cells. */
const rows = operations
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe('docs/operations.md', () => {
  test.each(Object.entries(metrics))(
    'lists %s with its labels, its meaning and what to alert on',
    (name, { help, labels, alert = '' }) => {
      const row = rows.find(([first]) => first === `\`${metricPrefix}${name}\``);
      expect(row?.slice(1)).toEqual([labels.map((label) => `\`${label}\``).join(', '), help, alert]);
    },
  );

  test('lists no metric that is not there', () => {
    const listed = rows.flatMap(([first]) => /^`audit_warehouse_(\w+)`$/.exec(first ?? '')?.[1] ?? []);
    expect(listed.sort()).toEqual(Object.keys(metrics).sort());
  });

  test('lists the events of the worker', () => {
    const listed = rows.map(([first = '']) => first).join(' ');
    for (const name of Object.keys(events).filter((event) =>
      /^(worker|batch|source|message|event|object)-/.test(event),
    ))
      expect(listed).toContain(`\`${name}\``);
  });
});

describe('metrics', () => {
  test('of two workers in a process do not mix', async () => {
    const [one, two] = [new Metrics(), new Metrics()];
    one.count('records_total', { source: 's', outcome: 'row' }, 5);
    expect(await one.text()).toContain('audit_warehouse_records_total{source="s",outcome="row"} 5');
    expect(await two.text()).not.toContain('source="s"');
  });

  test('of the process come along where asked for', async () => {
    expect(await new Metrics({ process: true }).text()).toContain('process_resident_memory_bytes');
    expect(await new Metrics().text()).not.toContain('process_resident_memory_bytes');
  });
});

describe('the port', () => {
  const watched = {
    metrics: async () => 'some metrics',
    health: async () => ({ ok: true, details: { alive: true } }),
    readiness: async () => ({ ok: false, details: { ready: false } }),
  };

  test('answers metrics and health by status, and nothing else', async () => {
    const server = await serveWatched(watched, { host: '127.0.0.1', port: 0 });
    try {
      const ask = async (path: string, init?: RequestInit) => {
        const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
        return [answer.status, await answer.text()];
      };
      expect(await ask('/metrics')).toEqual([200, 'some metrics']);
      expect(await ask('/healthz?verbose')).toEqual([200, '{"alive":true}\n']);
      expect(await ask('/readyz')).toEqual([503, '{"ready":false}\n']);
      expect((await ask('/../../etc/passwd'))[0]).toBe(404);
      expect((await ask('/metrics', { method: 'POST', body: 'x' }))[0]).toBe(405);
    } finally {
      await server.close();
    }
  });

  test('that is taken is an error that says what to set', async () => {
    const server = await serveWatched(watched, { host: '127.0.0.1', port: 0 });
    const again = serveWatched(watched, { host: '127.0.0.1', port: server.port });
    await expect(again).rejects.toThrow(/cannot listen on 127.0.0.1:\d+ \(EADDRINUSE\): set worker.listen/);
    await server.close();
  });
});
