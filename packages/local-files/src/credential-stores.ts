/**
 * Names of files and directories that hold credentials, or a history that may: they are never published, packed or signed with a
 * directory around them, but only if they are named themselves. A `*` stands for any characters of a name. Upper and lower case are the same, as they
 * are to the file systems of Windows and macOS. Only what tools keep there by default is in the list: contents are not looked at.
 */
export const credentialStores: readonly string[] = [
  // A clone, or the file that stands for one in a submodule or worktree. Checkouts leave a token in `.git/config`.
  ...['.git', '.hg', '.svn', '.bzr', '.jj', '.git-credentials', 'git-credentials-*.config'],
  // Variables of an application.
  ...['.env', '.env.*', '.envrc', '.dev.vars', '.dev.vars.*'],
  // Logins of clouds and clusters.
  ...['.aws', '.azure', '.config/gcloud', '.boto', '.s3cfg', '.kube', '.vault-token', '.oci'],
  // What google-github-actions/auth leaves in the workspace, and clients of S3 in their places.
  ...['gha-creds-*.json', '.mc/config.json', '.passwd-s3fs'],
  ...['.terraform', '.terraform.d', '.terraformrc', '*.tfstate', '*.tfstate.*'],
  // Logins of registries and services.
  ...['.docker/config.json', '.dockercfg', '.npmrc', '.yarnrc.yml', '.pypirc', '.cargo/credentials'],
  ...['.cargo/credentials.toml', '.gem/credentials', '.m2/settings.xml', '.composer/auth.json', '.config/gh'],
  ...[
    '.config/containers/auth.json',
    '.bundle/config',
    '.nuget/NuGet.Config',
    '.config/pip/pip.conf',
    '.pip/pip.conf',
  ],
  ...['.netrc', '_netrc', '.pgpass', '.my.cnf', '.mylogin.cnf', '.htpasswd', '.config/rclone'],
  ...['.rclone.conf'],
  // Private keys.
  ...[
    '.ssh',
    '.gnupg',
    '.password-store',
    'id_rsa',
    'id_dsa',
    'id_ecdsa',
    'id_ecdsa_sk',
    'id_ed25519',
    'id_ed25519_sk',
  ],
];

/** Names that the list matches, but that are made to be shown. */
const harmless: readonly string[] = ['example', 'sample', 'template', 'dist'].flatMap((word) =>
  ['.env', '.env.*', '.dev.vars'].map((name) => `${name}.${word}`),
);

const alternatives = (names: readonly string[]): string =>
  names.map((name) => name.replace(/[.*]/g, (character) => (character === '*' ? '[^/]*' : '\\.'))).join('|');
const store = new RegExp(
  `(?:^|/)(?!(?:${alternatives(harmless)})(?:/|$))(?:${alternatives(credentialStores)})(?=/|$)`,
  'i',
);

/** How each name begins, or what follows its leading `*`. Most paths contain none of these. */
const beginnings = [
  ...new Set(
    credentialStores.map((name) => {
      const [first = '', after = ''] = name.split('*');
      return first === ''
        ? alternatives([after])
        : `(?:^|/)${alternatives([first.slice(0, first.startsWith('.') ? 1 : 3)])}`;
    }),
  ),
];
const mayHold = new RegExp(beginnings.join('|'), 'i');

export interface CredentialStore {
  /** Where it is: the beginning of the given path. */
  readonly path: string;
  /** Its name as the list has it: `.docker/config.json`. */
  readonly name: string;
}

/** The first store of credentials that a relative path is, or is in: `a/.git` of `a/.git/config`. */
export function credentialStoreIn(path: string): CredentialStore | undefined {
  const match = mayHold.test(path) ? store.exec(path) : null;
  if (match === null) return undefined;
  return { path: path.slice(0, match.index + match[0].length), name: match[0].replace(/^\//, '') };
}

/** Whether a path or glob names a store of credentials itself, without a wildcard. */
export function namesItself(pattern: string, { name }: CredentialStore): boolean {
  return `/${pattern}/`.includes(`/${name}/`);
}
