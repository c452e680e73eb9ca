import { archiveOf, archiveOfMany, isArchivePath } from '../images/images.ts';
import { createContainerd } from './containerd.ts';
import { buildGoPrograms } from './go-build.ts';
import { requirePlan } from './own.ts';
import type { Homes } from './paths.ts';
import type { Progress } from './progress.ts';

/**
 * Imports images into a cluster of our own. Names of images built here go in one archive without the layers that containerd holds already, so
 * four images that share Node's layer cost it once, and an unchanged one costs nothing.
 */
export async function loadImages(
  home: Homes,
  name: string,
  images: readonly string[],
  progress: Progress,
): Promise<void> {
  const containerd = createContainerd(await requirePlan(home, name), await buildGoPrograms(home.cache, progress));
  for (const image of images.filter(isArchivePath)) {
    const archive = await archiveOf(home.cache, image);
    await progress.step(`loaded ${image} into cluster ${name}`, () => containerd.importImages(archive.path));
  }
  const names = images.filter((image) => !isArchivePath(image));
  if (names.length === 0) return;
  const [held, present] = await Promise.all([containerd.blobs(), containerd.images()]);
  const archive = await archiveOfMany(home.cache, names, { blobs: held, images: present });
  if (!archive) return progress.say(`cluster ${name} holds ${shortly(names)} already`);
  await progress.step(
    `loaded ${shortly(archive.names)} into cluster ${name}, ${(archive.bytes / 1e6).toFixed(0)} MB`,
    () => containerd.importImages(archive.path).finally(archive.dispose),
  );
}

/** `localhost/heddle/proxy:dev` as `proxy:dev`: a line for people. */
const shortly = (names: readonly string[]): string => names.map((name) => name.split('/').at(-1) ?? name).join(', ');
