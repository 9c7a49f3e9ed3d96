import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccessDenied$,
  CreateInvalidation$,
  DistributionConfig$,
  GetDistributionConfig$,
  GetInvalidation$,
  InconsistentQuantities$,
  InvalidArgument$,
  Invalidation$,
  InvalidationBatch$,
  InvalidationList$,
  ListInvalidations$,
  NoSuchDistribution$,
  NoSuchInvalidation$,
  TooManyInvalidationsInProgress$,
} from '@aws-sdk/client-cloudfront';
import {
  answered,
  cloudFrontNamespace,
  isSigned,
  isValidPath,
  isWildcardPath,
  type Reply,
  refused,
} from './cloudfront-rules.ts';
import { type LoopbackServer, requestBody, serveLoopback } from './loopback-server.ts';
import { errorStatusOf, fromXml, httpOf, parseXml } from './smithy-xml.ts';

const account = '123456789012';
const maxPaths = 3000;
const maxWildcards = 15;

const operations = {
  CreateInvalidation: httpOf(CreateInvalidation$),
  GetInvalidation: httpOf(GetInvalidation$),
  ListInvalidations: httpOf(ListInvalidations$),
  GetDistributionConfig: httpOf(GetDistributionConfig$),
};
export type CloudFrontOperation = keyof typeof operations;
const operationNames = Object.keys(operations) as readonly CloudFrontOperation[];

export interface CloudFrontDoubleOptions {
  readonly distributionId: string;
  /** How long an invalidation stays in progress; 0 completes it before its request is answered. */
  readonly completesAfterMs: number;
  /** Removes from the CDN what was invalidated; called when an invalidation completes, before it reports that. */
  readonly onCompleted?: (paths: readonly string[]) => Promise<void>;
  /** The header of the origin that cache tags are read from; none without it. */
  readonly tagHeader?: string;
}

/** What the double does with a request instead of answering it as it should. */
export type CloudFrontFault = (response: ServerResponse, request: IncomingMessage) => void;

export interface DoubledInvalidation {
  readonly id: string;
  status: 'InProgress' | 'Completed';
  readonly createdAt: Date;
  readonly callerReference: string;
  readonly paths: readonly string[];
}

/**
 * A double of CloudFront's control plane for one distribution, on a loopback port. Paths, statuses, requests and answers follow the
 * schemas of the service that `@aws-sdk/client-cloudfront` ships, and quotas, references and names of paths follow CloudFront's
 * Developer Guide: 3,000 paths and 15 wildcards in progress, the same reference and paths give the same invalidation, `~` and
 * unencoded characters are refused, and `%7E` matches nothing. It checks that a request is signed with Signature Version 4, but not
 * the signature itself.
 */
export class CloudFrontDouble {
  readonly invalidations: DoubledInvalidation[] = [];
  /** Operations that were requested, answered or not. */
  readonly requests: CloudFrontOperation[] = [];
  /** Applied to one request each, after which the double behaves normally. */
  readonly faults: CloudFrontFault[] = [];
  /** Operations that IAM denies. */
  readonly denied = new Set<CloudFrontOperation>();
  readonly #options: CloudFrontDoubleOptions;
  #server: LoopbackServer | undefined;
  readonly #ending = new AbortController();
  url = '';

  private constructor(options: CloudFrontDoubleOptions) {
    this.#options = options;
  }

  static async start(options: CloudFrontDoubleOptions): Promise<CloudFrontDouble> {
    const double = new CloudFrontDouble(options);
    double.#server = await serveLoopback((request, response) => double.#answer(request, response));
    double.url = double.#server.url;
    return double;
  }

  close(): void {
    this.#ending.abort();
    this.#server?.close();
  }

  /** Simulates invalidations of others that never complete. */
  occupy(paths: readonly string[]): DoubledInvalidation {
    return this.#add(paths, `somebody else's ${randomUUID()}`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await requestBody(request);
    const url = new URL(request.url ?? '/', 'http://localhost');
    const operation = operationNames.find((name) => {
      const { method, path } = operations[name];
      return method === request.method && path.test(url.pathname);
    });
    if (operation !== undefined) this.requests.push(operation);
    const fault = this.faults.shift();
    if (fault !== undefined) {
      fault(response, request);
      return;
    }
    const { status, body } =
      operation === undefined
        ? refused(404, 'NoSuchResource', 'There is no such operation.')
        : await this.#reply(operation, request, url, sent.toString('utf8'));
    response.writeHead(status, { 'content-type': 'text/xml', etag: 'E2QWRUHEXAMPLE' }).end(body);
  }

  async #reply(
    operation: CloudFrontOperation,
    request: IncomingMessage,
    url: URL,
    body: string,
  ): Promise<Reply> {
    const { distributionId } = this.#options;
    const labels = operations[operation].path.exec(url.pathname)?.groups ?? {};
    if (!isSigned(request)) {
      return refused(403, 'MissingAuthenticationToken', 'The request is not signed.');
    }
    if (this.denied.has(operation)) {
      const message = `User: arn:aws:sts::${account}:assumed-role/publish/slipway is not authorized to perform: cloudfront:${operation} on resource: arn:aws:cloudfront::${account}:distribution/${distributionId}`;
      return refused(errorStatusOf(AccessDenied$), 'AccessDenied', message);
    }
    const asked = operation === 'GetDistributionConfig' ? labels['Id'] : labels['DistributionId'];
    if (asked !== distributionId) {
      const message = 'The specified distribution does not exist.';
      return refused(errorStatusOf(NoSuchDistribution$), 'NoSuchDistribution', message);
    }
    const { status } = operations[operation];
    switch (operation) {
      case 'CreateInvalidation':
        return this.#create(body, status);
      case 'GetInvalidation':
        return this.#get(labels['Id'], status);
      case 'ListInvalidations':
        return this.#list(url.searchParams, status);
      case 'GetDistributionConfig':
        return answered(status, 'DistributionConfig', this.#configuration(), DistributionConfig$);
      default:
        return operation satisfies never;
    }
  }

  async #create(body: string, status: number): Promise<Reply> {
    let batch: InvalidationBatchValue;
    try {
      const root = parseXml(body);
      if (root.name !== 'InvalidationBatch' || !root.attributes.includes(`xmlns="${cloudFrontNamespace}"`)) {
        throw new Error(`the root is <${root.name} ${root.attributes}>`);
      }
      batch = fromXml(root, InvalidationBatch$) as InvalidationBatchValue;
    } catch (error) {
      return refused(400, 'MalformedInput', String(error));
    }
    const paths = batch.Paths.Items ?? [];
    if (batch.Paths.Quantity !== paths.length || paths.length === 0) {
      const message = 'The value of Quantity and the size of Items do not match.';
      return refused(errorStatusOf(InconsistentQuantities$), 'InconsistentQuantities', message);
    }
    if (!paths.every(isValidPath)) {
      const message = 'Your request contains one or more invalid invalidation paths.';
      return refused(errorStatusOf(InvalidArgument$), 'InvalidArgument', message);
    }
    const known = this.invalidations.find(({ callerReference }) => callerReference === batch.CallerReference);
    if (known !== undefined) {
      if (JSON.stringify([...known.paths].sort()) === JSON.stringify([...paths].sort())) {
        return invalidationAnswer(known, status);
      }
      const message = 'There is already an invalidation with this reference and other paths.';
      return refused(409, 'InvalidationBatchAlreadyExists', message);
    }
    const inProgress = this.invalidations.flatMap((each) => (each.status === 'InProgress' ? each.paths : []));
    const after = [...inProgress, ...paths];
    const wildcards = after.filter(isWildcardPath).length;
    if (wildcards > maxWildcards || after.length - wildcards > maxPaths) {
      const message =
        'Processing your request will cause you to exceed the maximum number of in-progress invalidations.';
      return refused(
        errorStatusOf(TooManyInvalidationsInProgress$),
        'TooManyInvalidationsInProgress',
        message,
      );
    }
    const made = this.#add(paths, batch.CallerReference);
    const { completesAfterMs } = this.#options;
    if (completesAfterMs === 0) await this.#completeNow(made);
    else this.complete(made, completesAfterMs);
    return invalidationAnswer(made, status);
  }

  /** Completes an invalidation after a while. */
  complete(invalidation: DoubledInvalidation, afterMs: number): void {
    const work = async (): Promise<void> => {
      await sleep(afterMs, undefined, { signal: this.#ending.signal });
      await this.#completeNow(invalidation);
    };
    // Closing the double ends the wait.
    work().catch(() => {});
  }

  async #completeNow(invalidation: DoubledInvalidation): Promise<void> {
    await this.#options.onCompleted?.(invalidation.paths);
    invalidation.status = 'Completed';
  }

  #add(paths: readonly string[], callerReference: string): DoubledInvalidation {
    const id = `I${randomUUID().replaceAll('-', '').slice(0, 13).toUpperCase()}`;
    const made: DoubledInvalidation = {
      id,
      status: 'InProgress',
      createdAt: new Date(),
      callerReference,
      paths,
    };
    this.invalidations.push(made);
    return made;
  }

  #get(id: string | undefined, status: number): Reply {
    const found = this.invalidations.find((invalidation) => invalidation.id === id);
    if (found !== undefined) return invalidationAnswer(found, status);
    const message = 'The specified invalidation does not exist.';
    return refused(errorStatusOf(NoSuchInvalidation$), 'NoSuchInvalidation', message);
  }

  #list(query: URLSearchParams, status: number): Reply {
    const maxItems = Number(query.get('MaxItems') ?? 100);
    const latest = this.invalidations.toReversed().slice(0, maxItems);
    const list = {
      Marker: '',
      MaxItems: maxItems,
      IsTruncated: latest.length < this.invalidations.length,
      Quantity: latest.length,
      Items: latest.map((each) => ({ Id: each.id, CreateTime: each.createdAt, Status: each.status })),
    };
    return answered(status, 'InvalidationList', list, InvalidationList$);
  }

  #configuration(): object {
    const { tagHeader } = this.#options;
    return {
      CallerReference: 'double',
      Origins: { Quantity: 1, Items: [{ Id: 'origin', DomainName: 'origin.example.org' }] },
      DefaultCacheBehavior: { TargetOriginId: 'origin', ViewerProtocolPolicy: 'https-only' },
      Comment: '',
      Enabled: true,
      ...(tagHeader === undefined ? {} : { CacheTagConfig: { HeaderName: tagHeader } }),
    };
  }
}

interface InvalidationBatchValue {
  readonly Paths: { readonly Quantity: number; readonly Items?: readonly string[] };
  readonly CallerReference: string;
}

function invalidationAnswer(each: DoubledInvalidation, status: number): Reply {
  const value = {
    Id: each.id,
    Status: each.status,
    CreateTime: each.createdAt,
    InvalidationBatch: {
      Paths: { Quantity: each.paths.length, Items: each.paths },
      CallerReference: each.callerReference,
    },
  };
  return answered(status, 'Invalidation', value, Invalidation$);
}

/** An error of any code instead of an answer. */
export function cloudFrontRefusal(status: number, code: string, message: string): CloudFrontFault {
  return (response) => {
    const reply = refused(status, code, message);
    response.writeHead(reply.status, { 'content-type': 'text/xml' }).end(reply.body);
  };
}
