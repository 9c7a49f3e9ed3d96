import { sameInputs } from './chain.ts';
import { isEmpty, oneOf } from './needs.ts';

/** The inputs that give the steps of a chain their AWS credentials. */
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

/** If one of the two is missing, the credentials of the machine must not be used instead. */
export const bothAwsKeys = oneOf(
  ['access-key-id', 'secret-access-key'],
  [isEmpty('access-key-id'), isEmpty('secret-access-key')],
);
