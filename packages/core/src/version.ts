/** The version of all actions and of the CLI: one for the whole repository. */
export const version = '0.1.0';
