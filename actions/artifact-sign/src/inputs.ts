import { type InputsOf, input } from '@slipway/runner';
import { parseTrustedKeys } from '@slipway/signing';

export const inputs = {
  files: input.lines({
    description:
      'The files to sign, one path, directory or glob a line; `!glob` leaves out. `.asc` files and the checksums are never among them.',
  }),
  artifacts: input.path({
    description: 'A list of artifacts that another action wrote; their files are signed too.',
  }),
  'signing-key': input.requiredSecret({
    description: 'The armored OpenPGP private key to sign with, or the base64 of it.',
  }),
  passphrase: input.passphrase({ description: 'The passphrase of the private key, if it has one.' }),
  'trusted-keys': {
    ...input.block({
      description:
        'Fingerprints or armored public keys of which the signing key must be one; of several keys in `signing-key`, the one that is signs. Any key signs without it.',
    }),
    check: async (text: string): Promise<void> => void (await parseTrustedKeys(text)),
  },
  signatures: input.choice({
    description: 'What is signed: `all` files and the checksums, or the `checksums` alone.',
    choices: ['all', 'checksums'],
    default: 'all',
  }),
  checksums: input.path({
    description:
      'Where to write the SHA-256 sums. Files must be in that directory or below it. `SHA256SUMS` in the directory that has all the files without it.',
  }),
  'checksums-signature': input.choice({
    description:
      'How the checksums are signed, in a file of their name and `.asc`: `detached`, or `clear-signed` with the sums in it.',
    choices: ['detached', 'clear-signed'],
    default: 'detached',
  }),
  'dry-run': input.boolean({ description: 'Print what would be signed, and do nothing.', default: 'false' }),
  report: input.path({ description: 'Where to write the JSON report. A temporary file without it.' }),
};

export type Inputs = InputsOf<typeof inputs>;
