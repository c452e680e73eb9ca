import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from '../cluster/lock.ts';
import { homes } from '../cluster/paths.ts';
import type { Progress } from '../cluster/progress.ts';
import { attempt, CommandError, lastLines, which } from '../cluster/run.ts';

const SOURCES = fileURLToPath(new URL('./go/', import.meta.url));

/** The outside programs that judge the proxy, by package; file names are the last segments. */
const PACKAGES = {
  h2spec: 'github.com/summerwind/h2spec/cmd/h2spec',
  client: 'google.golang.org/grpc/interop/client',
  server: 'google.golang.org/grpc/interop/server',
} as const;

export type Witness = keyof typeof PACKAGES;

/**
 * Path of a witness, built on first use into the cache folder (`HEDDLE_CACHE`, default `~/.cache/heddle`). Versions are those of `go/go.mod`; a
 * change there builds anew. A half build is never taken.
 */
export async function ensureWitness(name: Witness, progress: Progress): Promise<string> {
  const root = join(homes().cache, 'witness');
  const folder = join(root, await sourcesKey());
  const file = join(folder, name);
  if (existsSync(file)) return file;
  await mkdir(folder, { recursive: true });
  return withLock(join(root, `${name}.lock`), `building ${name}`, progress, async () => {
    if (!existsSync(file)) await progress.step(`built ${PACKAGES[name]}`, () => build(name, file));
    return file;
  });
}

async function sourcesKey(): Promise<string> {
  const hash = createHash('sha256').update(process.arch);
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(SOURCES, file)));
  return hash.digest('hex').slice(0, 16);
}

async function build(name: Witness, file: string): Promise<void> {
  const go = which('go');
  if (go === undefined) throw new CommandError(`no go program in PATH: ${name} is built from Go modules (Go >= 1.26)`);
  const partial = `${file}.partial-${randomUUID()}`;
  const args = ['build', '-trimpath', '-ldflags=-s -w', '-o', partial, PACKAGES[name]];
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local', GOWORK: 'off' };
  try {
    const done = await attempt(go, args, { cwd: SOURCES, env });
    if (done.code !== 0) throw new CommandError(`go ${args.join(' ')} failed:\n${lastLines(done.stderr, 20)}`);
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
