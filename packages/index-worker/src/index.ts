import configuration from '../package-index.yaml';
import { makeWorker } from './worker.ts';

export default makeWorker(configuration);
