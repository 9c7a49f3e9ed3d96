export { version } from '@slipway/core';
