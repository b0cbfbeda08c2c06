import { UsageError } from '../../config/errors.ts';
import type { Owner } from '../../ledger/owner.ts';

/** A planned job as the owner of claims: no process, so only their deadline ends them. Throws UsageError for another name. */
export function jobOwner(name: string, { isDead }: Owner): Owner {
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name))
    throw new UsageError(`the name of a job takes small letters, digits, - and _, not ${name}`);
  return { id: `job/${name}`, isDead };
}
