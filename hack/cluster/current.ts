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
  async load(_name, images) {
    throw new CommandError(
      `the nodes of the current cluster cannot be given images from here: push ${images.join(', ')} to a registry that it reads ` +
        '(docker tag, docker push) and name the images so in what you apply',
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
