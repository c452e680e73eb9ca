import { type ContainerName, type ContainerProcess, createContainerd } from './containerd.ts';
import { currentCluster } from './current.ts';
import type { ClusterDriver } from './driver.ts';
import { buildGoPrograms } from './go-build.ts';
import { kindCluster } from './kind.ts';
import { loadImages } from './load.ts';
import type { ClusterPlan } from './names.ts';
import { downOwn, findPlan, requirePlan, upOwn } from './own.ts';
import { homes } from './paths.ts';
import { createProgress, type Progress, quiet } from './progress.ts';
import { type ClusterStatus, statusOwn } from './status.ts';

export type { ContainerName, ContainerProcess } from './containerd.ts';
export type { ClusterPlan } from './names.ts';
export { clusterNeeds, ensurePackages, imageNeeds, type Needed, witnessNeeds } from './packages.ts';
export { homes } from './paths.ts';
export { createProgress, type Progress, quiet } from './progress.ts';
export type { ClusterStatus } from './status.ts';

/** `own`: one of ours on this machine (the default); `kind`: kind's, where Docker runs; `current`: whatever the current kubeconfig names. */
export type ClusterKind = 'own' | 'kind' | 'current';
export const clusterKinds: readonly ClusterKind[] = ['own', 'kind', 'current'];

export interface ClusterOptions {
  /** Default `own`. */
  readonly kind?: ClusterKind;
  /** Default `heddle`. Means nothing to `current`. */
  readonly name?: string;
  /** Default: lines on standard error. */
  readonly progress?: Progress;
}

/** Brings the cluster up, or finds it up. Afterwards its node is Ready and DNS applied. */
export function up(options: ClusterOptions = {}): Promise<void> {
  return driver(options).up(nameOf(options), progressOf(options));
}

/** Removes the cluster and all it left on this machine. Nothing to remove is no error. */
export function down(options: ClusterOptions = {}): Promise<void> {
  return driver(options).down(nameOf(options), progressOf(options));
}

/** Makes images available to the cluster's pods (`imagePullPolicy: IfNotPresent` or `Never`: there is no registry). */
export function load(images: readonly string[], options: ClusterOptions = {}): Promise<void> {
  return driver(options).load(nameOf(options), images, progressOf(options));
}

export function status(options: ClusterOptions = {}): Promise<ClusterStatus> {
  return driver(options).status(nameOf(options));
}

/** Path of the administrator's kubeconfig. Throws when the cluster does not exist. */
export function kubeconfigPath(options: ClusterOptions = {}): Promise<string> {
  return driver(options).kubeconfigPath(nameOf(options));
}

/** Path of a kubectl that fits the cluster; built with the other programs for a cluster of our own. */
export function kubectlPath(options: ClusterOptions = {}): Promise<string> {
  return driver(options).kubectlPath(progressOf(options));
}

/** The plan (addresses, namespace, paths) of a cluster of our own. Throws when it does not exist. */
export function clusterPlan(name = 'heddle'): Promise<ClusterPlan> {
  return requirePlan(homes(), name);
}

/**
 * The process of a running container of our own cluster, or undefined. `nsenter --net=/proc/PID/ns/net tcpdump …` watches its pod's network;
 * signals freeze or kill it. Only for kind `own`: other clusters' processes are elsewhere.
 */
export async function findProcess(container: ContainerName, name = 'heddle'): Promise<ContainerProcess | undefined> {
  const home = homes();
  return createContainerd(await requirePlan(home, name), await buildGoPrograms(home.cache, quiet)).findProcess(
    container,
  );
}

const ownCluster: ClusterDriver = {
  up: async (name, progress) => void (await upOwn(homes(), name, progress)),
  down: (name, progress) => downOwn(homes(), name, progress),
  load: (name, images, progress) => loadImages(homes(), name, images, progress),
  status: async (name) => statusOwn(await findPlan(homes(), name), name),
  kubeconfigPath: async (name) => (await requirePlan(homes(), name)).paths.kubeconfig,
  kubectlPath: async (progress) => `${(await buildGoPrograms(homes().cache, progress)).kube}/kubectl`,
};

const drivers: Readonly<Record<ClusterKind, ClusterDriver>> = {
  own: ownCluster,
  kind: kindCluster,
  current: currentCluster,
};

function driver(options: ClusterOptions): ClusterDriver {
  return drivers[options.kind ?? 'own'];
}

function nameOf(options: ClusterOptions): string {
  return options.name ?? 'heddle';
}

function progressOf(options: ClusterOptions): Progress {
  return options.progress ?? createProgress();
}
