import type { ObjectStore } from '../store/store.ts';
import { compareText } from '../text/order.ts';
import {
  dataContent,
  deleted,
  existing,
  type Manifest,
  type ManifestEntry,
  partitionValues,
  specById,
} from './manifest.ts';
import type { ManifestFile } from './manifest-list.ts';
import { stringPartition } from './manifest-schemas.ts';
import type { TableMetadata } from './metadata.ts';
import { openManifests, ymdIndex } from './scan.ts';

/**
 * Merging of manifests, so that a table of many small commits stays cheap to plan and to commit to: once enough small
 * ones have come together, their live entries are written anew, sorted by day, so that each manifest covers few days.
 */

/** The manifests to merge now: small ones of one spec by `ymd` alone, if there are enough. */
export function manifestsToMerge(metadata: TableMetadata, manifests: readonly ManifestFile[]): ManifestFile[] {
  const { properties } = metadata;
  if (properties['commit.manifest-merge.enabled'] === 'false') return [];
  const leastCount = Math.max(2, number(properties['commit.manifest.min-count-to-merge'], 100));
  const target = targetBytes(metadata);
  const bySpec = Map.groupBy(
    manifests.filter((manifest) => {
      const spec = specById(metadata, manifest.specId);
      const simple = spec.fields.length === 1 && ymdIndex(spec, metadata) === 0;
      // One that already is near its full size would only be copied.
      return (
        simple && manifest.content === dataContent && manifest.keyMetadata === null && manifest.length < target / 2
      );
    }),
    (manifest) => manifest.specId,
  );
  return [...bySpec.values()].find((group) => group.length >= leastCount) ?? [];
}

/** The live entries of these manifests in as few manifests as their target size allows. */
export async function mergeEntries(
  store: ObjectStore,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
): Promise<Manifest[]> {
  const [first] = manifests;
  if (first === undefined) return [];
  const spec = specById(metadata, first.specId);
  const field = spec.fields[0]!;
  const days: { day: string | null; entry: ManifestEntry }[] = [];
  for await (const { manifest } of openManifests(store, manifests)) {
    for (const entry of manifest.entries) {
      if (entry.status === deleted) continue;
      const day = partitionValues(manifest, spec, entry.file)[0] as string | null;
      const file = { ...entry.file, partition: { [field.name]: day } };
      days.push({ day, entry: { ...entry, status: existing, file } });
    }
  }
  days.sort((a, b) => compareText(a.day ?? '', b.day ?? '') || compareText(a.entry.file.path, b.entry.file.path));
  const bytes = manifests.reduce((sum, manifest) => sum + manifest.length, 0);
  const perManifest = Math.max(1, Math.floor((targetBytes(metadata) * days.length) / Math.max(1, bytes)));
  const merged: Manifest[] = [];
  for (let start = 0; start < days.length; start += perManifest)
    merged.push({
      specId: spec['spec-id'],
      content: dataContent,
      partitionSchema: stringPartition(field['field-id'], field.name),
      entries: days.slice(start, start + perManifest).map(({ entry }) => entry),
    });
  return merged;
}

const targetBytes = (metadata: TableMetadata): number =>
  number(metadata.properties['commit.manifest.target-size-bytes'], 8 * 1024 * 1024);

function number(text: string | undefined, otherwise: number): number {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) && value > 0 ? value : otherwise;
}
