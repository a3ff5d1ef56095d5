import { StartError } from '#platform/start-error.ts';
import { openMesh, ourMesh } from '../mesh/cli/command.ts';
import { renderDryRun } from '../mesh/istio/istio.ts';
import { settings } from '../mesh/shop-settings.ts';

/**
 * npm run istio:dry-run: prints the AuthorizationPolicies of the contracts as they stand here, or at a commit, for Istio to judge by and not
 * to act on: `npm run --silent istio:dry-run | kubectl apply -f -`, and `kubectl delete -f -` afterwards.
 */
try {
  const [commit] = process.argv.slice(2);
  const { model } = commit === undefined ? ourMesh() : openMesh(`.git#ref=${commit},subdir=proto`);
  process.stdout.write(
    renderDryRun(model, settings)
      .map(({ text }) => text)
      .join('---\n'),
  );
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 2;
}
