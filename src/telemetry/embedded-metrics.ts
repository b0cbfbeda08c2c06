/**
 * Metrics as lines of CloudWatch's embedded metric format: what a function of Lambda writes to its log, and CloudWatch makes metrics of. A
 * function is scraped by nobody, and each invocation says what it added since the last one.
 * Source: "Specification: embedded metric format" in the CloudWatch user guide.
 */
import { compareText } from '../text/order.ts';
import { type Metrics, metricPrefix } from './metrics.ts';

const namespace = 'audit-warehouse';

interface Value {
  readonly name: string;
  readonly unit: 'Count' | 'Seconds' | 'Bytes' | 'None';
  readonly value: number;
}

/** One line for each set of labels that has values; everything is counted from zero again afterwards. */
export async function embeddedMetrics(metrics: Metrics, nowMs: number): Promise<string[]> {
  const byLabels = new Map<string, { labels: Record<string, string>; values: Value[] }>();
  for (const { name, type, values } of await metrics.registry.getMetricsAsJSON()) {
    if (!name.startsWith(metricPrefix) || name === `${metricPrefix}build_info`) continue;
    for (const { labels, value, ...rest } of values) {
      // Of a histogram the buckets say nothing that CloudWatch could use; sum and count do.
      const shown = 'metricName' in rest && typeof rest.metricName === 'string' ? rest.metricName : name;
      if (shown.endsWith('_bucket') || (String(type) !== 'gauge' && value === 0)) continue;
      const texts = Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)]));
      const names = Object.keys(texts).sort(compareText);
      const key = JSON.stringify(names.map((name) => [name, texts[name]]));
      const group = byLabels.get(key) ?? { labels: texts, values: [] };
      byLabels.set(key, group);
      group.values.push({ name: shown.slice(metricPrefix.length), unit: unitOf(shown), value });
    }
  }
  metrics.registry.resetMetrics();
  return [...byLabels.values()].map(({ labels, values }) =>
    JSON.stringify({
      _aws: {
        Timestamp: nowMs,
        CloudWatchMetrics: [
          {
            Namespace: namespace,
            Dimensions: [Object.keys(labels)],
            Metrics: values.map(({ name, unit }) => ({ Name: name, Unit: unit })),
          },
        ],
      },
      ...labels,
      ...Object.fromEntries(values.map(({ name, value }) => [name, value])),
    }),
  );
}

function unitOf(name: string): Value['unit'] {
  if (/_seconds(_sum)?$/.test(name)) return 'Seconds';
  if (/bytes(_total)?$/.test(name)) return 'Bytes';
  return /_(total|count|objects)$/.test(name) ? 'Count' : 'None';
}
