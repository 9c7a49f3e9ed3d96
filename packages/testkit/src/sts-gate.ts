import { forwardRequest, requestBody, serveLoopback } from './loopback-server.ts';

/** An answer that the gate sends instead of STS. */
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
  /** Sends these answers to the next requests, which then do not reach STS. */
  answerFirst(answers: readonly StsAnswer[]): void;
  /** Sends this answer to all requests from now on. */
  answerAlways(answer: StsAnswer | undefined): void;
  close(): void;
}

/**
 * A proxy in front of a real STS that records the tokens sent to it, and can answer instead of it, in the XML of the Query API.
 * Without a `target` it can only refuse.
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
