/**
 * h2spec (strict cases included) against the codec alone, the side that applications speak to, and inbound HTTP/2 in plain.
 * `node hack/witness/h2spec.ts [codec|outbound|inbound]…`; ends with a line `N passed, N failed`.
 */
import process from 'node:process';
import { createProgress } from '../cluster/progress.ts';
import { attempt } from '../cluster/run.ts';
import { ensureWitness } from './build.ts';
import { codecAlone, helloApp, meshPair, type Opened, requestsSeen } from './world.ts';

/** What h2spec waits for an answer, s. */
const PATIENCE_S = 2;
/** Cases that h2spec 2.2.1 has, strict ones included: fewer would mean that some were not run. */
const CASES = 146;

interface Target {
  readonly name: string;
  readonly says: string;
  open(): Promise<Opened>;
}

const TARGETS: readonly Target[] = [
  { name: 'codec', says: 'the codec alone', open: codecAlone },
  { name: 'outbound', says: 'what an application speaks to (through both proxies)', open: () => side('outbound') },
  { name: 'inbound', says: 'inbound HTTP/2 in plain, Permissive', open: () => side('inbound') },
];

async function side(which: 'outbound' | 'inbound'): Promise<Opened> {
  const app = await helloApp();
  const pair = await meshPair(app.port);
  return {
    port: which === 'outbound' ? pair.port : await pair.payment.arrive(app.port),
    close() {
      if (which === 'outbound' && requestsSeen(pair) === 0) throw new Error('no request was parsed by both proxies');
      pair.close();
      app.close();
    },
  };
}

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

async function judge(h2spec: string, target: Target): Promise<Outcome> {
  const opened = await target.open();
  try {
    const args = ['--strict', '--host', '127.0.0.1', '--port', String(opened.port), '--timeout', String(PATIENCE_S)];
    const { stdout } = await attempt(h2spec, args);
    const match = /(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed/.exec(stdout);
    const passed = Number(match?.[2] ?? 0);
    const failed = CASES - passed;
    // A skipped case counts as failed: none is skipped with a reason.
    if (failed !== 0) process.stdout.write(`${stdout.slice(stdout.indexOf('Failures:'))}\n`);
    process.stdout.write(
      `${failed === 0 ? 'ok    ' : 'FAILED'} h2spec ${target.name}: ${passed} of ${CASES}, ${target.says}\n`,
    );
    return { passed, failed };
  } finally {
    opened.close();
  }
}

const named = process.argv.slice(2);
const h2spec = await ensureWitness('h2spec', createProgress());
let passed = 0;
let failed = 0;
for (const target of TARGETS.filter(({ name }) => named.length === 0 || named.includes(name))) {
  const outcome = await judge(h2spec, target);
  passed += outcome.passed;
  failed += outcome.failed;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
