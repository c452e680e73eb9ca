import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClusterDriver } from './driver.ts';
import { attempt, CommandError, which } from './run.ts';

/** The cluster that kubectl talks to now. It is not ours: it is looked at, never made, removed or given images behind its back. */
export const currentCluster: ClusterDriver = {
  async up(_name, progress) {
    const context = await ask(['config', 'current-context']);
    await ask(['get', '--raw', '/readyz']);
    progress.say(`using the cluster of the current context ${context.trim()}`);
  },
  async down(_name, progress) {
    progress.say('the cluster of the current context is not ours to remove: nothing was done');
  },
  async load(_name, images, progress) {
    const nodes = JSON.parse(await ask(['get', 'nodes', '-o', 'json'])) as NodeList;
    const { missing, unknown } = imagesOfNodes(nodes, images);
    if (missing.length > 0) throw new CommandError(missingImages(missing));
    progress.say(
      unknown.length === 0
        ? `every node has ${images.length === 1 ? 'the image' : `the ${images.length} images`}`
        : `whether ${unknown.join(', ')} ${unknown.length === 1 ? 'has' : 'have'} the images is not known: a node names ${NAMED_IMAGES} at most`,
    );
  },
  async status() {
    const answer = await attempt(kubectl(), ['get', '--raw', '/readyz']);
    const state = answer.code === 0 ? 'up' : 'broken';
    return {
      name: 'current',
      state,
      kubeconfig: kubeconfig(),
      parts: { 'API server': answer.code === 0 ? 'ready' : answer.stderr.trim() },
      processes: undefined,
      pods: undefined,
    };
  },
  kubeconfigPath: async () => kubeconfig(),
  kubectlPath: async () => kubectl(),
};

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly { readonly effect?: string }[] };
    readonly status?: { readonly images?: readonly { readonly names?: readonly string[] }[] };
  }[];
}

/** kubelet's `nodeStatusMaxImages`: beyond it a node does not name its smaller images. */
const NAMED_IMAGES = 50;

/** Which nodes that take pods lack which images, as `node: image`; of those in `unknown` it cannot be told. Pure. */
export function imagesOfNodes(
  nodes: NodeList,
  images: readonly string[],
): { readonly missing: readonly string[]; readonly unknown: readonly string[] } {
  const missing: string[] = [];
  const unknown: string[] = [];
  for (const { metadata, status } of nodes.items.filter(takesPods)) {
    const named = status?.images ?? [];
    const has = new Set(named.flatMap((image) => image.names ?? []));
    const lacks = images.filter((image) => !has.has(image));
    if (lacks.length > 0 && named.length >= NAMED_IMAGES) unknown.push(metadata.name);
    else missing.push(...lacks.map((image) => `${metadata.name}: ${image}`));
  }
  return { missing, unknown };
}

function takesPods({ spec }: NodeList['items'][number]): boolean {
  return (
    spec?.unschedulable !== true &&
    !spec?.taints?.some(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute')
  );
}

function missingImages(missing: readonly string[]): string {
  const named = missing.slice(0, 12).map((one) => `    ${one}`);
  const more = missing.length > named.length ? [`    and ${missing.length - named.length} more`] : [];
  return [
    'nodes of the current cluster lack images, and they cannot be given any from here:',
    ...named,
    ...more,
    '  Make an archive of all of them: npm run images -- --demo --save heddle.tar',
    '  and import it on every node: ctr -n k8s.io images import heddle.tar (minikube: minikube image load heddle.tar; k3s: k3s ctr images import heddle.tar)',
  ].join('\n');
}

async function ask(args: readonly string[]): Promise<string> {
  const answer = await attempt(kubectl(), args);
  if (answer.code === 0) return answer.stdout;
  throw new CommandError(
    `the cluster of the current kubeconfig (${kubeconfig()}) does not answer: ${answer.stderr.trim()}. Choose a context (kubectl config use-context), or use --cluster own`,
  );
}

/** The first file of KUBECONFIG, which is where kubectl looks first and writes to. */
function kubeconfig(): string {
  return process.env['KUBECONFIG']?.split(':').find(Boolean) ?? join(homedir(), '.kube', 'config');
}

function kubectl(): string {
  const found = which('kubectl');
  if (!found) throw new CommandError('kubectl is not in PATH: install it (https://kubernetes.io/docs/tasks/tools)');
  return found;
}
