import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, type Component, componentNames, distFolder } from '../build.ts';
import { createProgress, type Progress } from '../cluster/progress.ts';
import { baseImage } from './base-image.ts';
import { type BuiltImage, buildImage } from './images.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Name of a component's image as it is built here. */
export function imageName(component: Component, tag = 'dev'): string {
  return `localhost/heddle/${component}:${tag}`;
}

/** Bundles components and builds their images: all four unless named. Unchanged ones cost the bundling. */
export async function buildHeddleImages(
  names: readonly Component[] = componentNames,
  options: { readonly tag?: string; readonly progress?: Progress } = {},
): Promise<readonly BuiltImage[]> {
  const progress = options.progress ?? createProgress();
  await progress.step(`bundled ${names.join(', ')}`, () => bundle(names));
  const base = await baseImage({ progress });
  const built: BuiltImage[] = [];
  for (const component of names) {
    built.push(
      await buildImage({
        name: imageName(component, options.tag),
        dockerfile: join(REPOSITORY, 'Dockerfile'),
        target: component,
        context: REPOSITORY,
        inputs: [relative(REPOSITORY, distFolder(component))],
        buildArgs: { BASE: base.reference },
        progress,
      }),
    );
  }
  return built;
}
