/**
 * `npm run test:soak`: the long forms of what `npm test` does briefly. `npm run test:soak -- readers fuzz` runs only those named.
 * Ends with a line `N passed, N failed`; exits 1 when anything failed.
 */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

interface Soak {
  readonly name: string;
  readonly says: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PAIR = 'e2e/pair/main.ts';
const FUZZ = 'hack/fuzz/main.ts';

const SOAKS: readonly Soak[] = [
  {
    name: 'readers',
    says: '1,000 clients that never read 10 MiB (200 in npm test)',
    args: [PAIR, 'resources', 'never read'],
    env: { HEDDLE_SLOW_READERS: '1000' },
  },
  {
    name: 'probes',
    says: 'probes under five times the load for 2 minutes (12 s in npm test)',
    args: [PAIR, 'probes'],
    env: { HEDDLE_PROBES_MS: '30000' },
  },
  {
    name: 'chaos',
    says: 'chaos between two proxies for 10 minutes (30 s in npm test)',
    args: [PAIR, 'chaos'],
    env: { HEDDLE_CHAOS_MS: '600000' },
  },
  {
    name: 'smuggling',
    says: 'the grid of attacks in ten ways of cutting them (one in npm test)',
    args: [PAIR, 'smuggling'],
    env: { HEDDLE_SMUGGLING_ROUNDS: '10' },
  },
  {
    name: 'properties',
    says: 'properties of HTTP/2 and the mesh, 200,000 runs each (1,500 in npm test)',
    args: [
      '--disable-warning=ExperimentalWarning',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      'proxy/http/h2/fuzz',
    ],
    env: { HEDDLE_FUZZ_RUNS: '200000' },
  },
  {
    name: 'fuzz',
    says: 'a million executions of each fuzz target (1,500 in npm test)',
    args: [FUZZ, '--runs', '1000000'],
  },
];

/** Runs node with these arguments; answers its exit code. */
function run({ args, env }: Soak): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !SOAKS.some((soak) => soak.name === name));
if (unknown.length > 0) {
  process.stderr.write(`no soak ${unknown.join(', ')}; there are ${SOAKS.map((soak) => soak.name).join(', ')}\n`);
  process.exit(2);
}

const lines: string[] = [];
let failed = 0;
for (const soak of SOAKS.filter(({ name }) => named.length === 0 || named.includes(name))) {
  process.stdout.write(`\n== ${soak.name}: ${soak.says}\n`);
  const from = performance.now();
  const code = await run(soak);
  if (code !== 0) failed++;
  lines.push(
    `${code === 0 ? 'ok    ' : 'FAILED'} ${soak.name.padEnd(10)} ${Math.round((performance.now() - from) / 1_000)} s`,
  );
}
process.stdout.write(`\n${lines.join('\n')}\n${lines.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 && lines.length > 0 ? 0 : 1);
