import { createPublicKey, verify } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { forwardRequest, type LoopbackServer, serveLoopback } from './loopback-server.ts';

export interface CloudFrontEdgeDoubleOptions {
  /** `http://127.0.0.1:PORT` of the origin. */
  readonly origin: string;
  /** Public keys in PEM by their IDs, as a trusted key group has them. */
  readonly publicKeys: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly nowSeconds?: () => number;
}

interface Statement {
  readonly resource: string;
  readonly expires: number;
}

/**
 * A double of a CloudFront edge whose behaviour restricts viewer access to signed URLs. It checks what the developer guide
 * documents ("Use signed URLs", "Code and examples for creating a signature"): the key, the RSA-SHA1 signature over the canned
 * policy of the URL, or over `Policy`, and the time. It knows neither cookies nor addresses nor `DateGreaterThan`, and refuses them
 * with 403.
 */
export async function startCloudFrontEdgeDouble(
  options: CloudFrontEdgeDoubleOptions,
): Promise<LoopbackServer> {
  const nowSeconds = options.nowSeconds ?? (() => Date.now() / 1_000);
  const edge = await serveLoopback(async (request, response) => {
    const url = new URL(request.url ?? '/', edge.url);
    const why = refusal(url, options.publicKeys, nowSeconds());
    if (why !== undefined) return refuse(response, why);
    for (const name of signatureNames) url.searchParams.delete(name);
    await forward(options.origin, url, request, response);
  });
  return edge;
}

const signatureNames = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id'];

function refusal(
  url: URL,
  publicKeys: CloudFrontEdgeDoubleOptions['publicKeys'],
  nowSeconds: number,
): string | undefined {
  const [expires, policy, signature, keyPairId] = signatureNames.map((name) => url.searchParams.get(name));
  const publicKey = publicKeys[keyPairId ?? ''];
  if (signature == null || keyPairId == null) return 'MissingKey';
  if (publicKey === undefined) return 'InvalidKey';
  const resource = resourceOf(url);
  const signed = policy == null ? cannedPolicy(resource, expires ?? '') : decoded(policy).toString('utf8');
  const isSigned = verify('RSA-SHA1', Buffer.from(signed), createPublicKey(publicKey), decoded(signature));
  if (!isSigned) return 'AccessDenied';
  const statement = statementOf(signed);
  if (statement === undefined) return 'MalformedPolicy';
  if (!matches(statement.resource, resource) || statement.expires <= nowSeconds) return 'AccessDenied';
  return undefined;
}

/** The URL as it is signed, without what the signature adds. */
function resourceOf(url: URL): string {
  const query = url.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '' && !signatureNames.includes(pair.split('=')[0] ?? ''));
  return `${url.origin}${url.pathname}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** "Creating a policy statement for a signed URL that uses a canned policy": without white space, in this order. */
function cannedPolicy(resource: string, expires: string): string {
  return `{"Statement":[{"Resource":"${resource}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
}

function statementOf(policy: string): Statement | undefined {
  try {
    const { Statement: statements } = JSON.parse(policy);
    const [{ Resource: resource, Condition: condition }] = statements;
    const expires = condition.DateLessThan['AWS:EpochTime'];
    const isWhole = statements.length === 1 && Object.keys(condition).length === 1;
    return isWhole && typeof resource === 'string' && typeof expires === 'number'
      ? { resource, expires }
      : undefined;
  } catch {
    return undefined;
  }
}

function matches(pattern: string, resource: string): boolean {
  const literal = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return pattern === resource || new RegExp(`^${literal}$`).test(resource);
}

/** CloudFront's own base64 for URLs. */
function decoded(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64');
}

function refuse(response: ServerResponse, code: string): void {
  response
    .writeHead(403, { 'content-type': 'text/xml', 'x-cache': 'Error from cloudfront' })
    .end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`);
}

async function forward(
  origin: string,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const headers = { ...request.headers, host: new URL(origin).host };
  const forwarded = Object.assign(Object.create(request), { url: url.pathname + url.search, headers });
  await forwardRequest(origin, forwarded, Buffer.alloc(0), response);
}
