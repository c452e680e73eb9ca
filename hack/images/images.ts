import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { withLock } from '../cluster/lock.ts';
import { homes } from '../cluster/paths.ts';
import { createProgress, type Progress } from '../cluster/progress.ts';
import { CommandError, run } from '../cluster/run.ts';
import { type Builder, buildah, buildDockerfile, buildLock, findBuilder } from './builder.ts';
import { contentKey } from './content-key.ts';
import { type Archive, type Descriptor, findManifest, isWhole, layoutFolder, writeArchive } from './layout.ts';

export { type BaseImage, baseImage } from './base-image.ts';
export type { Archive } from './layout.ts';

export interface ImageRequest {
  /** Full name with tag, such as `localhost/heddle/proxy:dev`. */
  readonly name: string;
  /** Path of the Dockerfile. */
  readonly dockerfile: string;
  /** Stage to build; default the last. */
  readonly target?: string;
  /** Folder that COPY reads from. */
  readonly context: string;
  /** Files and folders below the context that this target reads: what decides about building again. Default everything but node_modules and .git. */
  readonly inputs?: readonly string[];
  /** `BASE` (see `baseImage`) and whatever else the Dockerfile takes. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly progress?: Progress;
}

export interface BuiltImage {
  readonly name: string;
  /** Hash of everything the image is made of. */
  readonly key: string;
  /** It was there already. */
  readonly cached: boolean;
}

/** What a name stands for. */
interface ImageRecord {
  readonly key: string;
  readonly builder: Builder['kind'];
  /** In the OCI layout; absent for Docker, which keeps its own images. */
  readonly manifest?: Descriptor;
}

/** Builds one image unless it exists with the same content, in which case it costs the hashing of its inputs. */
export async function buildImage(request: ImageRequest): Promise<BuiltImage> {
  const cache = homes().cache;
  const progress = request.progress ?? createProgress();
  const builder = await findBuilder(cache, progress);
  const buildArgs = request.buildArgs ?? {};
  const settings = {
    dockerfile: await readFile(request.dockerfile, 'utf8'),
    target: request.target,
    buildArgs,
    builder: builder.kind,
  };
  const key = await contentKey({ settings, context: request.context, inputs: request.inputs ?? ['.'] });
  return withLock(buildLock(cache), 'building images', progress, async () => {
    if (await isCurrent(cache, request.name, key)) return { name: request.name, key, cached: true };
    const { name, dockerfile, target, context } = request;
    await progress.step(`built image ${name}`, async () => {
      await buildDockerfile(builder, { name, dockerfile, target, context, buildArgs });
      await remember(cache, name, await store(builder, cache, name, key));
    });
    return { name, key, cached: false };
  });
}

/** Writes images as one docker-archive or OCI archive that `docker load` and `ctr images import` read; returns its path. */
export async function saveImages(names: readonly string[], file: string): Promise<string> {
  const archive = await archiveOfMany(homes().cache, names, { blobs: new Set(), images: new Map() });
  if (!archive) throw new CommandError('no image was named');
  try {
    await run('cp', [archive.path, file]);
  } finally {
    await archive.dispose();
  }
  return resolve(file);
}

/** Whether an argument of `load` is a file and not an image's name. */
export function isArchivePath(image: string): boolean {
  return image.endsWith('.tar') || isAbsolute(image) || image.startsWith('./');
}

/** An archive of one image, given by its name or by the path of an archive (which is then left where it is). */
export async function archiveOf(cache: string, image: string): Promise<Archive> {
  if (isArchivePath(image)) {
    if (!existsSync(image)) throw new CommandError(`there is no archive ${resolve(image)}`);
    return { path: resolve(image), names: [], bytes: 0, dispose: async () => undefined };
  }
  const archive = await archiveOfMany(cache, [image], { blobs: new Set(), images: new Map() });
  if (!archive) throw new CommandError(`no image ${image}`);
  return archive;
}

/** What a receiver has: digests of its blobs, and its images' names with their manifests' digests. */
export interface Held {
  readonly blobs: ReadonlySet<string>;
  readonly images: ReadonlyMap<string, string>;
}

/** One archive of all named images that the receiver lacks, without blobs that it has; undefined when it lacks none. */
export async function archiveOfMany(cache: string, names: readonly string[], held: Held): Promise<Archive | undefined> {
  const records = new Map<string, ImageRecord>();
  for (const name of names) records.set(name, await recall(cache, name));
  const ofDocker = [...records].filter(([, record]) => !record.manifest).map(([name]) => name);
  if (ofDocker.length > 0) return dockerArchive(cache, ofDocker.length === records.size ? ofDocker : mixed(ofDocker));
  const wanted = new Map(
    [...records].flatMap(([name, { manifest }]) =>
      manifest && held.images.get(name) !== manifest.digest ? [[name, manifest] as const] : [],
    ),
  );
  return wanted.size === 0 ? undefined : writeArchive(layoutFolder(cache), join(cache, 'images'), wanted, held.blobs);
}

async function isCurrent(cache: string, name: string, key: string): Promise<boolean> {
  const record = await recall(cache, name).catch(() => undefined);
  if (record?.key !== key) return false;
  return record.manifest ? isWhole(layoutFolder(cache), record.manifest) : true;
}

/** Docker keeps its images itself; buildah's go into the layout, which compresses each layer once. */
async function store(builder: Builder, cache: string, name: string, key: string): Promise<ImageRecord> {
  if (builder.kind === 'docker') return { key, builder: 'docker' };
  const layout = layoutFolder(cache);
  await mkdir(layout, { recursive: true });
  await buildah(builder, ['push', '--quiet', name, `oci:${layout}:${name}`]);
  const manifest = await findManifest(layout, name);
  if (!manifest)
    throw new CommandError(`buildah push left no image ${name} in ${layout}: remove that folder and build again`);
  return { key, builder: 'buildah', manifest };
}

async function remember(cache: string, name: string, record: ImageRecord): Promise<void> {
  await mkdir(join(cache, 'images', 'records'), { recursive: true });
  await writeFile(recordFile(cache, name), JSON.stringify({ name, ...record }));
}

async function recall(cache: string, name: string): Promise<ImageRecord> {
  const text = await readFile(recordFile(cache, name), 'utf8').catch(() => undefined);
  if (text === undefined)
    throw new CommandError(
      `no image ${name} was built here: npm run images builds Heddle's own; an archive is given by its path (…/name.tar)`,
    );
  return JSON.parse(text) as ImageRecord;
}

function recordFile(cache: string, name: string): string {
  return join(cache, 'images', 'records', `${createHash('sha256').update(name).digest('hex').slice(0, 24)}.json`);
}

async function dockerArchive(cache: string, names: readonly string[]): Promise<Archive> {
  const path = join(cache, 'images', `docker-${process.pid}.tar`);
  await run('docker', ['save', '-o', path, ...names]);
  return { path, names, bytes: 0, dispose: () => run('rm', ['-f', path]).then(() => undefined) };
}

function mixed(names: readonly string[]): never {
  throw new CommandError(
    `${names.join(', ')} were built by Docker and others by buildah: build all with one (HEDDLE_BUILDER)`,
  );
}
