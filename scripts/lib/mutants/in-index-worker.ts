import type { Mutant } from './mutant.ts';

const member = 'packages/index-worker';
const inWorkerd = ['packages/index-worker/test/worker.test.ts'];
const store = ['packages/index-worker/test/r2-store.test.ts'];
const settings = ['packages/index-worker/test/settings.test.ts'];
const budget = ['packages/index-worker/test/budget.test.ts'];

/** The Worker that builds and serves package indexes. */
export const indexWorkerMutants: readonly Mutant[] = [
  {
    name: 'a run starts without the token',
    member,
    text: "if (!isToken(request.headers.get('authorization'), token))",
    replacement: "if (!isToken(request.headers.get('authorization'), token) && token === '')",
    guarantee: 'I7: only who knows the token starts a run',
    tests: inWorkerd,
  },
  {
    name: 'the documents of Slipway are served',
    member,
    text: "if (directory.split('/')[0]?.toLowerCase() === ownDirectory)",
    replacement: "if (directory.split('/')[1]?.toLowerCase() === ownDirectory)",
    guarantee: 'I8: what is kept for later runs is not public',
    tests: inWorkerd,
  },
  {
    name: 'a page in R2 is written over that of somebody else',
    member,
    text: '{ etagMatches: condition.etag }',
    replacement: '{}',
    guarantee: 'I3: of several runs at once, the one that looked last decides',
    tests: store,
  },
  {
    name: 'one part of a key is enough',
    member,
    text: 'if (accessKeyId !== undefined || secretAccessKey !== undefined || sessionToken !== undefined) {',
    replacement: 'if (accessKeyId !== undefined || sessionToken !== undefined) {',
    guarantee: 'a key that is set in part is told of, not ignored',
    tests: settings,
  },
  {
    name: 'a run that has used its time begins more',
    member,
    text: 'if (elapsedMs >= stopAfterMs)',
    replacement: 'if (elapsedMs > stopAfterMs)',
    guarantee: 'a run ends before Cloudflare ends it',
    tests: budget,
  },
];
