/**
 * The three steps as a function of AWS Lambda, for a state machine of Step Functions (deploy/terraform/job.asl.json.tftpl): it
 * plans into a manifest on S3, calls the function once for each line of it, and commits. What fails throws, so that the
 * state machine tries it again; a unit that is tried again, or runs on after its time is over, is staged once.
 */
import { UsageError } from '../../config/errors.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { parseObjectUri } from '../../store/uri.ts';
import { type CommitReport, commitUnits } from './commit.ts';
import { type PlanCompactionOptions, planCompaction } from './compaction-plan.ts';
import { unitLine } from './manifest.ts';
import { type PlanUnitsOptions, planUnits } from './plan.ts';
import { Stager } from './stage.ts';
import { parseUnit, type Receipt, type Unit } from './unit.ts';

export type JobEvent =
  | { readonly step: 'plan'; readonly manifest: string; readonly options?: JobOptions }
  | { readonly step: 'stage'; readonly unit: Unit }
  | { readonly step: 'commit' };

/** The input of the state machine: options of `job plan`. */
export interface JobOptions extends Partial<Omit<PlanUnitsOptions, 'signal'>>, Pick<PlanCompactionOptions, 'tables'> {
  readonly compact?: boolean;
}

export interface PlannedManifest {
  readonly units: number;
  readonly bucket: string;
  readonly key: string;
  /** The plan was cut off: there is more to be planned when these units are committed. */
  readonly more: boolean;
}

/** A unit that another try may do better. */
export class UnitFailed extends Error {
  override readonly name = 'UnitFailed';
}

const defaults = { name: 'step-functions', holdSeconds: 86_400, units: 10_000 };

export type JobHandler = (event: JobEvent) => Promise<PlannedManifest | Receipt | CommitReport>;

/** Opens the runtime at the first event and keeps it for the next ones. */
export function createJobHandler(openRuntime: () => Promise<Runtime>): JobHandler {
  let opening: Promise<{ runtime: Runtime; stager: Stager }> | undefined;
  return async (event) => {
    opening ??= openRuntime().then((runtime) => ({ runtime, stager: new Stager(runtime) }));
    opening.catch(() => {
      opening = undefined;
    });
    const { runtime, stager } = await opening;
    if (event.step === 'plan') return plan(runtime, event.manifest, event.options ?? {});
    if (event.step === 'stage') return stage(stager, event.unit);
    if (event.step === 'commit') return commitUnits(runtime);
    throw new UsageError(`no step ${String((event as { step?: unknown }).step)}: there are plan, stage and commit`);
  };
}

async function plan(runtime: Runtime, manifest: string, options: JobOptions): Promise<PlannedManifest> {
  const { compact = false, ...given } = options;
  const all = { ...defaults, ...given };
  const lines: string[] = [];
  const planned = compact ? planCompaction(runtime, all) : planUnits(runtime, all);
  for await (const unit of planned) lines.push(unitLine(unit));
  await runtime.store.put(manifest, Buffer.from(lines.join('')), { contentType: 'application/jsonl' });
  const { authority: bucket, key } = parseObjectUri(manifest);
  // Days that were looked through and left alone would be planned again and again.
  return { units: lines.length, bucket, key, more: !compact && lines.length === all.units };
}

async function stage(stager: Stager, unit: Unit): Promise<Receipt> {
  const receipt = await stager.stage(parseUnit(JSON.stringify(unit)));
  if (receipt.state === 'failed') throw new UnitFailed(`${receipt.error?.code}: ${receipt.error?.message}`);
  return receipt;
}
