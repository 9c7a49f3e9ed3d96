import { commonInputs, type InputsOf, input, signingInputs } from '@slipway/runner';
import { parseTrustedKeys } from '@slipway/signing';

export const inputs = {
  files: input.lines({
    description:
      'The files to sign: one path, directory or glob per line; `!glob` excludes. `.asc` files and the checksums are never signed.',
  }),
  artifacts: input.path({
    description: 'A list of artifacts that another action wrote; their files are also signed.',
  }),
  'signing-key': signingInputs['signing-key'],
  passphrase: signingInputs.passphrase,
  'trusted-keys': {
    ...signingInputs['trusted-keys'],
    check: async (text: string): Promise<void> => void (await parseTrustedKeys(text)),
  },
  signatures: input.choice({
    description: 'What is signed: `all` files and the checksums, or only the `checksums`.',
    choices: ['all', 'checksums'],
    default: 'all',
  }),
  checksums: input.path({
    description:
      'Where to write the SHA-256 checksums. Files must be in that directory or below it. By default, `SHA256SUMS` in the deepest directory that contains all the files.',
  }),
  'checksums-signature': input.choice({
    description:
      'How the checksums are signed, in a file of the same name with `.asc`: `detached`, or `clear-signed` with the checksums in it.',
    choices: ['detached', 'clear-signed'],
    default: 'detached',
  }),
  ...commonInputs,
};

export type Inputs = InputsOf<typeof inputs>;
