import { keyManifestKey, mediaTypes, singleBlobManifest } from '@slipway/spack-buildcache';
import { type Attack, type AttackContext, rewriteManifest } from './attack.ts';
import { writeKeyIndex } from './mirror-builder.ts';
import { writeBlob } from './mirror-files.ts';

/** Puts something else behind the key manifest of the honest key. */
function replaceKey(context: AttackContext, body: string): Promise<void> {
  const blob = writeBlob(context.directory, Buffer.from(body), mediaTypes.key, 'none');
  const manifest = singleBlobManifest(mediaTypes.key, blob.contentLength, blob.checksum);
  return rewriteManifest(context, keyManifestKey(context.keys.honest.fingerprint), manifest);
}

/** Attacks on the keys that a mirror offers to clients. */
export const keyListAttacks: readonly Attack[] = [
  {
    name: 'another key under the fingerprint of the honest one',
    code: 'key-mismatch',
    level: 'metadata',
    against: 'keys',
    apply: (context) => replaceKey(context, context.keys.stranger.publicArmored),
  },
  {
    name: 'something else than a key under the fingerprint of the honest one',
    code: 'key-malformed',
    level: 'metadata',
    against: 'keys',
    apply: (context) => replaceKey(context, 'not a key\n'),
  },
  {
    name: 'a key index that names a key that is not there',
    code: 'key-index-mismatch',
    level: 'metadata',
    against: 'keys',
    apply: (context) =>
      writeKeyIndex(context.directory, [context.keys.honest.fingerprint, context.keys.stranger.fingerprint]),
  },
];
