/** Why a key, or the part of it that signed, is refused. */
export type KeyFaultCode =
  | 'signature-key-revoked'
  | 'signature-key-expired'
  | 'signature-key-invalid'
  | 'signature-subkey-revoked'
  | 'signature-subkey-expired'
  | 'signature-subkey-invalid'
  | 'signature-not-for-signing'
  | 'signature-weak'
  | 'signature-unsupported';

export interface KeyFault {
  readonly code: KeyFaultCode;
  readonly message: string;
}
