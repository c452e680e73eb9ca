import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/run.ts';

/**
 * Images built here lie in one OCI layout (image-spec, image-layout.md): a blob that several images share, such as Node's layer, is there once.
 * What each name stands for is kept beside it, one small file a name.
 */
export function layoutFolder(cache: string): string {
  return join(cache, 'images', 'oci');
}

/** A blob's coordinates, as manifests write them. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** The manifest that `reference` names in the layout's index; undefined when it names none. */
export async function findManifest(layout: string, reference: string): Promise<Descriptor | undefined> {
  const text = await readFile(join(layout, 'index.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const index = JSON.parse(text) as { manifests?: (Descriptor & { annotations?: Record<string, string> })[] };
  const found = index.manifests?.find(
    (manifest) => manifest.annotations?.['org.opencontainers.image.ref.name'] === reference,
  );
  return found && { mediaType: found.mediaType, digest: found.digest, size: found.size };
}

/** Every blob of an image: manifest, configuration, layers. Throws when the layout is not whole. */
export async function blobsOf(layout: string, manifest: Descriptor): Promise<readonly Descriptor[]> {
  const parsed = JSON.parse(await readFile(blobPath(layout, manifest.digest), 'utf8')) as Manifest;
  return [manifest, parsed.config, ...parsed.layers];
}

/** An archive to import, and how to be rid of it. */
export interface Archive {
  readonly path: string;
  readonly names: readonly string[];
  readonly bytes: number;
  dispose(): Promise<void>;
}

/**
 * Writes one OCI archive with several images. `skip` holds digests of blobs that the receiver has: they are left out, which containerd allows
 * (it looks a blob up by digest before it asks the archive).
 */
export async function writeArchive(
  layout: string,
  folder: string,
  images: ReadonlyMap<string, Descriptor>,
  skip: ReadonlySet<string>,
): Promise<Archive> {
  const work = join(folder, `.archive-${randomUUID()}`);
  await mkdir(work, { recursive: true });
  await symlink(join(layout, 'blobs'), join(work, 'blobs'));
  const manifests = [...images].map(([name, manifest]) => ({
    ...manifest,
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
  }));
  await writeFile(join(work, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeFile(
    join(work, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }),
  );
  const wanted = new Set<string>();
  for (const manifest of images.values())
    for (const blob of await blobsOf(layout, manifest)) if (!skip.has(blob.digest)) wanted.add(blob.digest);
  const path = join(work, 'images.tar');
  await run('tar', [
    '-C',
    work,
    '-cf',
    path,
    'oci-layout',
    'index.json',
    ...[...wanted].map((digest) => blobPath('', digest).slice(1)),
  ]);
  return {
    path,
    names: [...images.keys()],
    bytes: (await stat(path)).size,
    dispose: () => rm(work, { recursive: true, force: true }),
  };
}

/** Whether every blob of an image is there with its size: a layout that lost one must be filled again. */
export async function isWhole(layout: string, manifest: Descriptor): Promise<boolean> {
  if (!existsSync(blobPath(layout, manifest.digest))) return false;
  for (const blob of await blobsOf(layout, manifest)) {
    const file = await stat(blobPath(layout, blob.digest)).catch(() => undefined);
    if (file?.size !== blob.size) return false;
  }
  return true;
}

function blobPath(layout: string, digest: string): string {
  return `${layout}/blobs/${digest.replace(':', '/')}`;
}
