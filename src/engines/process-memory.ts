/** How much memory this process may take: what its control group allows, or what the machine has. */
import { totalmem } from 'node:os';

export function processMemory(): number {
  // Without a limit, Node gives 0 or a number beyond all memory.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
