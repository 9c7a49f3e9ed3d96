const hashes: ReadonlyMap<number, { readonly word: string; readonly name: string }> = new Map(
  (
    [
      [1, 'MD5'],
      [2, 'SHA1'],
      [3, 'RIPEMD160'],
      [8, 'SHA256'],
      [9, 'SHA384'],
      [10, 'SHA512'],
      [11, 'SHA224'],
    ] as const
  ).map(([algorithm, word]) => [algorithm, { word, name: word.toLowerCase() }]),
);

/** The name of a hash algorithm in a `Hash:` header; undefined if gpg 2.2 does not have it. */
export function hashWord(algorithm: number | null | undefined): string | undefined {
  return hashes.get(algorithm ?? 0)?.word;
}

/** The name of a hash algorithm in node:crypto; undefined if gpg 2.2 does not have it. */
export function hashName(algorithm: number | null | undefined): string | undefined {
  return hashes.get(algorithm ?? 0)?.name;
}

/** The last byte of the object identifiers of SHA-2, 2.16.840.1.101.3.4.2.x. */
const sha2Ids: Readonly<Record<string, number>> = { sha224: 4, sha256: 1, sha384: 2, sha512: 3 };
const otherIds: Readonly<Record<string, readonly number[]>> = {
  md5: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05],
  sha1: [0x2b, 0x0e, 0x03, 0x02, 0x1a],
  ripemd160: [0x2b, 0x24, 0x03, 0x02, 0x01],
};

/** The DER of DigestInfo (RFC 8017 section 9.2), which an RSA signature covers; undefined for an unsupported hash. */
export function digestInfo(name: string, digest: Uint8Array): Buffer | undefined {
  const sha2Id = sha2Ids[name];
  const id = sha2Id === undefined ? otherIds[name] : [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, sha2Id];
  if (id === undefined) return undefined;
  const head = [
    ...[0x30, 8 + id.length + digest.length, 0x30, 4 + id.length, 0x06, id.length, ...id],
    ...[0x05, 0, 0x04, digest.length],
  ];
  return Buffer.concat([Buffer.from(head), digest]);
}
