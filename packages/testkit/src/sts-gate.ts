import { forwardRequest, requestBody, serveLoopback } from './loopback-server.ts';

/** An answer that the gate gives instead of STS. */
export interface StsAnswer {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
}

export interface StsGate {
  /** For `sts-endpoint-url`. */
  readonly url: string;
  /** The token of every `AssumeRoleWithWebIdentity` that arrived, in order. */
  readonly tokens: readonly string[];
  /** Parameters of every request that arrived. */
  readonly requests: readonly URLSearchParams[];
  /** STS's answers, as XML. */
  readonly answered: readonly string[];
  /** Gives these answers to the next requests, which then do not reach STS. */
  answerFirst(answers: readonly StsAnswer[]): void;
  /** Gives this answer to all requests from now on. */
  answerAlways(answer: StsAnswer | undefined): void;
  close(): void;
}

/**
 * Stands in front of a real STS, records the tokens that are sent to it, and answers in its place on request, in
 * the XML of the Query API. Without a `target` it can only refuse.
 */
export async function startStsGate(target: string | undefined): Promise<StsGate> {
  const requests: URLSearchParams[] = [];
  const answered: string[] = [];
  const first: StsAnswer[] = [];
  let always: StsAnswer | undefined;
  const server = await serveLoopback(async (request, response) => {
    const body = await requestBody(request);
    requests.push(new URLSearchParams(body.toString('utf8')));
    const answer = first.shift() ?? always;
    if (answer !== undefined || target === undefined) {
      const { status, code, message = '' } = answer ?? { status: 403, code: 'AccessDenied' };
      response.writeHead(status, { 'content-type': 'text/xml' }).end(errorXml(code, message));
      return;
    }
    answered.push(await forwardRequest(target, request, body, response));
  });
  return {
    url: server.url,
    requests,
    answered,
    get tokens() {
      return requests.flatMap((parameters) => parameters.get('WebIdentityToken') ?? []);
    },
    answerFirst: (answers) => void first.push(...answers),
    answerAlways(answer) {
      always = answer;
    },
    close: () => server.close(),
  };
}

function errorXml(code: string, message: string): string {
  const escaped = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${escaped}</Message></Error><RequestId>0</RequestId></ErrorResponse>`;
}
