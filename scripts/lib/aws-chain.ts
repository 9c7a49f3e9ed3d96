import { sameInputs } from './chain.ts';
import { isEmpty, oneOf } from './needs.ts';

/** What the steps of a chain that speak to AWS get of its inputs to have credentials. */
export const awsCredentials = sameInputs(
  'role-to-assume',
  'aws-region',
  'role-duration',
  'audience',
  'role-session-name',
  'session-policy',
  'sts-endpoint-url',
  'expected-account-ids',
  'access-key-id',
  'secret-access-key',
  'session-token',
);

/** One of the two that is gone must not lead to what else the machine has. */
export const bothAwsKeys = oneOf(
  ['access-key-id', 'secret-access-key'],
  [isEmpty('access-key-id'), isEmpty('secret-access-key')],
);
