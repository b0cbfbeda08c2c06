/** What watches a worker, from the declaration of its metrics: alert rules for Prometheus and a dashboard for Grafana. */
import { stringify } from 'yaml';
import { type AlertRule, metricPrefix, metrics } from '../src/telemetry/metrics.ts';

interface Declaration {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly alert?: string;
  readonly rule?: AlertRule;
}

const declarations = Object.entries(metrics) as readonly (readonly [string, Declaration])[];
const fullName = (name: string): string => metricPrefix + name;

/** deploy/monitoring/alerts.yaml: a rules file of Prometheus. */
export const alertRules = (): string => written(groups());

/** The same for the Prometheus operator: deploy/kubernetes/monitoring/prometheus-rule.yaml. */
export const prometheusRule = (): string =>
  written({
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'audit-warehouse', labels: { 'app.kubernetes.io/name': 'audit-warehouse' } },
    spec: groups(),
  });

function groups(): object {
  const rules = declarations.flatMap(([name, { rule, alert }]) =>
    rule === undefined
      ? []
      : [
          {
            alert: `AuditWarehouse${rule.name}`,
            expr: rule.expr.replaceAll('$metric', fullName(name)),
            for: rule.for,
            labels: { severity: rule.severity },
            annotations: { summary: rule.summary, ...(alert !== undefined && { description: sentence(alert) }) },
          },
        ],
  );
  const processRules = [
    {
      alert: 'AuditWarehouseDown',
      expr: `absent(${fullName('source_up')})`,
      for: '10m',
      labels: { severity: 'page' },
      annotations: {
        summary: 'No worker is being scraped',
        description: 'Every worker is gone, or its port is closed.',
      },
    },
  ];
  return { groups: [{ name: 'audit-warehouse', rules: [...processRules, ...rules] }] };
}

const written = (document: object): string =>
  `# Written by scripts/docs from src/telemetry/metrics.ts. Thresholds are starting points: change them in a copy.\n${stringify(document, { lineWidth: 0 })}`;

/** deploy/monitoring/dashboard.json: to be imported into Grafana 10 or newer. */
export function dashboard(): string {
  const panels = declarations.map(([name, declaration], i) => panel(name, declaration, i));
  const board = {
    title: 'audit-warehouse',
    uid: 'audit-warehouse',
    tags: ['audit-warehouse'],
    schemaVersion: 39,
    refresh: '1m',
    time: { from: 'now-24h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        {
          name: 'source',
          label: 'Source',
          type: 'query',
          datasource,
          query: { query: `label_values(${fullName('source_up')}, source)`, refId: 'source' },
          refresh: 2,
          multi: true,
          includeAll: true,
          allValue: '.*',
          current: { text: 'All', value: '$__all' },
        },
      ],
    },
    panels,
  };
  return `${JSON.stringify(board, null, 2)}\n`;
}

const datasource = { type: 'prometheus', uid: '$datasource' };
const [columns, height] = [3, 8];

function panel(name: string, { type, labels, help, rule }: Declaration, index: number): object {
  const width = 24 / columns;
  const selector = labels.includes('source') ? '{source=~"$source"}' : '';
  const by = labels.length === 0 ? '' : ` by (${labels.join(', ')})`;
  const metric = fullName(name);
  const expr = {
    counter: `sum${by} (rate(${metric}${selector}[$__rate_interval]))`,
    gauge: `max${by} (${metric}${selector})`,
    histogram: `histogram_quantile(0.95, sum by (${[...labels, 'le'].join(', ')}) (rate(${metric}_bucket${selector}[$__rate_interval])))`,
  }[type];
  return {
    id: index + 1,
    type: 'timeseries',
    title: name.replaceAll('_', ' ').replace(/ total$/, ' per second'),
    description: rule === undefined ? help : `${help} Alert: ${rule.summary.replace(/\{\{.*?\}\}/g, '…')}.`,
    datasource,
    gridPos: { h: height, w: width, x: (index % columns) * width, y: Math.floor(index / columns) * height },
    fieldConfig: { defaults: { unit: unitOf(name, type), min: 0 }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
    targets: [{ refId: 'A', datasource, expr, legendFormat: labels.map((label) => `{{${label}}}`).join(' ') }],
  };
}

function unitOf(name: string, type: Declaration['type']): string {
  if (name.endsWith('_seconds')) return 's';
  if (name.startsWith('bytes')) return type === 'counter' ? 'Bps' : 'bytes';
  return type === 'counter' ? 'cps' : 'short';
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
