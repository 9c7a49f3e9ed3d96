import type { AssessedKey, SigningComponent } from './assessment.ts';
import type { KeyFaultCode } from './key-fault.ts';

/** Tells a user who stored something else how to make the secret. */
export const exportHint = 'Store the output of "gpg --armor --export-secret-keys FINGERPRINT" as the secret.';

/** For a key that is no use at all. */
export const newKeyHint =
  'Make a new key with "gpg --quick-generate-key \'NAME <EMAIL>\' ed25519 sign 2y" (or rsa3072 instead of ed25519), store its export as the secret, and trust its fingerprint.';

/** What to do about a key that cannot sign, depending on why. */
export function unusableHint(
  { fingerprint }: Pick<AssessedKey, 'fingerprint'>,
  faults: readonly { readonly component: SigningComponent; readonly code: KeyFaultCode | 'secret-missing' }[],
): string {
  const has = (code: (typeof faults)[number]['code']): boolean => faults.some((fault) => fault.code === code);
  const primary = faults.find(({ component }) => component.kind === 'primary')?.code;
  const expired = faults.find(({ code }) => code === 'signature-subkey-expired');
  if (expired !== undefined) return extendHint(fingerprint, expired.component.fingerprint);
  if (has('secret-missing')) {
    return `Export the key on the machine that has its secret part. If it is on a card, add a signing subkey that is not: ${addSubkey(fingerprint)}`;
  }
  if (primary === 'signature-not-for-signing') {
    return `The key only certifies or encrypts. Add a signing subkey: ${addSubkey(fingerprint)}`;
  }
  return newKeyHint;
}

/** What to do about a key that is refused as a whole. */
export function wholeKeyHint(code: KeyFaultCode, fingerprint: string): string {
  switch (code) {
    case 'signature-key-expired':
      return extendHint(fingerprint, undefined);
    case 'signature-key-invalid':
      return 'Check the key with "gpg --check-signatures" and the clock of the machine that made it, and export it again.';
    default:
      return newKeyHint;
  }
}

function addSubkey(fingerprint: string): string {
  return `"gpg --quick-add-key ${fingerprint} ed25519 sign 2y". Then export the key again, with the subkey.`;
}

function extendHint(fingerprint: string, subkey: string | undefined): string {
  const which = subkey === undefined ? '' : ` ${subkey}`;
  return `Extend it with "gpg --quick-set-expire ${fingerprint} 2y${which}", or replace it. Then export it and store it again.`;
}
