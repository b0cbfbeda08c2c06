/** Whether instances number what they do, so that what never arrived can be told. */
import type { Runtime } from '../../ingest/runtime.ts';
import { plural } from '../../text/humanize.ts';
import { producers } from '../producers/producers.ts';
import { type Finding, ok, warning } from './check.ts';

const dayMs = 86_400_000;
const days = 7;

export async function checkProducers(runtime: Runtime): Promise<Finding> {
  const from = new Date(runtime.clock() - days * dayMs).toISOString().slice(0, 10);
  const report = await producers(runtime, { from, grades: ['uncounted'] });
  const { instances } = report.totals;
  if (instances === 0) return ok(`no instance that numbers its records was seen in the last ${days} days`);
  const without = new Set(report.days.map(({ instance }) => instance)).size;
  if (without === 0)
    return ok(
      `${plural(instances, 'instance')} of the last ${days} days ${instances === 1 ? 'numbers its' : 'number their'} records`,
    );
  return warning(
    `${without} of ${plural(instances, 'instance')} of the last ${days} days made records without a number or without labels.id: what is missing of those cannot be told`,
    'start OPA with --log-level info, since it leaves req_id out at error; OPA-Envoy never has one (docs/completeness.md)',
  );
}
