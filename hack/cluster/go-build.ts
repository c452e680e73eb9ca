import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type GoProgram, goPrograms } from './go-programs.ts';
import { withLock } from './lock.ts';
import type { Progress } from './progress.ts';
import { attempt, CommandError, lastLines, which } from './run.ts';

const SOURCES = fileURLToPath(new URL('./go/', import.meta.url));
const GO_MAJOR = 1;
const GO_MINOR = 26;
/** Between two lines about a build that goes on. */
const SAY_EVERY_MS = 20_000;

/** Folder of each program's files, by program name. */
export type GoFolders = Readonly<Record<GoProgram['name'], string>>;

/**
 * Builds what is missing, one program after the other, and returns where each lies. Go itself is asked for only when something is missing.
 * A build goes to a temporary folder that is renamed when whole, so a half build is never taken.
 */
export async function buildGoPrograms(cache: string, progress: Progress): Promise<GoFolders> {
  const folders: [string, string][] = [];
  for (const program of goPrograms)
    folders.push([program.name, await ensureProgram(program, join(cache, 'go'), progress)]);
  return Object.fromEntries(folders) as GoFolders;
}

/** Name of a program's folder: changes with its sources, module versions and sums, link settings and the processor. */
export async function programKey(program: GoProgram, sources = SOURCES, arch: string = process.arch): Promise<string> {
  const folder = join(sources, program.name);
  const hash = createHash('sha256').update(JSON.stringify([arch, program]));
  for (const file of (await readdir(folder)).sort())
    hash.update(`\0${file}\0`).update(await readFile(join(folder, file)));
  return `${program.name}-${hash.digest('hex').slice(0, 16)}`;
}

/** Reads `go version`'s word (`go1.26.8`, `go1.27rc1`); undefined when it is new enough, else the sentence to show. */
export function refuseGo(version: string): string | undefined {
  const match = /^go(\d+)\.(\d+)/.exec(version.trim());
  const enough =
    match && (Number(match[1]) > GO_MAJOR || (Number(match[1]) === GO_MAJOR && Number(match[2]) >= GO_MINOR));
  if (enough) return undefined;
  return `Go ${GO_MAJOR}.${GO_MINOR} or newer is needed to build the cluster, found ${version.trim() || 'no version'}: install it from https://go.dev/dl and put its bin folder first in PATH`;
}

async function ensureProgram(program: GoProgram, root: string, progress: Progress): Promise<string> {
  const target = join(root, await programKey(program));
  if (existsSync(target)) return target;
  await mkdir(root, { recursive: true });
  return withLock(join(root, `${program.name}.lock`), `building ${program.title}`, progress, async () => {
    if (!existsSync(target)) await progress.step(`built ${program.title}`, () => build(program, target, progress));
    return target;
  });
}

async function build(program: GoProgram, target: string, progress: Progress): Promise<void> {
  const go = await findGo();
  const partial = `${target}.partial-${randomUUID()}`;
  await mkdir(partial, { recursive: true });
  try {
    progress.say(`building ${program.title} from Go modules`);
    await compile(go, program, partial, progress);
    for (const file of program.files)
      if (!existsSync(join(partial, file))) throw new CommandError(`go build of ${program.name} left no file ${file}`);
    for (const link of program.links) await symlink(program.files[0] ?? '', join(partial, link));
    await rename(partial, target);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function compile(go: string, program: GoProgram, output: string, progress: Progress): Promise<void> {
  const variables = Object.entries(program.variables).map(([name, value]) => `-X ${name}=${value}`);
  const args = [
    'build',
    '-v',
    '-trimpath',
    `-ldflags=${['-s', '-w', ...variables].join(' ')}`,
    '-o',
    `${output}/`,
    ...program.packages,
  ];
  let packages = 0;
  let said = Date.now();
  const onErrorLine = (line: string) => {
    if (!line.startsWith('go: ')) packages += 1;
    if (Date.now() - said < SAY_EVERY_MS) return;
    said = Date.now();
    progress.say(`  … ${program.name}: ${packages} packages compiled, now ${line.slice(0, 90)}`);
  };
  // GOTOOLCHAIN=local: the Go that is installed, never one that is fetched. GOWORK=off: a workspace around the checkout is not ours.
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', GOWORK: 'off' };
  const done = await attempt(go, args, { cwd: join(SOURCES, program.name), env, onErrorLine });
  if (done.code === 0) return;
  throw new CommandError(
    `building ${program.title} failed (go ${args.join(' ')} in ${join(SOURCES, program.name)}):\n${lastLines(done.stderr, 20)}\n` +
      '  A module that cannot be downloaded: check the network and GOPROXY, then run it again; what is built already is kept.',
  );
}

async function findGo(): Promise<string> {
  const go = which('go');
  if (!go) throw new CommandError(refuseGo('no go program in PATH') ?? '');
  const version = await attempt(go, ['env', 'GOVERSION'], { env: { ...process.env, GOTOOLCHAIN: 'local' } });
  const refusal = refuseGo(version.stdout);
  if (refusal) throw new CommandError(refusal);
  return go;
}
