import type { Attack, AttackContext } from './attack.ts';
import { victims } from './attack.ts';
import type { AttackKeys } from './attack-signers.ts';
import { clearSign, joinSignatures, splitSigned } from './clear-sign.ts';
import { addKeys, signManifests } from './mirror-builder.ts';
import { readManifestText, readObject, writeManifest, writeObject } from './mirror-files.ts';

/** Signs again with a key that the verifier pinned, but that is no longer valid. */
function signedBy(key: Exclude<keyof AttackKeys, 'honest' | 'stranger'>, code: string, what: string): Attack {
  return {
    name: `a manifest signed by ${what}`,
    code,
    level: 'metadata',
    against: 'entry',
    trusts: [key],
    async apply(context) {
      await addKeys(context.directory, [context.keys[key]]);
      await signManifests(context.directory, context.keys[key], [victims.program]);
    },
  };
}

/** Changes a signed manifest as a text, without a key. */
function edited(
  name: string,
  code: string,
  edit: (document: string, context: AttackContext) => string | Promise<string>,
): Attack {
  return {
    name,
    code,
    level: 'metadata',
    against: 'entry',
    async apply(context) {
      const document = readObject(context.directory, victims.program).toString('utf8');
      writeObject(context.directory, victims.program, await edit(document, context));
    },
  };
}

const otherDocument = (context: AttackContext): string =>
  readObject(context.directory, victims.otherProgram).toString('utf8');

const keyAttacks: readonly Attack[] = [
  {
    name: 'a manifest signed by an unknown key',
    code: 'signature-unknown-key',
    level: 'metadata',
    against: 'entry',
    apply: (context) => signManifests(context.directory, context.keys.stranger, [victims.program]),
  },
  {
    name: "a manifest signed by a key that is in the mirror's key list, but not pinned",
    code: 'signature-not-pinned',
    alongside: ['key-not-pinned'],
    level: 'metadata',
    against: 'entry',
    async apply(context) {
      await addKeys(context.directory, [context.keys.stranger]);
      await signManifests(context.directory, context.keys.stranger, [victims.program]);
    },
  },
  signedBy('expired', 'signature-key-expired', 'a key that has expired since'),
  signedBy('revoked', 'signature-key-revoked', 'a key that is revoked'),
  signedBy('expiredSubkey', 'signature-subkey-expired', 'a subkey that has expired since'),
  signedBy('revokedSubkey', 'signature-subkey-revoked', 'a subkey that is revoked'),
  {
    name: 'a manifest signed in the future',
    code: 'signature-from-future',
    level: 'metadata',
    against: 'entry',
    apply(context) {
      const signedAt = new Date(Date.now() + 30 * 24 * 3_600_000);
      return signManifests(context.directory, { ...context.keys.honest, signedAt }, [victims.program]);
    },
  },
];

const textAttacks: readonly Attack[] = [
  {
    name: 'an unsigned manifest among signed ones',
    code: 'unsigned',
    level: 'metadata',
    against: 'entry',
    apply: (context) =>
      writeManifest(context.directory, victims.program, readManifestText(context.directory, victims.program)),
  },
  edited('a digit changed in a signed manifest', 'signature-bad', (document) =>
    document.replace(
      /"contentLength":(\d)/,
      (_, digit: string) => `"contentLength":${(Number(digit) % 9) + 1}`,
    ),
  ),
  edited('the signature of another manifest', 'signature-bad', (document, context) =>
    splitSigned(document).head.concat(splitSigned(otherDocument(context)).signature),
  ),
  edited('a good and a bad signature in one block', 'signature-multiple', async (document, context) => {
    const { head, signature } = splitSigned(document);
    return head.concat(await joinSignatures([signature, splitSigned(otherDocument(context)).signature]));
  }),
  edited('a bad and a good signature in one block', 'signature-multiple', async (document, context) => {
    const { head, signature } = splitSigned(document);
    return head.concat(await joinSignatures([splitSigned(otherDocument(context)).signature, signature]));
  }),
  edited(
    'the signature of a stranger beside the honest one',
    'signature-multiple',
    async (document, context) => {
      const { head, signature } = splitSigned(document);
      const text = readManifestText(context.directory, victims.program);
      const added = splitSigned(await clearSign(text, context.keys.stranger)).signature;
      return head.concat(await joinSignatures([signature, added]));
    },
  ),
  edited('two signature blocks after one text', 'signature-multiple', (document) =>
    document.concat(splitSigned(document).signature),
  ),
  edited('two signed messages in one file', 'signature-multiple', (document, context) =>
    document.concat(otherDocument(context)),
  ),
  edited(
    'a text before the signed message',
    'signature-malformed',
    (document, context) => `${readManifestText(context.directory, victims.otherProgram)}\n${document}`,
  ),
  edited(
    'a text after the signature',
    'signature-malformed',
    (document, context) => `${document}${readManifestText(context.directory, victims.otherProgram)}\n`,
  ),
  edited('a manifest in the header of the signed message', 'signature-malformed', (document, context) => {
    // No signature covers the header, and the first empty line ends it.
    const hidden = readManifestText(context.directory, victims.otherProgram);
    return document.replace('Hash: SHA512\n', `Hash: SHA512\n${hidden}\n`);
  }),
  edited('a comment in the header of the signed message', 'signature-malformed', (document) =>
    document.replace('Hash: SHA512\n', 'Hash: SHA512\nComment: trust me\n'),
  ),
  edited('blanks at line ends, which no signature covers', 'signature-malformed', (document) =>
    document.replace('"version":3,\n', '"version":3, \t\n'),
  ),
  edited('a signature that does not end', 'signature-malformed', (document) =>
    document.slice(0, document.indexOf('-----END PGP SIGNATURE')),
  ),
  edited(
    'a signed message without a signature',
    'signature-malformed',
    (document) => splitSigned(document).head,
  ),
];

export const signatureAttacks: readonly Attack[] = [...keyAttacks, ...textAttacks];
