/** Every status that `slipway` ends with by itself. */
export const exitStatuses = {
  0: 'it is done',
  1: 'it failed, for the reasons that it gave',
  2: 'the arguments are wrong, and nothing was done',
  130: 'it was cancelled by SIGINT, as Ctrl+C sends it',
  143: 'it was cancelled by SIGTERM, as kill, timeout and shutdowns send it',
} as const;
