import type { Attack } from './attack.ts';
import { blobAttacks } from './attack-blobs.ts';
import { documentAttacks } from './attack-documents.ts';
import { formatAttacks } from './attack-formats.ts';
import { indexAttacks } from './attack-indexes.ts';
import { keyListAttacks } from './attack-key-lists.ts';
import { manifestAttacks } from './attack-manifests.ts';
import { nameAttacks } from './attack-names.ts';
import { signatureAttacks } from './attack-signatures.ts';
import { tarballAttacks } from './attack-tarballs.ts';
import { treeAttacks } from './attack-trees.ts';

/** Every attack on a signed buildcache that Slipway promises to refuse (I1, I4, I8). */
export const attacks: readonly Attack[] = [
  ...nameAttacks,
  ...blobAttacks,
  ...documentAttacks,
  ...manifestAttacks,
  ...tarballAttacks,
  ...signatureAttacks,
  ...treeAttacks,
  ...indexAttacks,
  ...formatAttacks,
  ...keyListAttacks,
];

/** The attacks that work without signatures: what is required even of an unsigned mirror. */
export const attacksWithoutSignatures: readonly Attack[] = attacks.filter(
  ({ code, against }) => !code.startsWith('signature-') && code !== 'unsigned' && against !== 'keys',
);
