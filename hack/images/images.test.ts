import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from '../cluster/run.ts';
import { scratchArchive } from '../cluster/scratch-image.ts';
import { contentKey } from './content-key.ts';
import { archiveOfMany, isArchivePath } from './images.ts';
import { type Descriptor, findManifest, isWhole, writeArchive } from './layout.ts';
import { nodeVersion } from './node-version.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heddle-images-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('content key', () => {
  const key = (settings: unknown = {}) => contentKey({ settings, context: folder, inputs: ['app'] });
  beforeEach(async () => {
    await mkdir(join(folder, 'app', 'node_modules'), { recursive: true });
    await writeFile(join(folder, 'app', 'main.mjs'), 'one');
  });

  const changes: readonly [string, () => Promise<unknown>][] = [
    ['content', () => writeFile(join(folder, 'app', 'main.mjs'), 'two')],
    ['a new file', () => writeFile(join(folder, 'app', 'more'), '')],
    ['the executable bit', () => chmod(join(folder, 'app', 'main.mjs'), 0o755)],
    ['a link', () => symlink('main.mjs', join(folder, 'app', 'link'))],
  ];
  test.each(changes)('changes with %s', async (_what, change) => {
    const before = await key();
    expect(await key()).toBe(before);
    await change();
    expect(await key()).not.toBe(before);
  });

  test('changes with settings, not with what lies outside the inputs', async () => {
    const before = await key({ target: 'a' });
    expect(await key({ target: 'b' })).not.toBe(before);
    await writeFile(join(folder, 'other'), 'x');
    await writeFile(join(folder, 'app', 'node_modules', 'x'), 'x');
    expect(await key({ target: 'a' })).toBe(before);
  });

  test('a missing input is named', async () => {
    await expect(contentKey({ settings: {}, context: folder, inputs: ['gone'] })).rejects.toThrow(
      `image input ${join(folder, 'gone')} does not exist`,
    );
  });
});

describe('archive', () => {
  test('two images in one archive: a shared layer once, blobs that the receiver holds not at all', async () => {
    const shared = await blob('shared layer');
    const [ownA, ownB] = [await blob('layer of a'), await blob('layer of b')];
    const images = new Map([
      ['localhost/a:1', await image('a', [shared, ownA])],
      ['localhost/b:1', await image('b', [shared, ownB])],
    ]);
    const archive = await writeArchive(layout(), folder, images, new Set([ownB.digest]));
    const listed = (await run('tar', ['-tf', archive.path])).split('\n').filter((line) => line.startsWith('blobs/'));
    expect(listed.filter((line) => line === pathOf(shared))).toHaveLength(1);
    expect(listed).toContain(pathOf(ownA));
    expect(listed).not.toContain(pathOf(ownB));
    const index = JSON.parse(await run('tar', ['-xOf', archive.path, 'index.json']));
    expect(
      index.manifests.map(
        (manifest: { annotations: Record<string, string> }) => manifest.annotations['io.containerd.image.name'],
      ),
    ).toEqual([...images.keys()]);
    await archive.dispose();
    await expect(readFile(archive.path)).rejects.toThrow('ENOENT');
  });

  test('a layout that lost bytes of a blob is not whole', async () => {
    const layer = await blob('layer');
    const manifest = await image('a', [layer]);
    expect(await isWhole(layout(), manifest)).toBe(true);
    await truncate(join(layout(), pathOf(layer)), 2);
    expect(await isWhole(layout(), manifest)).toBe(false);
    await rm(join(layout(), pathOf(manifest)));
    expect(await isWhole(layout(), manifest)).toBe(false);
  });

  test('a name is found in the index by its whole reference', async () => {
    const manifest = await image('a', []);
    await writeFile(
      join(layout(), 'index.json'),
      JSON.stringify({
        manifests: [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'localhost/a:1' } }],
      }),
    );
    expect(await findManifest(layout(), 'localhost/a:1')).toEqual(manifest);
    expect(await findManifest(layout(), 'localhost/a')).toBeUndefined();
    expect(await findManifest(join(folder, 'none'), 'x')).toBeUndefined();
  });

  test('an image that was not built is refused with what to do', async () => {
    await expect(archiveOfMany(folder, ['localhost/no:1'], { blobs: new Set(), images: new Map() })).rejects.toThrow(
      'no image localhost/no:1 was built here: npm run images',
    );
  });
});

test('an image of one program: one layer, the same bytes each time, found again', async () => {
  await writeFile(join(folder, 'program'), '#!', { mode: 0o755 });
  const request = { name: 'localhost/p:1', program: join(folder, 'program'), user: '65532:65532' };
  const [one, two] = [
    await scratchArchive(join(folder, 'one'), request),
    await scratchArchive(join(folder, 'two'), request),
  ];
  const hash = async (archive: string) =>
    createHash('sha256')
      .update(await run('tar', ['-xOf', archive, 'config.json']))
      .digest('hex');
  expect(await hash(one)).toBe(await hash(two));
  expect(await scratchArchive(join(folder, 'one'), request)).toBe(one);
  const config = JSON.parse(await run('tar', ['-xOf', one, 'config.json']));
  expect(config.config).toMatchObject({ Entrypoint: ['/program'], User: '65532:65532' });
});

test.each([
  ['localhost/heddle/proxy:dev', false],
  ['image.tar', true],
  ['./image', true],
  ['/tmp/x', true],
])('%s is a path: %p', (text, expected) => {
  expect(isArchivePath(text)).toBe(expected);
});

test("the Dockerfile's default base is the Node that package.json pins", async () => {
  const dockerfile = await readFile(new URL('../../Dockerfile', import.meta.url), 'utf8');
  expect(dockerfile).toContain(`ARG BASE=docker.io/library/node:${await nodeVersion()}-bookworm-slim\n`);
});

function layout(): string {
  return join(folder, 'oci');
}

function pathOf(descriptor: Descriptor): string {
  return `blobs/${descriptor.digest.replace(':', '/')}`;
}

async function blob(content: string, mediaType = 'application/vnd.oci.image.layer.v1.tar'): Promise<Descriptor> {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  await mkdir(join(layout(), 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(layout(), 'blobs', digest.replace(':', '/')), content);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}

async function image(name: string, layers: readonly Descriptor[]): Promise<Descriptor> {
  const config = await blob(JSON.stringify({ name }), 'application/vnd.oci.image.config.v1+json');
  return blob(JSON.stringify({ schemaVersion: 2, config, layers }), 'application/vnd.oci.image.manifest.v1+json');
}
