/** The manifests against the schemas of Kubernetes, and against what the product needs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1';
import { CronJob, type ICronJob, type IJob, Job } from 'kubernetes-models/batch/v1';
import { type INetworkPolicy, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { type IPodDisruptionBudget, PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, type IConfigMap, type IPodSpec, ServiceAccount } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { exitCodes } from '../../src/commands/shared/exit.ts';
import { loadConfig } from '../../src/config/load.ts';
import { projectRoot } from '../support/cli.ts';

const folder = join(projectRoot, 'deploy/kubernetes');
const models = { Deployment, CronJob, ConfigMap, Job, NetworkPolicy, PodDisruptionBudget, ServiceAccount };
const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] };
// These are created by hand, so they are not among the resources.
const manifests = [...resources, 'backfill.yaml', 'stage.yaml'].flatMap((name) =>
  parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { kind: keyof typeof models; metadata: { name?: string; generateName?: string } };
  }),
);
const named = <T>(kind: string): T => manifests.find((manifest) => manifest.kind === kind) as T;
const deployment = named<IDeployment>('Deployment');
const cronJob = named<ICronJob>('CronJob');
const [job, stageJob] = manifests.filter(({ kind }) => kind === 'Job') as unknown as [IJob, IJob];
const configMap = named<IConfigMap>('ConfigMap');
const pods: readonly [string, IPodSpec][] = [
  ['the worker', deployment.spec!.template.spec!],
  ['the nightly job', cronJob.spec!.jobTemplate.spec!.template.spec!],
  ['the backfill', job.spec!.template.spec!],
  ['a unit of a job', stageJob.spec!.template.spec!],
];

describe('Kubernetes manifests', () => {
  test.each(
    manifests.map(
      (manifest) => [`${manifest.kind} ${manifest.metadata.name ?? manifest.metadata.generateName}`, manifest] as const,
    ),
  )('%s is as its schema says', (_, manifest) => {
    const Model = models[manifest.kind];
    expect(() => new Model(manifest as never).validate()).not.toThrow();
  });

  test('has no field that Kubernetes does not know', () => {
    // Its schemas let those pass; the types that are made of them do not, in a literal.
    const place = mkdtempSync(join(tmpdir(), 'aw-k8s-'));
    try {
      symlinkSync(join(projectRoot, 'node_modules'), join(place, 'node_modules'));
      const group = {
        Deployment: 'apps/v1',
        CronJob: 'batch/v1',
        ConfigMap: 'v1',
        Job: 'batch/v1',
        NetworkPolicy: 'networking.k8s.io/v1',
        PodDisruptionBudget: 'policy/v1',
        ServiceAccount: 'v1',
      };
      const lines = manifests.map(
        (manifest, i) =>
          `export const m${i}: import('kubernetes-models/${group[manifest.kind]}').I${manifest.kind} = ${JSON.stringify(manifest)};`,
      );
      writeFileSync(join(place, 'manifests.ts'), lines.join('\n'));
      const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
      const { stdout } = spawnSync(join(projectRoot, 'node_modules/.bin/tsc'), [...flags, 'manifests.ts'], {
        cwd: place,
        encoding: 'utf8',
      });
      expect(stdout).toBe('');
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  test('the configuration is one that the product takes', () => {
    const [[name, text]] = Object.entries(configMap.data!) as [[string, string]];
    expect(name).toBe('audit-warehouse.yaml');
    const place = mkdtempSync(join(tmpdir(), 'aw-k8s-'));
    try {
      writeFileSync(join(place, name), text);
      const { config } = loadConfig({ cwd: place, env: {}, reserved: () => new Set() });
      const grace = deployment.spec!.template.spec!.terminationGracePeriodSeconds!;
      expect(grace).toBeGreaterThanOrEqual(config.worker.shutdownSeconds + 20);
    } finally {
      rmSync(place, { recursive: true });
    }
  });

  test.each(pods)('%s runs as no root on a file system that it cannot change, within limits', (_, pod) => {
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const container of pod.containers) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources?.limits).toHaveProperty('memory');
      expect(container.resources?.requests).toHaveProperty('cpu');
      expect(container.image).not.toMatch(/:latest$|^[^:]*$/);
      const mounts = container.volumeMounts!.map(({ name }) => name);
      expect(mounts.sort()).toEqual(pod.volumes!.map(({ name }) => name).sort());
      expect(container.volumeMounts!.map(({ mountPath }) => mountPath).sort()).toEqual([
        '/etc/audit-warehouse',
        '/tmp',
      ]);
    }
    expect(pod.volumes!.map(({ configMap: map }) => map?.name)).toContain(configMap.metadata!.name);
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toContain(
      `ServiceAccount ${pod.serviceAccountName}`,
    );
  });

  test('the worker is watched where it listens, and both use one image', () => {
    const [container] = deployment.spec!.template.spec!.containers;
    const port = container!.ports![0]!;
    expect(container!.env).toContainEqual({
      name: 'AUDIT_WAREHOUSE_WORKER_LISTEN',
      value: `0.0.0.0:${port.containerPort}`,
    });
    expect(container!.livenessProbe!.httpGet).toEqual({ path: '/healthz', port: port.name });
    expect(container!.readinessProbe!.httpGet).toEqual({ path: '/readyz', port: port.name });
    expect(new Set(pods.map(([, pod]) => pod.containers[0]!.image)).size).toBe(1);
    expect(deployment.spec!.template.metadata!.labels).toMatchObject(deployment.spec!.selector.matchLabels!);
    expect(cronJob.spec).toMatchObject({ concurrencyPolicy: 'Forbid', timeZone: 'Etc/UTC' });
  });

  test('a job stages each unit of a manifest by its index, and one that fails leaves the others alone', () => {
    const { spec } = stageJob;
    const { args, name, env } = spec!.template.spec!.containers[0]!;
    expect(spec!.completionMode).toBe('Indexed');
    expect(args!.slice(0, 3)).toEqual(['job', 'stage', '--manifest']);
    expect(args!.slice(-2)).toEqual(['--unit', '$(JOB_COMPLETION_INDEX)']);
    // What is not in the environment stays as it is written, so nothing may hide what Kubernetes puts there.
    expect(env?.map((variable) => variable.name) ?? []).not.toContain('JOB_COMPLETION_INDEX');
    expect(spec!.backoffLimit).toBeUndefined();
    expect(spec!.backoffLimitPerIndex).toBeGreaterThan(0);
    expect(spec!.template.spec!.restartPolicy).toBe('Never');
    const [disrupted, wrong] = spec!.podFailurePolicy!.rules;
    expect(disrupted).toMatchObject({ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] });
    expect(wrong).toMatchObject({ action: 'FailJob', onExitCodes: { containerName: name, values: [exitCodes.usage] } });
  });

  test('lets nothing in but what scrapes the metrics, and nothing at the metadata of the node', () => {
    const { spec } = named<INetworkPolicy>('NetworkPolicy');
    const port = deployment.spec!.template.spec!.containers[0]!.ports![0]!.containerPort;
    expect(spec!.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec!.ingress).toHaveLength(1);
    expect(spec!.ingress![0]!.ports).toEqual([{ protocol: 'TCP', port }]);
    expect(deployment.spec!.template.metadata!.labels).toMatchObject(spec!.podSelector!.matchLabels!);
    const everywhere = spec!.egress!.flatMap(({ to }) => to ?? []).filter(({ ipBlock }) => /\/0$/.test(ipBlock!.cidr));
    expect(everywhere.map(({ ipBlock }) => ipBlock!.except)).toEqual([['169.254.169.254/32'], ['fd00:ec2::254/128']]);
  });

  test('the budget and the monitor are those of the worker', () => {
    const budget = named<IPodDisruptionBudget>('PodDisruptionBudget');
    const monitor = parse(readFileSync(join(folder, 'monitoring/pod-monitor.yaml'), 'utf8')) as {
      spec: { selector: unknown; podMetricsEndpoints: { port: string }[] };
    };
    expect(budget.spec!.selector).toEqual(deployment.spec!.selector);
    expect(monitor.spec.selector).toEqual(deployment.spec!.selector);
    expect(monitor.spec.podMetricsEndpoints[0]!.port).toBe(
      deployment.spec!.template.spec!.containers[0]!.ports![0]!.name,
    );
  });
});
