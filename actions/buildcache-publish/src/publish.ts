import {
  openDirectory,
  openOptionalSigner,
  pendingMirrorPaths,
  pendingNotice,
  requireTrustedSigner,
} from '@slipway/buildcache-actions';
import { asSlipwayError, counted, formatBytes, type ObjectStore } from '@slipway/core';
import { assertSignerFor, workersByUrl } from '@slipway/mirror';
import type { ActionContext, ActionResult } from '@slipway/runner';
import { execute } from './execute.ts';
import type { Inputs } from './inputs.ts';
import { indexableVersions, keptFindings, observe } from './observe.ts';
import { deletedKeys, describe, plan } from './plan.ts';
import { report } from './report.ts';

/**
 * Publishes a staged buildcache to the mirror that `open` opens, or shows what it would do. Throws if that is impossible; a
 * failure after something was stored is part of the result.
 */
export async function publishBuildcache(
  given: Inputs,
  open: () => Promise<ObjectStore>,
  context: ActionContext,
): Promise<ActionResult> {
  const { progress, clock } = context;
  const startedMs = clock.nowMs();
  const staged = await openDirectory(given.buildcache, context);
  const mirror = await open();
  const signer = await openOptionalSigner(given, context);
  try {
    const observed = await observe({
      ...given,
      staged,
      mirror,
      signerKey: signer?.publicKey,
      clock,
      progress,
      workers: workersByUrl(context.workerEntry),
    });
    const { current } = observed.state;
    // The main index moves first; it is signed if the view needs that.
    assertSignerFor(current, undefined, signer);
    requireTrustedSigner(signer, observed.policy);
    const steps = plan(observed.observation);
    const findings = [...observed.findings, ...keptFindings(steps.kept)];
    const { pointer, index } = current;
    const pendingPaths = await pendingMirrorPaths(mirror);
    if (pendingPaths.length > 0) progress.info(pendingNotice(pendingPaths));
    const reported = { plan: steps, findings, mirror: mirror.url, pendingPaths, reportPath: given.report };
    if (given.dryRun) {
      for (const line of describe(steps)) progress.info(line);
      return report({
        ...reported,
        result: undefined,
        failure: undefined,
        indexChecksum: pointer?.record.checksum ?? '',
        entryCount: index.entryCount,
        durationMs: clock.nowMs() - startedMs,
      });
    }
    for (const key of deletedKeys(steps.steps)) progress.info(`Will delete ${key} once the index has moved.`);
    const { result, error } = await execute(steps, {
      staged,
      mirror,
      graph: observed.staged.graph,
      specfileVersions: indexableVersions(observed.staged),
      keys: [...observed.staged.keys.keys, ...(signer === undefined ? [] : [signer.publicKey])],
      policy: observed.policy,
      signer,
      current,
      provenIndex: observed.provenIndex,
      clock,
      progress,
    });
    const moved = result.moves.find(({ view }) => view === undefined)?.move;
    progress.info(
      `Published ${counted(result.manifestsWritten, 'entry', 'entries')} (${formatBytes(result.bytesUploaded)}); ${steps.unchanged.length} were already there.`,
    );
    return report({
      ...reported,
      result,
      failure: error === undefined ? undefined : asSlipwayError(error),
      indexChecksum: moved?.checksum ?? pointer?.record.checksum ?? '',
      entryCount: moved?.entryCount ?? index.entryCount,
      durationMs: clock.nowMs() - startedMs,
    });
  } finally {
    signer?.close();
  }
}
