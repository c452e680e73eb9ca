import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createCgroup, processesIn } from './cgroups.ts';
import { buildGoPrograms } from './go-build.ts';
import { withLock } from './lock.ts';
import { type ClusterPlan, checkClusterName, clusterRoot, planCluster } from './names.ts';
import { createNetwork, routedV4 } from './network.ts';
import { clusterNeeds, ensurePackages } from './packages.ts';
import type { Homes } from './paths.ts';
import { createPki } from './pki.ts';
import { readParts } from './processes.ts';
import type { Progress } from './progress.ts';
import { removeCluster, removeSharedSocket } from './remove.ts';
import { anySlotHeld, findSlot, releaseSlot, reserveSlot } from './slots.ts';
import { nodeReady, openApi, startParts, writeConfigs } from './start.ts';

/** Brings a cluster of our own up, or finds it up. What an earlier one of that name left behind is removed first. */
export async function upOwn(home: Homes, name: string, progress: Progress): Promise<ClusterPlan> {
  requireMachine();
  await ensurePackages(clusterNeeds, progress);
  const programs = await buildGoPrograms(home.cache, progress);
  return alone(home, name, progress, async () => {
    const before = await findPlan(home, name);
    if (before && (await isUp(before))) {
      progress.say(`cluster ${name} is up already`);
      return before;
    }
    if (before && (await hasRemains(before)))
      await progress.step(`removed what was left of cluster ${name}`, () => removeCluster(before));
    const plan = planCluster(home.state, name, await reserveSlot(home.state, name, await routedV4('')));
    await mkdir(plan.paths.root, { recursive: true, mode: 0o755 });
    const [joinFiles] = await progress.step('network, cgroup and certificates', () =>
      Promise.all([createCgroup(plan.cgroup), createNetwork(plan), createPki(plan)]),
    );
    await writeConfigs(plan, programs);
    await startParts({ plan, programs, cache: home.cache, joinFiles, progress });
    progress.say(`cluster ${name} is up: export KUBECONFIG=${plan.paths.kubeconfig}`);
    return plan;
  });
}

/** Removes a cluster of our own. Nothing to remove is no error. */
export async function downOwn(home: Homes, name: string, progress: Progress): Promise<void> {
  requireMachine();
  await alone(home, name, progress, async () => {
    const plan = await findPlan(home, name);
    if (!plan) return progress.say(`there is no cluster ${name}`);
    await progress.step(`removed cluster ${name}`, () => removeCluster(plan));
    await releaseSlot(home.state, plan.subnets.slot);
    if (!(await anySlotHeld(home.state))) await removeSharedSocket();
  });
}

/** The plan of a cluster that holds a slot, running or not. */
export async function findPlan(home: Homes, name: string): Promise<ClusterPlan | undefined> {
  const slot = await findSlot(home.state, checkClusterName(name));
  return slot === undefined ? undefined : planCluster(home.state, name, slot);
}

/** The plan of a cluster that must exist. */
export async function requirePlan(home: Homes, name: string): Promise<ClusterPlan> {
  const plan = await findPlan(home, name);
  if (plan && existsSync(plan.paths.kubeconfig)) return plan;
  throw new Error(
    `there is no cluster ${name} in ${clusterRoot(home.state, name)}: npm run cluster -- up --name ${name}`,
  );
}

/** Every part runs and the node is Ready. */
export async function isUp(plan: ClusterPlan): Promise<boolean> {
  const parts = await readParts(plan.paths.processes);
  if (parts.length === 0 || parts.some((part) => !part.running) || !existsSync(plan.paths.kubeconfig)) return false;
  const api = await openApi(plan);
  try {
    return await nodeReady(api, plan);
  } catch {
    return false;
  } finally {
    api.close();
  }
}

async function hasRemains(plan: ClusterPlan): Promise<boolean> {
  return existsSync(plan.paths.root) || existsSync(plan.netnsFile) || (await processesIn(plan.cgroup)).length > 0;
}

function alone<T>(home: Homes, name: string, progress: Progress, work: () => Promise<T>): Promise<T> {
  return withLock(join(home.state, 'locks', checkClusterName(name)), `cluster ${name}`, progress, work);
}

function requireMachine(): void {
  if (process.platform !== 'linux')
    throw new Error(
      `a cluster of our own needs Linux, this is ${process.platform}: use --cluster kind (with Docker) or --cluster current`,
    );
  if (process.getuid?.() !== 0)
    throw new Error(
      'a cluster of our own needs root (network namespaces, mounts, cgroups): run it with sudo, or use --cluster kind or --cluster current',
    );
}
