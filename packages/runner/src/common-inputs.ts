import { input } from './input.ts';

/** Inputs that many actions have, each declared once. An action may override a description. */
export const commonInputs = {
  'dry-run': input.boolean({ description: 'Print what would be done and change nothing.', default: 'false' }),
  report: input.path({ description: 'Where to write the JSON report. A temporary file when not given.' }),
};

/** Inputs of actions that sign with an OpenPGP key. Actions add the `check` of `trusted-keys`, which needs `@slipway/signing`. */
export const signingInputs = {
  'signing-key': input.requiredSecret({
    description: 'The armored OpenPGP private key to sign with, or its base64 encoding.',
  }),
  passphrase: input.passphrase({ description: 'The passphrase of the private key, if it has one.' }),
  'trusted-keys': input.block({
    description:
      'Fingerprints or armored public keys, one of which must belong to the signing key. If `signing-key` holds several keys, the one listed here signs. Any key may sign when not given.',
  }),
};
