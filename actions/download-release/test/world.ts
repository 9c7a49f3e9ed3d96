import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  artifactActionDoublesIn,
  type CdnSite,
  copyOfRelease,
  filesBelow,
  GitHubDouble,
  haveCdnSite,
  haveGh,
  haveWorkflowRunner,
  makeKey,
  ReleasesDouble,
  type RepositoryDispatchEvent,
  runWorkflow,
  secretsFound,
  secretsOfKey,
  serverProgram,
  startCdnSite,
  type TestKey,
  temporaryDirectory,
  type WorkflowRun,
  type WorkflowRunOptions,
} from '@slipway/testkit';
import { expect } from 'vitest';
import { productRepository, receivePath, releasePath, siteRepository } from './guide.ts';

const product = 'example/product';
const site = 'example/site';
const actions = [
  'archive-pack',
  'artifact-sign',
  'cloudfront-invalidate',
  'dispatch-verify',
  'download-publish',
  'download-release',
  'license-key-check',
  'repository-dispatch',
];
const passphrase = 'correct horse battery staple';

interface Message {
  readonly id: string;
  readonly artifacts: readonly { readonly name: string; readonly sha256: string; readonly url: string }[];
}

export function haveWorld(): boolean {
  return haveWorkflowRunner() && haveCdnSite() && haveGh();
}

/** How a run of the product's workflow differs from that of the tag v1.0.0. */
export interface ReleaseOptions extends Partial<WorkflowRunOptions> {
  readonly settings?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
}

type ByHandOptions = Pick<WorkflowRunOptions, 'runId' | 'onEntry' | 'secrets' | 'variables'> & {
  readonly again?: boolean;
};

/**
 * The two repositories of the guide and their surroundings: MinIO and Varnish, a double of GitHub's API that runs the site's
 * workflow on a dispatch, and one of its releases. Everything that was printed is searched for secrets.
 */
export class World {
  readonly cdn: CdnSite;
  readonly github: GitHubDouble;
  readonly releases: ReleasesDouble;
  readonly key: TestKey;
  readonly receivedRuns: WorkflowRun[] = [];
  /** Set to true to disable the site's workflow for messages. */
  siteIsAsleep = false;
  readonly secrets: Readonly<Record<string, string>>;
  readonly #release = copyOfRelease(actions);
  readonly #doubles: Readonly<Record<typeof product | typeof site, Readonly<Record<string, string>>>>;
  readonly #artifacts = temporaryDirectory('artifacts-of-product');
  #runs = 0;

  private constructor(cdn: CdnSite, github: GitHubDouble, releases: ReleasesDouble, key: TestKey) {
    this.cdn = cdn;
    this.github = github;
    this.releases = releases;
    this.key = key;
    this.secrets = {
      DOWNLOAD_SECRET: randomBytes(32).toString('hex'),
      SIGNING_KEY: key.privateArmored,
      SIGNING_PASSPHRASE: passphrase,
      LICENSE_SECRET: randomBytes(16).toString('hex'),
      DISPATCH_SECRET: randomBytes(32).toString('hex'),
      DISPATCH_TOKEN: github.addToken(),
    };
    const texts = [
      ...Object.values(filesBelow(`${this.#release.directory}/.github/workflows`)),
      ...Object.values({ ...productRepository(), ...siteRepository() }),
    ].map((text) => Buffer.from(text).toString('utf8'));
    this.#doubles = {
      [product]: artifactActionDoublesIn(this.#artifacts, texts),
      [site]: artifactActionDoublesIn(temporaryDirectory('artifacts-of-site'), texts),
    };
    github.addRepository({ name: product });
    github.addRepository({
      name: site,
      workflows: [{ id: 1, runName: titleOf, run: async (event) => this.#receive(event) }],
    });
  }

  static async start(): Promise<World> {
    const cdn = await startCdnSite();
    const github = await GitHubDouble.start();
    const releases = await ReleasesDouble.start(product, ['v1.0.0']);
    return new World(cdn, github, releases, await makeKey({ type: 'ed25519', passphrase }));
  }

  async stop(): Promise<void> {
    this.releases.close();
    await this.cdn.stop();
    this.github.close();
  }

  /** The artifacts in the last message. */
  get lastSent(): Message['artifacts'] {
    return this.#lastMessage?.artifacts ?? [];
  }

  get lastId(): string | undefined {
    return this.#lastMessage?.id;
  }

  get #lastMessage(): Message | undefined {
    const payload = this.github.events.at(-1)?.client_payload as { readonly slipway: Message } | undefined;
    return payload?.slipway;
  }

  /** Runs the product's workflow, as pushing the tag does. Downloads go below `prefix` of the bucket. */
  async release(prefix: string, options: ReleaseOptions = {}): Promise<WorkflowRun> {
    const { settings, secrets, ...others } = options;
    this.#runs += 1;
    return this.#run(product, {
      files: productRepository(),
      workflow: releasePath,
      event: { name: 'push', ref: 'refs/tags/v1.0.0' },
      runId: String(5_000 + this.#runs),
      ...others,
      secrets: { ...this.secrets, ...secrets },
      variables: {
        DOWNLOAD_DESTINATION: `s3://${this.cdn.bucket}/${prefix}`,
        DOWNLOAD_URL: `${this.cdn.baseUrl}/${prefix}`,
        DOWNLOAD_DISTRIBUTION: this.cdn.distributionId,
        CLOUDFRONT_ENDPOINT_URL: this.cdn.controlPlane.url,
        KEY_CASES: '1',
        ...settings,
      },
    });
  }

  /** The files of an artifact of a run of the product's workflow, as downloaded. */
  artifact(runId: string, name: string): Readonly<Record<string, string>> {
    const files = filesBelow(join(this.#artifacts, runId, name));
    return Object.fromEntries(
      Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes).toString('utf8')]),
    );
  }

  /** Runs the site's workflow by hand, with a message of the product. */
  receiveByHand(
    payload: unknown,
    dryRun: boolean,
    { again = false, ...options }: ByHandOptions = {},
  ): Promise<WorkflowRun> {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const inputs = { payload: text, again: String(again), 'dry-run': String(dryRun) };
    return this.#runSite({ event: { name: 'workflow_dispatch' }, inputs, ...options });
  }

  /** Resolves when all runs that messages have started have ended. */
  async untilReceived(): Promise<void> {
    await expect
      .poll(() => this.github.runs.filter(({ status }) => status !== 'completed').length, { timeout: 60_000 })
      .toBe(0);
  }

  async #receive(event: RepositoryDispatchEvent): Promise<string> {
    if (this.siteIsAsleep) return 'cancelled';
    const run = await this.#runSite({ event: { name: 'repository_dispatch', payload: { ...event } } });
    this.receivedRuns.push(run);
    return run.exitCode === 0 ? 'success' : 'failure';
  }

  #runSite(
    options: Pick<WorkflowRunOptions, 'event' | 'inputs' | 'runId' | 'onEntry' | 'secrets' | 'variables'>,
  ): Promise<WorkflowRun> {
    this.#runs += 1;
    const { DISPATCH_SECRET = '' } = this.secrets;
    return this.#run(site, {
      files: siteRepository(),
      workflow: receivePath,
      runId: String(9_000 + this.#runs),
      ...options,
      secrets: { DISPATCH_SECRET, ...options.secrets },
      variables: {
        DOWNLOAD_HOST: new URL(this.cdn.cdn.url).host,
        SEEN_MESSAGES: `s3://${this.cdn.bucket}/seen-messages`,
        ...options.variables,
      },
    });
  }

  async #run(repository: typeof product | typeof site, options: WorkflowRunOptions): Promise<WorkflowRun> {
    const { minio } = this.cdn;
    const { accessKeyId, secretAccessKey } = minio.credentials;
    const run = await runWorkflow({
      ...options,
      repository,
      repositories: { ...this.#release.repositories, ...this.#doubles[repository] },
      programs: [serverProgram('gh') ?? ''],
      variables: {
        DOWNLOAD_REGION: 'us-east-1',
        DOWNLOAD_ENDPOINT_URL: minio.endpointUrl,
        DOWNLOAD_PATH_STYLE: 'true',
        ...options.variables,
      },
      environment: {
        ...this.releases.environment,
        GITHUB_API_URL: this.github.url,
        // Provides on this runner what a role provides on GitHub.
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      },
    });
    const { SIGNING_KEY: _, ...others } = this.secrets;
    const secrets = [...secretsOfKey(this.key), ...Object.values(others), secretAccessKey];
    expect(secretsFound(run.output, secrets), 'I7').toEqual([]);
    return run;
  }
}

/** As `run-name` of the guide's workflow says. */
function titleOf({ client_payload: payload }: RepositoryDispatchEvent): string {
  const { slipway } = payload as { slipway?: { id?: string } };
  return `Release ${slipway?.id ?? ''}`;
}

/** The result of each job that ran. */
export function resultsOf({ jobs }: WorkflowRun): Readonly<Record<string, string | undefined>> {
  const results = Object.entries(jobs).map(([id, { result }]) => [id, result]);
  return Object.fromEntries(results.filter(([, result]) => result !== undefined));
}

export function outputOf({ jobs }: WorkflowRun, job: string, step: string, name: string): string | undefined {
  return jobs[job]?.steps[step]?.outputs[name];
}

/** The hash of what a URL serves. */
export async function served(url: string): Promise<string> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return sha256(new Uint8Array(await response.arrayBuffer()));
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
