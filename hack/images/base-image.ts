import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withLock } from '../cluster/lock.ts';
import { homes } from '../cluster/paths.ts';
import { createProgress, type Progress } from '../cluster/progress.ts';
import { run } from '../cluster/run.ts';
import { attemptBuildah, type Builder, buildDockerfile, buildLock, findBuilder } from './builder.ts';
import { nodeBinary, nodeVersion } from './node-version.ts';

/** Debian's release, the one Node's own image is made from. */
const SUITE = 'bookworm';
/** What Node's binary links to, and certificates for programs that speak TLS to the outside. */
const BASE_PACKAGES = ['libatomic1', 'libstdc++6', 'ca-certificates'];
/** Never read in a container; dpkg's own lists stay, so packages can be added on top. */
const TRIMMED = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
  'usr/share/lintian',
  'var/cache/apt',
  'var/lib/apt/lists',
  'var/log',
  'var/cache/debconf',
];

export interface BaseImageOptions {
  /** Debian packages on top, such as `['python3-minimal']`. Default none. */
  readonly include?: readonly string[];
  readonly progress?: Progress;
}

/** What to give as `--build-arg BASE=`. */
export interface BaseImage {
  readonly reference: string;
}

/**
 * The image that Dockerfiles begin with: Debian's smallest system with the pinned Node in /usr/local/bin. Where Docker runs it is Node's own public
 * image; here it is made by debootstrap from Debian's packages and the node program of this checkout, and kept by content.
 */
export async function baseImage(options: BaseImageOptions = {}): Promise<BaseImage> {
  const cache = homes().cache;
  const progress = options.progress ?? createProgress();
  const builder = await findBuilder(cache, progress);
  const include = [...(options.include ?? [])].sort();
  for (const name of include)
    if (!/^[a-z0-9][a-z0-9+.-]*$/.test(name)) throw new Error(`not a Debian package's name: ${JSON.stringify(name)}`);
  return withLock(buildLock(cache), 'building the base image', progress, async () => {
    const plain =
      builder.kind === 'docker'
        ? `docker.io/library/node:${await nodeVersion()}-${SUITE}-slim`
        : await bootstrapped(builder, cache, progress);
    return { reference: include.length === 0 ? plain : await withPackages(builder, cache, plain, include, progress) };
  });
}

async function bootstrapped(
  builder: Builder & { kind: 'buildah' },
  cache: string,
  progress: Progress,
): Promise<string> {
  const node = await nodeBinary();
  const rootfs = await debianRootfs(cache, progress);
  const key = shortHash(await readFile(node), rootfs);
  const reference = `localhost/heddle/base:${key}`;
  if (await exists(builder, reference)) return reference;
  await progress.step(`built base image ${reference}`, () =>
    inFolder(cache, async (folder) => {
      await copyFile(rootfs, join(folder, 'rootfs.tar'));
      await copyFile(node, join(folder, 'node'));
      const lines = [
        'FROM scratch',
        'ADD rootfs.tar /',
        'COPY --chmod=0755 node /usr/local/bin/node',
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'CMD ["node"]',
      ];
      await build(builder, folder, lines, reference);
    }),
  );
  return reference;
}

async function withPackages(
  builder: Builder,
  cache: string,
  plain: string,
  include: readonly string[],
  progress: Progress,
): Promise<string> {
  const reference = `localhost/heddle/base:${shortHash(plain, ...include)}`;
  if (builder.kind === 'buildah' && (await exists(builder, reference))) return reference;
  const install = `apt-get update && apt-get install -y --no-install-recommends ${include.join(' ')} && rm -rf ${TRIMMED.map((path) => `/${path}/*`).join(' ')}`;
  await progress.step(`built base image ${reference} with ${include.join(' ')}`, () =>
    inFolder(cache, (folder) => build(builder, folder, [`FROM ${plain}`, `RUN ${install}`], reference)),
  );
  return reference;
}

/** Debian's smallest system as a tar, kept by what it is made of. */
async function debianRootfs(cache: string, progress: Progress): Promise<string> {
  const archive = join(
    cache,
    'images',
    'rootfs',
    `${SUITE}-${process.arch}-${shortHash(SUITE, ...BASE_PACKAGES, ...TRIMMED)}.tar`,
  );
  if (existsSync(archive)) return archive;
  await mkdir(dirname(archive), { recursive: true });
  await progress.step(`debootstrap made a ${SUITE} system`, () =>
    inFolder(cache, async (folder) => {
      const root = join(folder, 'root');
      const mirror = process.env['HEDDLE_DEBIAN_MIRROR'];
      await run('debootstrap', [
        '--variant=minbase',
        `--include=${BASE_PACKAGES.join(',')}`,
        SUITE,
        root,
        ...(mirror ? [mirror] : []),
      ]);
      for (const path of TRIMMED) await emptyFolder(join(root, path));
      const partial = `${archive}.${randomUUID()}`;
      await run('tar', ['--sort=name', '--numeric-owner', '-C', root, '-cf', partial, '--exclude=./dev/*', '.']);
      await rename(partial, archive);
    }),
  );
  return archive;
}

async function build(builder: Builder, folder: string, lines: readonly string[], name: string): Promise<void> {
  const dockerfile = join(folder, 'Dockerfile');
  await writeFile(dockerfile, `${lines.join('\n')}\n`);
  await buildDockerfile(builder, { name, dockerfile, target: undefined, context: folder, buildArgs: {} });
}

async function exists(builder: Builder & { kind: 'buildah' }, reference: string): Promise<boolean> {
  return (await attemptBuildah(builder, ['inspect', '--type', 'image', reference])).code === 0;
}

async function emptyFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
}

async function inFolder<T>(cache: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(cache, 'images', `.work-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function shortHash(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}
