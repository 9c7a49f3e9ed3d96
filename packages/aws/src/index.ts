export { ambientPairProblem } from './ambient.ts';
export * from './credential-port.ts';
export * from './credentials.ts';
export { isSafeEndpoint } from './endpoint.ts';
export * from './role-arn.ts';
export * from './session-name.ts';
export * from './session-policy.ts';
export * from './settings.ts';
