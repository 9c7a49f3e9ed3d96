import { coreMutants } from './in-core.ts';
import { distributionMutants } from './in-distribution.ts';
import { indexBuildingMutants } from './in-index-building.ts';
import { indexCheckMutants } from './in-index-check.ts';
import { indexPlanMutants } from './in-index-plan.ts';
import { indexWorkerMutants } from './in-index-worker.ts';
import { licenseKeyMutants } from './in-license-keys.ts';
import { mirrorMutants } from './in-mirror.ts';
import { packageIndexMutants } from './in-package-index.ts';
import { signingMutants } from './in-signing.ts';
import { storeMutants } from './in-store.ts';
import type { Mutant } from './mutant.ts';

/** Every change that a test must notice. */
export const mutants: readonly Mutant[] = [
  ...coreMutants,
  ...signingMutants,
  ...storeMutants,
  ...mirrorMutants,
  ...distributionMutants,
  ...licenseKeyMutants,
  ...packageIndexMutants,
  ...indexPlanMutants,
  ...indexCheckMutants,
  ...indexBuildingMutants,
  ...indexWorkerMutants,
];
