import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

const SKIPPED = new Set(['node_modules', '.git']);

/** What decides whether an image must be built again. */
export interface KeyParts {
  /** Plain data: Dockerfile text, target, arguments, builder. */
  readonly settings: unknown;
  /** Folder that the inputs are below. */
  readonly context: string;
  /** Files and folders that the target reads, relative to the context. */
  readonly inputs: readonly string[];
}

/** A hash over settings and over every input's path, kind, executable bit and content. Throws when an input is missing. */
export async function contentKey(parts: KeyParts): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(parts.settings));
  for (const input of [...parts.inputs].sort()) await addPath(hash, parts.context, input);
  return hash.digest('hex').slice(0, 24);
}

async function addPath(hash: ReturnType<typeof createHash>, context: string, path: string): Promise<void> {
  const full = join(context, path);
  const stat = await lstat(full).catch(() => undefined);
  if (!stat)
    throw new Error(`image input ${full} does not exist: build it first (npm run build for Heddle's own components)`);
  if (stat.isDirectory()) {
    for (const name of (await readdir(full)).sort())
      if (!SKIPPED.has(name)) await addPath(hash, context, join(path, name));
  } else if (stat.isSymbolicLink()) hash.update(`\0link\0${path}\0${await readlink(full)}`);
  else hash.update(`\0file\0${path}\0${stat.mode & 0o111 ? 'x' : '-'}\0`).update(await readFile(full));
}
