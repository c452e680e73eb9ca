import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveOf } from '../images/images.ts';
import type { ClusterDriver } from './driver.ts';
import { checkClusterName } from './names.ts';
import { homes } from './paths.ts';
import { attempt, CommandError, run, which } from './run.ts';

/** A cluster by kind (kind.sigs.k8s.io), for machines where Docker runs. Everything is kind's own work; this only names things. */
export const kindCluster: ClusterDriver = {
  async up(name, progress) {
    await requireKind();
    if ((await clusters()).includes(checkClusterName(name))) return progress.say(`kind cluster ${name} is up already`);
    await mkdir(folder(), { recursive: true });
    await progress.step(`kind created cluster ${name}`, () =>
      run('kind', ['create', 'cluster', '--name', name, '--kubeconfig', file(name), '--wait', '120s']),
    );
  },
  async down(name, progress) {
    await requireKind();
    await progress.step(`kind deleted cluster ${name}`, () =>
      run('kind', ['delete', 'cluster', '--name', checkClusterName(name), '--kubeconfig', file(name)]),
    );
  },
  async load(name, images, progress) {
    await requireKind();
    for (const image of images) {
      const archive = await archiveOf(homes().cache, image);
      await progress.step(`kind loaded ${image}`, () =>
        run('kind', ['load', 'image-archive', archive.path, '--name', name]).finally(archive.dispose),
      );
    }
  },
  async status(name) {
    await requireKind();
    const exists = (await clusters()).includes(name);
    const answer = exists
      ? await attempt(kubectl(), ['--kubeconfig', file(name), 'get', '--raw', '/readyz'])
      : undefined;
    const parts = answer
      ? { 'API server': answer.code === 0 ? 'ready' : `does not answer: ${answer.stderr.trim()}` }
      : {};
    return {
      name,
      state: answer ? (answer.code === 0 ? 'up' : 'broken') : 'absent',
      kubeconfig: exists ? file(name) : undefined,
      parts,
      processes: undefined,
      pods: undefined,
    };
  },
  async kubeconfigPath(name) {
    await requireKind();
    await mkdir(folder(), { recursive: true });
    await run('kind', ['export', 'kubeconfig', '--name', checkClusterName(name), '--kubeconfig', file(name)]);
    return file(name);
  },
  kubectlPath: async () => kubectl(),
};

async function requireKind(): Promise<void> {
  if (!which('kind'))
    throw new CommandError(
      '--cluster kind needs the program kind in PATH: install it (https://kind.sigs.k8s.io), or use --cluster own',
    );
  const docker = await attempt('docker', ['info']).catch(() => undefined);
  if (docker?.code !== 0)
    throw new CommandError(
      '--cluster kind needs a Docker that runs, and `docker info` failed: start it, or use --cluster own',
    );
}

async function clusters(): Promise<readonly string[]> {
  return (await run('kind', ['get', 'clusters'])).split('\n').filter(Boolean);
}

function kubectl(): string {
  const found = which('kubectl');
  if (!found) throw new CommandError('kubectl is not in PATH: install it (https://kubernetes.io/docs/tasks/tools)');
  return found;
}

function folder(): string {
  return join(homes().cache, 'kind');
}

function file(name: string): string {
  return join(folder(), `${checkClusterName(name)}.kubeconfig`);
}
