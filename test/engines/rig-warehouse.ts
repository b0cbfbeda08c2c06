/** A warehouse in the S3 and Glue of the rig, filled by the binary, that every engine can be asked about. */
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure, type Place } from '../support/binary.ts';
import { rig } from '../support/rig.ts';

export interface RigWarehouse {
  readonly place: Place;
  readonly config: Config;
  readonly database: string;
}

/** `folder` takes the configuration. The lines are decisions, one object. */
export async function rigWarehouse(folder: string, lines: readonly string[]): Promise<RigWarehouse> {
  const [s3, { database, endpoint: glue }, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
  const { bucket, endpoint, region } = s3;
  const key = 'eopa=a/first_ts=1689094560/last_ts=1689094570/batch_id=00000000-0000-4000-8000-000000000000.jsonl';
  await new S3Store({ endpoint, region, forcePathStyle: true }).put(
    `s3://${bucket}/logs/${key}`,
    Buffer.from(lines.join('\n')),
  );
  const place = configure(
    folder,
    {
      warehouse: `s3://${bucket}/warehouse`,
      catalog: { type: 'glue', database, endpoint: glue, region },
      s3: { endpoint, region, forcePathStyle: true },
      sources: [{ name: 'eopa', type: 'opa', location: `s3://${bucket}/logs/` }],
      engines: {
        trino: { url: trino.url, catalog: 'awsdatacatalog', user: 'alice' },
        athena: { output: `s3://${bucket}/results/`, endpoint: s3.env.AWS_ENDPOINT_URL_ATHENA },
      },
    },
    s3.env,
  );
  const { code, stderr } = await backfill(place);
  if (code !== 0) throw new Error(`backfill ended with ${code}:\n${stderr}`);
  const { config } = loadConfig({ env: {}, cwd: folder, reserved: () => new Set() });
  return { place, config, database };
}
