import { expect, test } from 'vitest';
import { kernel } from '../../src/kernel/kernel.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { putDecisions, run, testRuntime } from '../support/warehouse.ts';

test('runs one after the other in one process, as of a library, take the memory of the kernel once', async () => {
  const ingest = async (): Promise<number> => {
    const runtime = testRuntime({ store: new MemoryStore() });
    await putDecisions(runtime.store, 3, 5);
    await run(runtime);
    return kernel().call.memoryTop();
  };
  await ingest();
  const after = await ingest();
  for (let n = 0; n < 5; n++) expect(await ingest()).toBe(after);
});
