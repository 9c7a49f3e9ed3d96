/** A curve on which keys of gpg 2 sign with ECDSA. */
export interface Curve {
  /** As people write it. */
  readonly name: string;
  /** The content of its object identifier. */
  readonly oid: readonly number[];
  /** Of a coordinate, and of each of the two integers of a signature. */
  readonly sizeBytes: number;
  /** OpenPGP.js computes on the others in Node by a module that it does not bring along. */
  readonly inOpenPgpJs: boolean;
}

const brainpool = [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01];

const curves: ReadonlyMap<string, Curve> = new Map<string, Curve>([
  [
    'nistP256',
    {
      name: 'P-256',
      oid: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
      sizeBytes: 32,
      inOpenPgpJs: true,
    },
  ],
  ['nistP384', { name: 'P-384', oid: [0x2b, 0x81, 0x04, 0x00, 0x22], sizeBytes: 48, inOpenPgpJs: true }],
  ['nistP521', { name: 'P-521', oid: [0x2b, 0x81, 0x04, 0x00, 0x23], sizeBytes: 66, inOpenPgpJs: true }],
  ['brainpoolP256r1', { name: 'brainpoolP256r1', oid: [...brainpool, 7], sizeBytes: 32, inOpenPgpJs: false }],
  [
    'brainpoolP384r1',
    { name: 'brainpoolP384r1', oid: [...brainpool, 11], sizeBytes: 48, inOpenPgpJs: false },
  ],
  [
    'brainpoolP512r1',
    { name: 'brainpoolP512r1', oid: [...brainpool, 13], sizeBytes: 64, inOpenPgpJs: false },
  ],
  [
    'secp256k1',
    { name: 'secp256k1', oid: [0x2b, 0x81, 0x04, 0x00, 0x0a], sizeBytes: 32, inOpenPgpJs: false },
  ],
]);

/** The curve of an ECDSA key by the name that OpenPGP.js has for it; undefined for a curve that is none of gpg 2. */
export function ecdsaCurve(name: string | undefined): Curve | undefined {
  return curves.get(name ?? '');
}

/** Whether there is a curve of this object identifier, whose content is given as hex digits. */
export function isEcdsaCurve(oidHex: string): boolean {
  return [...curves.values()].some(({ oid }) => Buffer.from(oid).toString('hex') === oidHex);
}
