// Who may import whom. Evaluated on the TypeScript sources, types included; scripts/lib/test proves that each rule bites.

/** What each package may import of the workspace, beside itself. A package that is not here may import nothing. */
const allowed = {
  core: [],
  runner: ['core'],
  http: ['core'],
  store: ['core', 'http'],
  aws: ['core', 'http'],
  'aws-actions': ['aws', 'core', 'runner', 'store'],
  signing: ['core'],
  'spack-buildcache': ['core'],
  mirror: ['core', 'pending-invalidations', 'signing', 'spack-buildcache'],
  'buildcache-actions': [
    'core',
    'mirror',
    'pending-invalidations',
    'runner',
    'signing',
    'spack-buildcache',
    'store',
  ],
  'local-files': ['core'],
  archive: ['core', 'local-files'],
  publishing: ['core', 'local-files'],
  'download-window': [],
  'dispatch-payload': ['core'],
  github: ['core', 'http'],
  'simple-index': ['core', 'local-files'],
  'index-building': ['core', 'simple-index'],
  'index-worker': ['core', 'index-building', 'simple-index', 'store'],
  'pending-invalidations': ['core'],
  cli: ['core', 'runner'],
};
const forTests = '(testkit|bench)';

/** Packages from elsewhere that have one importer. */
const soleImporters = [
  { name: '@actions/*', path: '@actions/(?!github/)', importers: '(runner|testkit)' },
  { name: '@actions/github', path: '(@actions/github|@octokit)/', importers: '(github|testkit)' },
  { name: 'htmlparser2', path: 'htmlparser2/', importers: '(simple-index)' },
  { name: 'pep440', path: '@renovatebot/pep440/', importers: '(simple-index)' },
  { name: 'openpgp', path: 'openpgp/', importers: `(signing|${forTests})` },
  { name: '@aws-sdk/*', path: '@(aws-sdk|smithy)/', importers: `(http|store|aws|${forTests})` },
  { name: '@aws-sdk/client-s3', path: '@aws-sdk/client-s3/', importers: `(store|${forTests})` },
];

const oneOf = (names) => `(${names.join('|')})`;
const productionSource = `^(actions/|packages/(?!${forTests}/))[^/]+/src/`;

export default {
  forbidden: [
    ...Object.entries(allowed).map(([name, others]) => ({
      name: `packages-of-${name}`,
      comment: `${name} may import ${others.join(', ') || 'nothing of the workspace'}.`,
      severity: 'error',
      from: { path: `^packages/${name}/src/` },
      to: { path: '^packages/', pathNot: `^packages/${oneOf([name, ...others])}/` },
    })),
    {
      name: 'core-imports-nothing',
      comment: 'Not even from elsewhere.',
      severity: 'error',
      from: { path: '^packages/core/src/' },
      to: { path: 'node_modules/' },
    },
    {
      name: 'packages-in-the-table',
      comment: 'A new package gets a line in the table above that says what it may import.',
      severity: 'error',
      from: {
        path: '^packages/([^/]+)/src/',
        pathNot: `^packages/(${oneOf(Object.keys(allowed))}|${forTests})/`,
      },
      to: { path: '^packages/', pathNot: '^packages/$1/' },
    },
    {
      name: 'actions-never-each-other',
      comment: 'What two actions share belongs into a package.',
      severity: 'error',
      from: { path: '^actions/([^/]+)/' },
      to: { path: '^actions/', pathNot: '^actions/$1/' },
    },
    {
      name: 'only-cli-imports-actions',
      severity: 'error',
      from: { path: '^packages/', pathNot: `^packages/(cli|${forTests})/` },
      to: { path: '^actions/' },
    },
    {
      name: 'test-packages-only-in-tests',
      severity: 'error',
      from: { path: productionSource },
      to: { path: `^packages/${forTests}/|/test/` },
    },
    ...soleImporters.map(({ name, path, importers }) => ({
      name: `sole-importer-of-${name}`,
      severity: 'error',
      from: { path: '^(actions|packages)/[^/]+/src/', pathNot: `^packages/${importers}/` },
      to: { path: `(^|node_modules/)${path}` },
    })),
    {
      name: 'child-processes-in-one-place',
      comment:
        'It bounds what a program prints, kills its group, and knows Windows. Move it into a package when a second needs it.',
      severity: 'error',
      from: { path: productionSource, pathNot: '^actions/license-key-check/src/process[.]ts$' },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'actions-toolkit-is-loaded-late',
      comment: 'It takes as long to load as Node to start: import() it, when it is needed.',
      severity: 'error',
      from: { path: productionSource },
      to: {
        path: 'node_modules/@actions/',
        dynamic: false,
        dependencyTypesNot: ['type-only', 'type-import'],
      },
    },
    {
      name: 'no-development-dependencies',
      comment: 'What the sources import is a dependency in the package.json beside them.',
      severity: 'error',
      from: { path: productionSource },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'tsc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|build|testdata|coverage)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'types', 'import', 'node', 'default'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
};
