/** Rules and panels name metrics and labels that there are. Their PromQL is not run here: that takes a Prometheus. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { alertRules, dashboard } from '../../scripts/monitoring.ts';
import { type AlertRule, type MetricName, metricPrefix, metrics } from '../../src/telemetry/metrics.ts';

interface Expression {
  readonly name: string;
  readonly expr: string;
}

const { groups } = parse(alertRules()) as { groups: { rules: { alert: string; expr: string }[] }[] };
const rules: Expression[] = groups.flatMap((group) => group.rules).map(({ alert, expr }) => ({ name: alert, expr }));
const { panels } = JSON.parse(dashboard()) as { panels: { title: string; targets: { expr: string }[] }[] };
const targets: Expression[] = panels.flatMap(({ title, targets: all }) =>
  all.map(({ expr }) => ({ name: title, expr })),
);

describe.each([...rules, ...targets])('$name', ({ expr }) => {
  const names = [...expr.matchAll(new RegExp(`${metricPrefix}(\\w+)`, 'g'))].map(([, name]) =>
    name!.replace(/_bucket$/, ''),
  ) as MetricName[];

  test('asks for metrics that there are, by labels that they have', () => {
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(Object.keys(metrics)).toContain(name);
    const labels = new Set(names.flatMap((name): readonly string[] => metrics[name].labels));
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(', '));
    const selected = [...expr.matchAll(/[{,]\s*(\w+)=~?"/g)].map(([, label]) => label!);
    for (const label of [...grouped, ...selected]) if (label !== 'le') expect([...labels]).toContain(label);
  });

  test('closes what it opens', () => {
    for (const [open, close] of ['()', '{}', '[]'])
      expect(expr.split(open!).length, `${open}${close}`).toBe(expr.split(close!).length);
  });
});

test('every metric has a panel, and every rule a name of its own', () => {
  expect(panels).toHaveLength(Object.keys(metrics).length);
  expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  const declared = Object.values(metrics) as { rule?: AlertRule }[];
  expect(rules).toHaveLength(declared.filter(({ rule }) => rule !== undefined).length + 1);
});
