export {
  type ClearSigned,
  type ClearSignedResult,
  type FramingCode,
  type FramingProblem,
  parseClearSigned,
  signableFault,
  signableHint,
} from './clear-signed.ts';
export type { DetachedVerdict, DetachedVerification } from './detached.ts';
export { type Keyring, type KeyringOptions, type KeyStatus, openKeyring } from './keyring.ts';
export { exportPublicKey, type PublicKey, readPublicKeys } from './public-key.ts';
export {
  type DetachedSigning,
  openSigner,
  type Signer,
  type SignerOptions,
  signingKeyProblems,
} from './signer.ts';
export { parseTrustedKeys, type TrustedKeys } from './trusted-keys.ts';
export type { SignatureCode, SignatureVerdict } from './verification.ts';
