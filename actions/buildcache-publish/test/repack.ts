import { mediaTypes } from '@slipway/spack-buildcache';
import {
  addEntry,
  packPrefix,
  readManifest,
  requiredRecord,
  type TestKey,
  temporaryDirectory,
  writeBlob,
  writeManifest,
} from '@slipway/testkit';

/** Packs an entry again: same spec, other tarball. Returns the new tarball's SHA-256. */
export async function repack(directory: string, manifestKey: string, signer: TestKey): Promise<string> {
  const manifest = readManifest(directory, manifestKey);
  const spec = requiredRecord(manifest, mediaTypes.spec);
  const stem = /([^/]+)\.spec\.manifest\.json$/.exec(manifestKey)?.[1] ?? '';
  const [, name = ''] = /spec\/([^/]+)\//.exec(manifestKey) ?? [];
  const { nodes } = await addEntry(temporaryDirectory('elsewhere'), { name });
  const specJson = `{"spec":{"_meta":{"version":5},"nodes":[${[...nodes.values()].join(',')}]}}`;
  const body = await packPrefix(stem, { '.spack/spec.json': specJson, 'share/again.txt': 'packed again' });
  const tarball = writeBlob(directory, body, mediaTypes.tarball, 'gzip');
  await writeManifest(directory, manifestKey, { version: 3, data: [tarball, spec] }, signer);
  return tarball.checksum;
}
