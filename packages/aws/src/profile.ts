import { join } from 'node:path';
import { type Environment, printable, UserError, variableOf } from '@slipway/core';

const maxNamedProfiles = 20;

/**
 * The profile named by `AWS_PROFILE`; undefined if there is none. Throws `UserError` `credentials-missing` if it is not in the
 * shared configuration: AWS's SDK would silently use other credentials or none.
 */
export async function namedProfile(environment: Environment): Promise<string | undefined> {
  const profile = variableOf(environment, 'AWS_PROFILE');
  // The SDK uses "default" even without any configuration, such as for the machine's own role.
  if (profile === undefined || profile === 'default') return profile;
  const { getHomeDir, loadSharedConfigFiles } = await import('@smithy/core/config');
  const files = sharedFiles(environment);
  const { configFile, credentialsFile } = await loadSharedConfigFiles({ ...files, ignoreCache: true });
  const known = [...new Set([...Object.keys(configFile), ...Object.keys(credentialsFile)])]
    // Other kinds of sections have a dot after it, such as `sso-session.work`.
    .filter((name) => Object.hasOwn(credentialsFile, name) || !/^(?:sso-session|services)\./.test(name))
    .sort();
  if (known.includes(profile)) return profile;
  const directory = join(getHomeDir(), '.aws');
  const config = files.configFilepath ?? join(directory, 'config');
  const credentials = files.filepath ?? join(directory, 'credentials');
  throw new UserError(
    'credentials-missing',
    `AWS_PROFILE names the profile "${printable(profile, 100)}", which does not exist. The files ${printable(config)} (AWS_CONFIG_FILE) and ${printable(credentials)} (AWS_SHARED_CREDENTIALS_FILE) have ${listed(known)}`,
    {
      hint: 'Correct or unset AWS_PROFILE. It is ignored if role-to-assume is set, or keys are set as inputs or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    },
  );
}

/** The location of the shared configuration, according to the variables. */
export function sharedFiles(environment: Environment): {
  readonly filepath?: string;
  readonly configFilepath?: string;
} {
  const credentials = variableOf(environment, 'AWS_SHARED_CREDENTIALS_FILE');
  const config = variableOf(environment, 'AWS_CONFIG_FILE');
  return {
    ...(credentials === undefined ? {} : { filepath: credentials }),
    ...(config === undefined ? {} : { configFilepath: config }),
  };
}

function listed(profiles: readonly string[]): string {
  if (profiles.length === 0) return 'no profiles, or do not exist';
  const shown = profiles.slice(0, maxNamedProfiles).map((name) => printable(name, 60));
  const more = profiles.length - shown.length;
  return `the profiles ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
