import mime from 'mime';

/** Extensions that `mime` does not know, or knows as something other than what is published under them. */
const types: Readonly<Record<string, string>> = {
  // A `.asc` beside a file is a signature far more often than a key (RFC 3156).
  '.asc': 'application/pgp-signature',
  '.sig': 'application/pgp-signature',
  '.minisig': 'text/plain',
  '.md5': 'text/plain',
  '.sha1': 'text/plain',
  '.sha256': 'text/plain',
  '.sha384': 'text/plain',
  '.sha512': 'text/plain',
  '.cdx.json': 'application/vnd.cyclonedx+json',
  '.cdx.xml': 'application/vnd.cyclonedx+xml',
  '.spdx.json': 'application/spdx+json',
  '.sigstore': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.ndjson': 'application/x-ndjson',
  '.tgz': 'application/gzip',
  '.crate': 'application/gzip',
  '.txz': 'application/x-xz',
  '.tbz': 'application/x-bzip2',
  '.tbz2': 'application/x-bzip2',
  '.zst': 'application/zstd',
  '.tzst': 'application/zstd',
  '.whl': 'application/zip',
  '.vsix': 'application/zip',
  '.nupkg': 'application/zip',
  '.deb': 'application/vnd.debian.binary-package',
  '.dmg': 'application/x-apple-diskimage',
  '.msi': 'application/x-msi',
  '.appimage': 'application/vnd.appimage',
  '.flatpak': 'application/vnd.flatpak',
  '.snap': 'application/vnd.snap',
  '.diff': 'text/x-diff',
  '.patch': 'text/x-diff',
};

/** The content type for a name's extension. Texts are UTF-8. */
export function contentTypeOf(key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1).toLowerCase();
  // The slash prevents mime from taking a name without a dot as an extension.
  const type = ownType(name) ?? mime.getType(`/${name}`) ?? 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

function ownType(name: string): string | undefined {
  if (/^(?:md5|sha(?:1|224|256|384|512)|b2)sums$/.test(name)) return 'text/plain';
  // Armor with these names is otherwise only published as a key, or one named by its fingerprint.
  const parts = name.split('.');
  const [stem = ''] = parts;
  if (parts.length === 2 && parts[1] === 'asc' && /key|^(?:0x)?[0-9a-f]{16,64}$/.test(stem))
    return 'application/pgp-keys';
  const ending = (count: number): string => (parts.length > count ? `.${parts.slice(-count).join('.')}` : '');
  return types[ending(2)] ?? types[ending(1)];
}
