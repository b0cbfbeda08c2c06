import type { Owner } from '../../ledger/owner.ts';

/** A planned job as the owner of claims: no process, so only their deadline ends them. */
export const jobOwner = (name: string, { isDead }: Owner): Owner => ({ id: `job/${name}`, isDead });
