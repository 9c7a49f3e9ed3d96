import { type Artifact, UserError } from '@slipway/core';
import { type DownloadWindow, windowNumbered } from '@slipway/download-window';
import { secretForms } from '@slipway/runner';
import type { Addresses } from './addresses.ts';
import type { Inputs } from './inputs.ts';
import type { ReleaseFile } from './release-files.ts';
import { timeText } from './window-times.ts';

const minMaskedCharacters = 4;

/** The link of a file in a window, with the secret for new links. */
export interface FileLink {
  readonly window: number;
  readonly file: ReleaseFile;
  readonly key: string;
  readonly url: string | undefined;
}

export function linksIn(
  window: number,
  files: readonly ReleaseFile[],
  addresses: Addresses,
): readonly FileLink[] {
  return files.map((file) => {
    const [{ key, url }] = addresses.of(file, window);
    return { window, file, key, url };
  });
}

/** The outputs of the links of the current window. */
export function linkOutputs(links: readonly FileLink[]): Readonly<Record<'urls' | 'prefixes', string>> {
  const prefixes = links.map(({ key }) => key.slice(0, key.lastIndexOf('/') + 1));
  return {
    urls: links.flatMap(({ url }) => url ?? []).join('\n'),
    prefixes: [...new Set(prefixes)].join('\n'),
  };
}

/** The list of the files with their keys and URLs, for the actions that follow. */
export function linkedArtifacts(links: readonly FileLink[]): readonly Artifact[] {
  return links.map(({ file, key, url }) => ({ ...file.artifact, platform: file.platform, key, url }));
}

export function windowOutputs({ number, startsAtMs, endsAtMs }: DownloadWindow) {
  return {
    window: number,
    'window-starts-at': timeText(startsAtMs),
    'window-ends-at': timeText(endsAtMs),
  };
}

/** A window for the report. */
export function windowFacts(number: number, given: Inputs) {
  const { startsAtMs, endsAtMs } = windowNumbered(number, given.windowLength / 1_000);
  return {
    number,
    startsAt: timeText(startsAtMs),
    endsAt: timeText(endsAtMs),
    linksWorkUntil: timeText(endsAtMs + given.grace),
  };
}

/** Throws `UserError` `input-invalid` if a secret is part of a link, because the runner drops outputs that contain a secret. */
export function refuseSecretInLinks(links: readonly FileLink[], given: Inputs): void {
  const pieces = [given.secret, given.previousSecret]
    .flatMap((secret) => (secret === undefined ? [] : secretForms(secret)))
    .filter((piece) => piece.length >= minMaskedCharacters);
  const isInside = links.some(({ key, url = '' }) => {
    const words = [key, url.replace(/\?.*/s, '')];
    return pieces.some((piece) => words.some((word) => word.includes(piece)));
  });
  if (!isInside) return;
  throw new UserError(
    'input-invalid',
    'A secret is part of the links, as a name or in the URL. GitHub hides secrets, so it would drop the outputs that contain the links.',
    { hint: 'Use another, random secret: openssl rand -hex 32.' },
  );
}
