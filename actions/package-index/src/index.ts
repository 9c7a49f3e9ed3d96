import { start } from '@slipway/runner';

await start(() => import('./action.ts'));
