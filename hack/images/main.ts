import { Command } from 'commander';
import { type Component, componentNames } from '../build.ts';
import { buildAppImages, DEMO_APPS } from './apps.ts';
import { buildHeddleImages } from './heddle.ts';
import { saveImages } from './images.ts';

/** `npm run images`: bundles and builds Heddle's own images. Prints their names, one a line. */
const program = new Command('images')
  .description("Build Heddle's own images.")
  .argument('[component...]', `which: ${componentNames.join(', ')}; all when none is named`)
  .option('--tag <tag>', 'tag of the images', 'dev')
  .option('--demo', "also the demo's applications (tag dev)")
  .option('--save <file>', 'also write them as one archive (OCI)')
  .action(async (named: string[], options: { tag: string; demo?: boolean; save?: string }) => {
    const unknown = named.filter((name) => !(componentNames as readonly string[]).includes(name));
    if (unknown.length > 0)
      throw new Error(`no component ${unknown.join(', ')}; there are ${componentNames.join(', ')}`);
    const built = await buildHeddleImages(named.length > 0 ? (named as Component[]) : componentNames, {
      tag: options.tag,
    });
    const names = [...built.map((image) => image.name), ...(options.demo ? await buildAppImages(DEMO_APPS) : [])];
    if (options.save) await saveImages(names, options.save);
    process.stdout.write(`${names.join('\n')}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
