/** Every exit status that `slipway` sets itself. */
export const exitStatuses = {
  0: 'success',
  1: 'it failed, for the reasons it printed',
  2: 'the arguments are wrong, and nothing was done',
  130: 'it was cancelled by SIGINT, which Ctrl+C sends',
  143: 'it was cancelled by SIGTERM, which kill, timeout and shutdowns send',
} as const;
