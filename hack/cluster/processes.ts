import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, isRunning, parseIdentity } from './process-identity.ts';
import { systemPath } from './run.ts';

/** A part to start: its program, where its output goes, and the wrapper that puts it in its network. */
export interface PartCommand {
  readonly name: string;
  readonly command: readonly string[];
  readonly log: string;
  /** First in the part's PATH: containerd looks for its shim there. */
  readonly pathFirst: readonly string[];
}

export interface PartState {
  readonly name: string;
  readonly pid: number;
  readonly running: boolean;
}

/**
 * Starts a part as a process of its own session that outlives this one, inside the cluster's cgroup (it enters before it becomes the program, so
 * nothing it starts is ever outside), and records its identity as `<folder>/<name>.json`. Its environment is made here: etcd and others take settings
 * from variables that a caller may have for another cluster.
 */
export async function startPart(part: PartCommand, joinFiles: readonly string[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const log = await open(part.log, 'a');
  try {
    const enter = `${joinFiles.map((file) => `echo 0 >'${file}' || exit 97`).join('; ')}; exec "$@"`;
    const env = { PATH: [...part.pathFirst, systemPath()].join(':'), HOME: '/root', LANG: 'C.UTF-8' };
    const child = spawn('/bin/sh', ['-c', enter, part.name, ...part.command], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log.fd, log.fd],
      env,
    });
    const started = new Promise<number>((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.once('error', (cause) => reject(new Error(`cannot start ${part.name}: ${cause.message}`, { cause })));
    });
    const identity = identify(await started);
    child.unref();
    if (identity) await writeFile(join(folder, `${part.name}.json`), JSON.stringify(identity));
  } finally {
    await log.close();
  }
}

/** Every part that was recorded, and whether that very process still runs. */
export async function readParts(folder: string): Promise<readonly PartState[]> {
  const files = await readdir(folder).catch(() => []);
  const states = files
    .filter((file) => file.endsWith('.json'))
    .map(async (file) => readPart(folder, file.slice(0, -'.json'.length)));
  return (await Promise.all(states)).flatMap((state) => state ?? []);
}

async function readPart(folder: string, name: string): Promise<PartState | undefined> {
  const text = await readFile(join(folder, `${name}.json`), 'utf8').catch(() => '');
  const identity = parseIdentity(text);
  return identity && { name, pid: identity.pid, running: isRunning(identity) };
}
