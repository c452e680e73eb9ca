import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentNames } from '../build.ts';
import { type ClusterOptions, createProgress, load, type Progress } from '../cluster/cluster.ts';
import { buildHeddleImages, imageName } from '../images/heddle.ts';
import { eventually, getJson, type Kubectl } from './kubectl.ts';

const OVERLAY = fileURLToPath(new URL('../../config/overlays/local', import.meta.url));
const SYSTEM = 'heddle-system';
const PARTS = ['operator', 'webhook'] as const;

export interface InstallOptions {
  readonly cluster?: ClusterOptions;
  readonly progress?: Progress;
  /** Kustomize folder; default `config/overlays/local`. */
  readonly overlay?: string;
  /** Called when the images are there, just before anything is changed in the cluster. */
  readonly beforeApply?: () => Promise<void>;
}

/**
 * Builds the images, loads them, applies everything once and waits until pods are injected. Run again it replaces what
 * changed: the pods of operator and webhook are rolled when their image is another one. The nodes of a `current` cluster must have the images.
 */
export async function installHeddle(kubectl: Kubectl, options: InstallOptions = {}): Promise<void> {
  const progress = options.progress ?? createProgress();
  const built = options.cluster?.kind === 'current' ? [] : await buildHeddleImages(undefined, { progress });
  await load(
    componentNames.map((part) => imageName(part)),
    { ...options.cluster, progress },
  );
  await options.beforeApply?.();
  await progress.step('Heddle applied', () =>
    kubectl(['apply', '--server-side', '--force-conflicts', '-k', options.overlay ?? OVERLAY]),
  );
  for (const part of PARTS) {
    const key = built.find((image) => image.name === imageName(part))?.key;
    if (key !== undefined) await markBuild(kubectl, part, key);
  }
  await progress.step('operator and webhook ready', () => ready(kubectl));
}

/** A pod template that names the image's content rolls exactly when the content changes. */
async function markBuild(kubectl: Kubectl, part: (typeof PARTS)[number], key: string): Promise<void> {
  const patch = { spec: { template: { metadata: { annotations: { 'heddle.dev/build': key } } } } };
  await kubectl(['-n', SYSTEM, 'patch', 'deployment', `heddle-${part}`, '--type=merge', '-p', JSON.stringify(patch)]);
}

async function ready(kubectl: Kubectl): Promise<void> {
  for (const part of PARTS) {
    await kubectl(['-n', SYSTEM, 'rollout', 'status', `deployment/heddle-${part}`, '--timeout=120s']).catch(
      async (error: unknown) => {
        const pods = await kubectl(['-n', SYSTEM, 'get', 'pods', '-o', 'wide'], { allowFailure: true });
        const logs = await kubectl(['-n', SYSTEM, 'logs', `deployment/heddle-${part}`, '--tail=20'], {
          allowFailure: true,
        });
        throw new Error(`${part} did not become ready:\n${pods.stdout}\n${logs.stdout}${logs.stderr}`, {
          cause: error,
        });
      },
    );
  }
  await eventually('the operator creates the webhook configurations', async () => {
    const found = await getJson<object>(kubectl, ['mutatingwebhookconfiguration', 'heddle']);
    return found !== undefined;
  });
}

/** Removes Heddle. Deleting the namespace object takes the webhook configurations with it. */
export async function uninstallHeddle(kubectl: Kubectl, overlay = OVERLAY): Promise<void> {
  await kubectl(['delete', '--ignore-not-found', '--wait=true', '--timeout=120s', '-k', overlay]);
}

export const repositoryPath = (...parts: string[]): string =>
  join(fileURLToPath(new URL('../../', import.meta.url)), ...parts);
