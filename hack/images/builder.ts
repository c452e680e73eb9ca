import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages, imageNeeds } from '../cluster/packages.ts';
import type { Progress } from '../cluster/progress.ts';
import { attempt, CommandError, type Finished, run, which } from '../cluster/run.ts';

/** What builds Dockerfiles: Docker where it runs, buildah elsewhere. */
export type Builder = { readonly kind: 'docker' } | { readonly kind: 'buildah'; readonly storage: readonly string[] };

export interface DockerfileBuild {
  readonly name: string;
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly context: string;
  readonly buildArgs: Readonly<Record<string, string>>;
}

/** The lock that everything holds that builds. */
export function buildLock(cache: string): string {
  return join(cache, 'images', 'build.lock');
}

let chosen: Promise<Builder> | undefined;

/** Finds the builder once a process. `HEDDLE_BUILDER` (`docker` or `buildah`) decides without looking. */
export function findBuilder(cache: string, progress: Progress): Promise<Builder> {
  chosen ??= choose(cache, progress);
  return chosen;
}

/** Runs one build. Only one at a time may run on a machine: the callers hold `buildLock`. */
export async function buildDockerfile(builder: Builder, build: DockerfileBuild): Promise<void> {
  const args = Object.entries(build.buildArgs).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const rest = [
    ...args,
    ...(build.target ? ['--target', build.target] : []),
    '-t',
    build.name,
    '-f',
    build.dockerfile,
    build.context,
  ];
  if (builder.kind === 'docker') {
    await run('docker', ['build', ...rest]);
    return;
  }
  // Working containers of a build that was killed: mounted for ever otherwise. Builds take turns, so none of them is in use.
  await buildah(builder, ['rm', '--all']);
  // chroot: works without user namespaces and without a container runtime. layers: unchanged steps are taken from earlier builds.
  await buildah(builder, ['bud', '--isolation', 'chroot', '--layers', '--force-rm', '--pull-never', ...rest]);
}

/** Runs buildah on our own storage: the machine's other images are neither seen nor touched. */
export function buildah(builder: Builder & { kind: 'buildah' }, args: readonly string[]): Promise<string> {
  return run('buildah', [...builder.storage, ...args]);
}

/** The same for a question whose answer may be no. */
export function attemptBuildah(builder: Builder & { kind: 'buildah' }, args: readonly string[]): Promise<Finished> {
  return attempt('buildah', [...builder.storage, ...args]);
}

async function choose(cache: string, progress: Progress): Promise<Builder> {
  const wish = process.env['HEDDLE_BUILDER'];
  if (wish !== undefined && wish !== 'docker' && wish !== 'buildah')
    throw new CommandError(`HEDDLE_BUILDER must be docker or buildah, not ${JSON.stringify(wish)}`);
  if (wish === 'docker' || (wish === undefined && (await dockerRuns()))) return { kind: 'docker' };
  await ensurePackages(imageNeeds, progress);
  return { kind: 'buildah', storage: await buildahStorage(cache, progress) };
}

async function dockerRuns(): Promise<boolean> {
  return which('docker') !== undefined && (await attempt('docker', ['info'])).code === 0;
}

/** overlay shares layers by mounting, vfs by copying: overlay unless this disk cannot. The answer is kept. */
async function buildahStorage(cache: string, progress: Progress): Promise<readonly string[]> {
  const root = join(cache, 'buildah');
  await mkdir(root, { recursive: true });
  const options = (driver: string) => [
    '--root',
    join(root, driver),
    '--runroot',
    join(root, `${driver}-run`),
    '--storage-driver',
    driver,
  ];
  const known = await readFile(join(root, 'driver'), 'utf8').catch(() => '');
  if (known === 'overlay' || known === 'vfs') {
    // buildah remembers what it would make networks with, and refuses everything once that program is gone (`could not find "netavark"`).
    // No build here makes one (chroot), so it may choose anew each time.
    await rm(join(root, known, 'defaultNetworkBackend'), { force: true });
    return options(known);
  }
  const probe = await attempt('buildah', [...options('overlay'), 'from', '--name', 'heddle-probe', 'scratch']);
  const mounted =
    probe.code === 0 && (await attempt('buildah', [...options('overlay'), 'mount', 'heddle-probe'])).code === 0;
  await attempt('buildah', [...options('overlay'), 'rm', 'heddle-probe']);
  const driver = mounted ? 'overlay' : 'vfs';
  if (!mounted)
    progress.say(`buildah cannot use overlay on ${root}: images are built by copying (vfs), which is slower`);
  await writeFile(join(root, 'driver'), driver);
  return options(driver);
}
