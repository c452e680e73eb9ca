/**
 * `npm test`: every stage of the ladder, from lint to real pods. `npm test -- unit netns` runs only those named.
 * Ends with a line `N passed, N failed`; exits 1 when anything failed.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import {
  clusterNeeds,
  createProgress,
  ensurePackages,
  imageNeeds,
  type Needed,
  witnessNeeds,
} from './cluster/cluster.ts';

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

interface Stage {
  readonly name: string;
  readonly says: string;
  /** What it needs of the system beyond Node and Go. */
  readonly needs?: readonly Needed[];
  run(): Promise<Outcome>;
}

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const BUILD = join(ROOT, '.build');

const STAGES: readonly Stage[] = [
  { name: 'lint', says: 'format, lint and types', run: lint },
  { name: 'unit', says: 'unit tests of every room', needs: witnessNeeds, run: unit },
  {
    name: 'netns',
    says: 'two real proxies between network namespaces',
    needs: witnessNeeds,
    run: () => script('e2e/netns/main.ts'),
  },
  { name: 'pair', says: 'two real proxies on loopback, under attack', run: () => script('e2e/pair/main.ts') },
  { name: 'h2spec', says: 'HTTP/2 judged by h2spec', run: () => script('hack/witness/h2spec.ts') },
  { name: 'grpc', says: "gRPC's interop suite through two proxies", run: () => script('hack/witness/grpc-interop.ts') },
  {
    name: 'bench',
    says: 'every contender that is installed answers right, one second of ourselves',
    needs: witnessNeeds,
    run: () => script('hack/bench/main.ts', '--short'),
  },
  {
    name: 'e2e',
    says: 'real pods on a real cluster',
    needs: [...clusterNeeds, ...imageNeeds, ...witnessNeeds],
    run: () => script('e2e/main.ts'),
  },
  {
    name: 'clusters',
    says: 'two clusters side by side leave nothing behind',
    needs: clusterNeeds,
    run: () => script('hack/cluster/selfcheck.ts'),
  },
];

async function lint(): Promise<Outcome> {
  const results = [
    await exitCode(['node_modules/@biomejs/biome/bin/biome', 'check', '.']),
    await exitCode(['node_modules/typescript/bin/tsc', '-b']),
  ];
  const failed = results.filter((code) => code !== 0).length;
  return { passed: results.length - failed, failed };
}

async function unit(): Promise<Outcome> {
  const report = join(BUILD, 'unit.json');
  rmSync(report, { force: true });
  const code = await exitCode(
    [
      '--disable-warning=ExperimentalWarning',
      '--experimental-vm-modules',
      'node_modules/jest/bin/jest.js',
      '--json',
      `--outputFile=${report}`,
    ],
    true,
  );
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8')) as Record<
      string,
      number
    >;
    const failed = Math.max(numFailedTests ?? 0, (numFailedTestSuites ?? 0) > 0 ? 1 : 0, code === 0 ? 0 : 1);
    return { passed: numPassedTests ?? 0, failed };
  } catch (error) {
    process.stderr.write(`jest left no report (exit code ${code}): ${String(error)}\n`);
    return { passed: 0, failed: 1 };
  }
}

/** A script that ends with a line `N passed, N failed`. */
async function script(path: string, ...args: readonly string[]): Promise<Outcome> {
  let tail = '';
  const code = await exitCode([path, ...args], false, (text) => {
    tail = (tail + text).slice(-4096);
  });
  const match = [...tail.matchAll(/(\d+) passed, (\d+) failed/g)].at(-1);
  if (match === undefined) return { passed: 0, failed: 1 };
  const failed = Number(match[2]);
  return { passed: Number(match[1]), failed: code === 0 ? failed : Math.max(1, failed) };
}

/** Runs node with these arguments; its output is passed on (jest writes its JSON to a file, its progress to stderr). */
function exitCode(args: readonly string[], hideStdout = false, tap?: (text: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      stdio: ['ignore', hideStdout ? 'ignore' : 'pipe', 'inherit'],
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text);
      tap?.(text);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !STAGES.some((stage) => stage.name === name));
if (unknown.length > 0) {
  process.stderr.write(`no stage ${unknown.join(', ')}; there are ${STAGES.map((stage) => stage.name).join(', ')}\n`);
  process.exit(2);
}

const chosen = STAGES.filter(({ name }) => named.length === 0 || named.includes(name));
// All at once and before the first stage: a case that is skipped for want of a program would look like one that passed.
if (process.getuid?.() === 0) {
  await ensurePackages(
    chosen.flatMap(({ needs }) => needs ?? []),
    createProgress(),
  );
}

mkdirSync(BUILD, { recursive: true });
const totals = { passed: 0, failed: 0 };
const lines: string[] = [];
const started = performance.now();
for (const stage of chosen) {
  process.stdout.write(`\n== ${stage.name}: ${stage.says}\n`);
  const from = performance.now();
  const { passed, failed } = await stage.run();
  totals.passed += passed;
  totals.failed += failed;
  lines.push(
    `${failed === 0 ? 'ok    ' : 'FAILED'} ${stage.name.padEnd(9)} ${passed} passed, ${failed} failed in ${Math.round((performance.now() - from) / 1000)} s`,
  );
}
process.stdout.write(`\n${lines.join('\n')}\ntotal ${Math.round((performance.now() - started) / 1000)} s\n`);
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
