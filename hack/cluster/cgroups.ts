import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';
import { lastLines } from './run.ts';

/**
 * A cluster's cgroup is the one true list of its processes: its parts are started inside `<cgroup>/parts`, the kubelet puts every pod below
 * `<cgroup>`, and a process cannot leave by forking. So `down` needs no names, no patterns and no process table.
 */

const KILL_DEADLINE_MS = 15_000;

/** The folders where cgroup hierarchies are mounted: one on version 2, one a controller on version 1, both on a hybrid machine. */
export function hierarchies(mounts: string = readFileSync('/proc/mounts', 'utf8')): readonly string[] {
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const folders = rows.filter(
    ([, folder, type]) => (type === 'cgroup' || type === 'cgroup2') && folder?.startsWith('/sys/fs/cgroup'),
  );
  return [...new Set(folders.map(([, folder]) => folder ?? ''))].sort();
}

/** Makes the cluster's cgroup everywhere, and `<cgroup>/parts` where its parts will live. Returns the files a part writes itself into. */
export async function createCgroup(cgroup: string): Promise<readonly string[]> {
  const joinFiles: string[] = [];
  for (const hierarchy of hierarchies()) {
    await passControllersOn(hierarchy);
    await makeGroup(hierarchy, cgroup);
    if (!joinsHere(hierarchy)) continue;
    await makeGroup(hierarchy, join(cgroup, 'parts'));
    joinFiles.push(join(hierarchy, cgroup, 'parts', 'cgroup.procs'));
  }
  if (joinFiles.length === 0)
    throw new Error(
      'no cgroup hierarchy with processes is mounted below /sys/fs/cgroup: mount cgroup2 there, or cgroup v1 with the pids controller',
    );
  return joinFiles;
}

/** Ids of all processes in the cluster's cgroup, in every hierarchy, sorted. Empty when there is no such cgroup. */
export async function processesIn(cgroup: string): Promise<readonly number[]> {
  const found = new Set<number>();
  for (const folder of await groupsBelow(cgroup)) {
    const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
    for (const pid of text.split('\n').map(Number)) if (pid > 1) found.add(pid);
  }
  return [...found].sort((a, b) => a - b);
}

/**
 * Kills every process of the cgroup, those too that are born meanwhile, waits until all have ended and returns how many there were. Throws when
 * some do not end.
 */
export async function killCgroup(cgroup: string): Promise<number> {
  const killed = new Map<number, ProcessIdentity>();
  const deadline = Date.now() + KILL_DEADLINE_MS;
  for (;;) {
    const pids = await processesIn(cgroup);
    for (const pid of pids) kill(pid, killed);
    // A process leaves its cgroup's list before it has ended: it may still hold mounts and the network.
    const ending = [...killed.values()].filter((identity) => isRunning(identity));
    if (pids.length === 0 && ending.length === 0) return killed.size;
    if (Date.now() > deadline) {
      const names = [...new Set([...pids, ...ending.map((identity) => identity.pid)])].map(describe);
      throw new Error(
        `${names.length} processes of ${cgroup} do not end after SIGKILL:\n${lastLines(names.join('\n'), 10)}`,
      );
    }
    await wait(20);
  }
}

/** Removes the cgroup and all below it. A group that is still closing is tried again for a while. */
export async function removeCgroup(cgroup: string): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    const folders = (await groupsBelow(cgroup)).toReversed();
    if (folders.length === 0) return;
    for (const folder of folders) await rmdir(folder).catch(() => undefined);
    if (round > 0) await wait(20);
  }
  const left = await groupsBelow(cgroup);
  if (left.length > 0)
    throw new Error(`cgroups that cannot be removed: ${left.slice(0, 3).join(', ')} (${left.length} in all)`);
}

/** All folders of the cgroup, in every hierarchy, parents before children. */
export async function groupsBelow(cgroup: string): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    if (!existsSync(folder)) return;
    found.push(folder);
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await visit(join(folder, entry.name));
  };
  for (const hierarchy of hierarchies()) await visit(join(hierarchy, cgroup));
  return found;
}

/** Version 1: the pids hierarchy lists the parts; version 2: the only one, or the hybrid's. */
function joinsHere(hierarchy: string): boolean {
  return /\/pids$/.test(hierarchy) || existsSync(join(hierarchy, 'cgroup.controllers'));
}

/** Version 2: a group has only the controllers that its parent passes on, and the kubelet refuses a group without those it needs. */
async function passControllersOn(hierarchy: string): Promise<void> {
  const controllers = await readFile(join(hierarchy, 'cgroup.controllers'), 'utf8').catch(() => '');
  for (const controller of controllers.split(/\s+/).filter(Boolean))
    await writeFile(join(hierarchy, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined);
}

async function makeGroup(hierarchy: string, cgroup: string): Promise<void> {
  const folder = join(hierarchy, cgroup);
  await mkdir(folder, { recursive: true });
  // A new cpuset of version 1 has no processor and no memory, and takes no process until it has.
  for (const file of ['cpuset.mems', 'cpuset.cpus']) {
    const own = await readFile(join(folder, file), 'utf8').catch(() => undefined);
    if (own?.trim() === '' && !existsSync(join(folder, 'cgroup.controllers')))
      await writeFile(join(folder, file), await readFile(join(folder, '..', file), 'utf8'));
  }
}

function kill(pid: number, killed: Map<number, ProcessIdentity>): void {
  const identity = identify(pid);
  if (identity) killed.set(pid, identity);
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

function describe(pid: number): string {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;
  } catch {
    return `${pid} (gone)`;
  }
}
