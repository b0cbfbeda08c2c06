/** A table as engines on Hadoop's file systems write it: with `s3a://`, `s3n://` or `file:/` in every path that it names. */
import type { LoadedTable } from '../../src/iceberg/catalog.ts';
import { readDeletedPositions } from '../../src/iceberg/deleted-rows.ts';
import { deletesContent, encodeManifest, specById } from '../../src/iceberg/manifest.ts';
import { encodeManifestList } from '../../src/iceberg/manifest-list.ts';
import type { TableMetadata } from '../../src/iceberg/metadata.ts';
import { deleteFile } from '../../src/iceberg/row-deletes.ts';
import { readManifest, readManifestList } from '../../src/iceberg/scan.ts';
import { collect } from './collect.ts';
import { type Place, positionDeletes } from './foreign-deletes.ts';

/** Commits the table with all of its places spelt anew, those in position delete files too. */
export async function respell(place: Place, name: string, spell: (uri: string) => string): Promise<void> {
  const { store, catalog } = place;
  const base = (await catalog.loadTable(name))!;
  const { metadata } = base;
  const uri = (label: string): string => `${catalog.tableLocation(name)}/metadata/respelt-${label}.avro`;
  const written = new Map<string, { path: string; length: number }>();
  const snapshots = [];
  for (const snapshot of metadata.snapshots) {
    const manifests = [];
    for (const file of await readManifestList(store, snapshot)) {
      let respelt = written.get(file.path);
      if (respelt === undefined) {
        const manifest = await readManifest(store, file);
        const entries = [];
        for (const entry of manifest.entries) {
          let { file: data } = entry;
          if (manifest.content === deletesContent && data.content === 1) {
            const deletes = deleteFile(entry, manifest, specById(metadata, manifest.specId));
            const rows = (await collect(readDeletedPositions(store, deletes))).flat();
            const again = await positionDeletes(
              place,
              base,
              rows.map((row) => [spell(String(row.path)), Number(row.position)] as const),
            );
            data = { ...data, ...again, partition: data.partition };
          }
          const referencedDataFile = data.referencedDataFile && spell(data.referencedDataFile);
          entries.push({ ...entry, file: { ...data, path: spell(data.path), referencedDataFile } });
        }
        const bytes = encodeManifest({ ...manifest, entries }, metadata);
        const path = uri(`m${written.size}-${snapshot['snapshot-id']}`);
        await store.put(path, bytes);
        respelt = { path: spell(path), length: bytes.length };
        written.set(file.path, respelt);
      }
      manifests.push({ ...file, ...respelt });
    }
    const header = {
      snapshotId: snapshot['snapshot-id'],
      parentSnapshotId: snapshot['parent-snapshot-id'],
      sequenceNumber: snapshot['sequence-number'],
    };
    await store.put(uri(`l${header.snapshotId}`), encodeManifestList(header, manifests));
    snapshots.push({ ...snapshot, 'manifest-list': spell(uri(`l${header.snapshotId}`)) });
  }
  const log = (of: TableMetadata) =>
    of['metadata-log'].map((entry) => ({ ...entry, 'metadata-file': spell(entry['metadata-file']) }));
  const spelt: LoadedTable = { ...base, metadata: { ...metadata, 'metadata-log': log(metadata) } };
  await catalog.commitTable(name, spelt, { ...metadata, location: spell(metadata.location), snapshots });
}
