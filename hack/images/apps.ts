import { execFile } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { createProgress, type Progress } from '../cluster/cluster.ts';
import { baseImage, buildImage } from './images.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const SCRIPTS = ['order', 'inventory', 'tester', 'impostor'] as const;
export const APPS = [...SCRIPTS, 'payment', 'fraud'] as const;
export type App = (typeof APPS)[number];
/** Those of `npm run demo`. */
export const DEMO_APPS = ['order', 'inventory', 'payment', 'fraud', 'tester'] as const satisfies readonly App[];

export const appImage = (app: App): string => `localhost/heddle/demo-${app}:dev`;

const CONTEXT = join(REPOSITORY, '.build', 'apps');
const outFolder = (app: App): string => join(CONTEXT, app);

/** Builds the applications' images; unchanged ones cost their hashing. Needs Go for `payment`. Returns their names. */
export async function buildAppImages(
  apps: readonly App[],
  progress: Progress = createProgress(),
): Promise<readonly string[]> {
  await progress.step(`compiled ${apps.join(', ')}`, () => Promise.all(apps.map(compile)));
  const base = await baseImage({ progress });
  const python = apps.includes('fraud') ? await baseImage({ include: ['python3'], progress }) : undefined;
  for (const app of apps) {
    await buildImage({
      name: appImage(app),
      dockerfile: join(REPOSITORY, 'e2e', 'apps', 'Dockerfile'),
      target: app,
      context: CONTEXT,
      inputs: [app],
      buildArgs: { BASE: base.reference, ...(python === undefined ? {} : { PYTHON: python.reference }) },
      progress,
    });
  }
  return apps.map(appImage);
}

async function compile(app: App): Promise<void> {
  await mkdir(outFolder(app), { recursive: true });
  if (app === 'fraud')
    return copyFile(join(REPOSITORY, 'e2e', 'apps', app, 'main.py'), join(outFolder(app), 'main.py'));
  if (app === 'payment') return compileGo();
  await build({
    entryPoints: [join(REPOSITORY, 'e2e', 'apps', app, 'main.ts')],
    outfile: join(outFolder(app), 'main.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    logLevel: 'warning',
  });
}

/** Static and without paths or ids of this build, so that the same source gives the same image. */
async function compileGo(): Promise<void> {
  const args = [
    'build',
    '-trimpath',
    '-buildvcs=false',
    '-ldflags=-s -w -buildid=',
    '-o',
    join(outFolder('payment'), 'payment'),
    '.',
  ];
  await promisify(execFile)('go', args, {
    cwd: join(REPOSITORY, 'e2e', 'apps', 'payment'),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
  });
}

if (import.meta.main) await buildAppImages(APPS);
