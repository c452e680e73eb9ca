/**
 * The suites on a real cluster: brings it up with the mesh in it, runs the suites one after the other, removes it.
 * `node e2e/main.ts canary status` runs those named. HEDDLE_E2E_KEEP=1 leaves the cluster for a look.
 * Ends with a line `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import process from 'node:process';
import {
  createProgress,
  down,
  ensurePackages,
  kubeconfigPath,
  load,
  up,
  witnessNeeds,
} from '../hack/cluster/cluster.ts';
import { buildAppImages } from '../hack/images/apps.ts';
import { installHeddle, repositoryPath } from '../hack/mesh/install.ts';
import { createKubectl } from '../hack/mesh/kubectl.ts';
import { CLUSTER } from './harness/mesh.ts';

/** One a cluster: two runs at the same time must not read each other's outcome. */
const REPORT = repositoryPath('.build', `e2e-${CLUSTER}.json`);

async function setUp(): Promise<void> {
  const progress = createProgress();
  const cluster = { name: CLUSTER };
  await ensurePackages(witnessNeeds, progress);
  await up({ ...cluster, progress });
  const kubectl = await createKubectl(cluster);
  await installHeddle(kubectl, { cluster, progress, overlay: repositoryPath('config', 'overlays', 'e2e') });
  await load(await buildAppImages(['tester', 'impostor'], progress), { ...cluster, progress });
}

async function runSuites(names: readonly string[]): Promise<number> {
  const kubeconfig = await kubeconfigPath({ name: CLUSTER });
  const args = [
    'node_modules/jest/bin/jest.js',
    '--config',
    'e2e/jest.config.js',
    '--runInBand',
    '--verbose',
    '--json',
    `--outputFile=${REPORT}`,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--experimental-vm-modules', ...args, ...names],
      {
        cwd: repositoryPath(),
        env: { ...process.env, HEDDLE_TEST_KUBECONFIG: kubeconfig },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** Jest's own counts; a suite that did not even start counts as one failure. */
function outcome(code: number): { passed: number; failed: number } {
  const report = JSON.parse(readFileSync(REPORT, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
    numRuntimeErrorTestSuites: number;
  };
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return { passed: report.numPassedTests, failed: code === 0 ? failed : Math.max(1, failed) };
}

/** Known before a cluster is brought up for nothing. */
function unknownSuites(names: readonly string[]): readonly string[] {
  const files = readdirSync(repositoryPath('e2e', 'suites')).filter((file) => file.endsWith('.e2e.ts'));
  const known = [...files.map((file) => file.slice(0, -'.e2e.ts'.length)), 'real-cluster'];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    process.stderr.write(`error: no suite ${unknown.join(', ')}; there are ${known.join(', ')}\n`);
  return unknown;
}

if (unknownSuites(process.argv.slice(2)).length > 0) process.exit(2);
mkdirSync(repositoryPath('.build'), { recursive: true });
rmSync(REPORT, { force: true });
let result = { passed: 0, failed: 1 };
try {
  await setUp();
  result = outcome(await runSuites(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
} finally {
  if (process.env['HEDDLE_E2E_KEEP'] === undefined) await down({ name: CLUSTER });
}
process.stdout.write(`${result.passed} passed, ${result.failed} failed\n`);
process.exit(result.failed === 0 && result.passed > 0 ? 0 : 1);
