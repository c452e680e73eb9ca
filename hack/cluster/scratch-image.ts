import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from './run.ts';

/** An image that holds one program and nothing else. */
export interface ScratchImage {
  /** Full name with tag. */
  readonly name: string;
  /** The program's file on this machine; its place in the image is `/<basename>`. */
  readonly program: string;
  /** `uid:gid`. */
  readonly user: string;
}

/**
 * Writes the image as a docker-archive tar (the form `docker save` has) below `cache` and returns its path: at once when it is there.
 * By hand, for it is four small files and `up` then needs no image builder. The program's folder is content-addressed, so its path is the key.
 */
export async function scratchArchive(cache: string, image: ScratchImage): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(image)).digest('hex').slice(0, 16);
  const archive = join(cache, 'images', 'scratch', `${basename(image.program)}-${key}.tar`);
  if (existsSync(archive)) return archive;
  await mkdir(join(cache, 'images', 'scratch'), { recursive: true });
  const work = await mkdtemp(join(cache, 'images', 'scratch', '.work-'));
  const partial = `${archive}.${randomUUID()}`;
  try {
    await writeArchive(work, image, partial);
    await rename(partial, archive);
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(partial, { force: true });
  }
  return archive;
}

async function writeArchive(work: string, image: ScratchImage, archive: string): Promise<void> {
  const entry = basename(image.program);
  await mkdir(join(work, 'root'));
  await copyFile(image.program, join(work, 'root', entry));
  // The same bytes for the same program: no clock, no user of this machine.
  await run('tar', [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '-C',
    join(work, 'root'),
    '-cf',
    join(work, 'layer.tar'),
    entry,
  ]);
  const diffId = `sha256:${createHash('sha256')
    .update(await readFile(join(work, 'layer.tar')))
    .digest('hex')}`;
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Entrypoint: [`/${entry}`], User: image.user, Env: ['PATH=/'] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  };
  await writeFile(join(work, 'config.json'), JSON.stringify(config));
  await writeFile(
    join(work, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: [image.name], Layers: ['layer.tar'] }]),
  );
  await run('tar', ['-C', work, '-cf', archive, 'manifest.json', 'config.json', 'layer.tar']);
}
