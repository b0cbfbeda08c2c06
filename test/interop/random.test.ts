/**
 * Operations of the matrix and commands of ours in any order, drawn from a seed: what is settled one at a time there meets
 * here what came before it. INTEROP_SEED=7 begins there, INTEROP_SEED=random anywhere, INTEROP_SEQUENCES=20 does so many, INTEROP_STEPS=12
 * makes them longer, INTEROP_TELL=true tells each step; a sequence that fails says its seed and what it did.
 */
import { afterAll, beforeAll, test } from 'vitest';
import type { Conversation } from '../support/conversation.ts';
import { describeWith, rig } from '../support/rig.ts';
import { Sequence } from './sequence.ts';

const { INTEROP_SEED = '1', INTEROP_SEQUENCES = '2', INTEROP_STEPS = '8' } = process.env;
const first = INTEROP_SEED === 'random' ? Math.floor(Math.random() * 1e9) : Number(INTEROP_SEED);
const seeds = Array.from({ length: Number(INTEROP_SEQUENCES) }, (_, i) => first + i);
const minutes = 60_000;

describeWith(['s3', 'glue', 'trino', 'readers', 'spark35'], 'other engines and our commands in any order', () => {
  let spark: Conversation;
  beforeAll(async () => {
    spark = await rig.icebergSpark();
  });
  afterAll(() => spark?.close());

  test.each(seeds)('seed %i', { timeout: 10 * minutes }, async (seed) => {
    const sequence = await Sequence.begin(spark, seed);
    try {
      for (let step = 0; step < Number(INTEROP_STEPS); step++) await sequence.step();
      await sequence.end();
    } catch (error) {
      const told = `INTEROP_SEED=${seed} INTEROP_STEPS=${INTEROP_STEPS}:\n${sequence.told.join('\n')}`;
      if (process.env.INTEROP_TELL === 'true') console.log(told, error);
      throw new Error(told, { cause: error });
    } finally {
      await sequence.close();
    }
  });
});
