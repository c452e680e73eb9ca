import { parseArgs } from 'node:util';
import { seededRandom } from '../../proxy/base/testing/wait.ts';
import { keepInput, readCorpus } from './corpus.ts';
import { fuzz } from './engine.ts';
import type { Target } from './target.ts';
import { targets } from './targets.ts';

/** `node hack/fuzz/main.ts [target…] [--runs N] [--seed S] [--keep]`: see README.md. Exit code 1 when a fault was found. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
  },
});

const chosen = positionals.length === 0 ? targets : targets.filter((target) => positionals.includes(target.name));
if (chosen.length < positionals.length) {
  throw new Error(`no such target; there are: ${targets.map((target) => target.name).join(', ')}`);
}
for (const target of chosen) await run(target);

async function run(target: Target): Promise<void> {
  const began = performance.now();
  const random = seededRandom(Number(values.seed));
  const result = await fuzz(target, { runs: Number(values.runs), random, corpus: readCorpus(target.name) });
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(
    `${target.name}: ${result.runs} runs, seed ${values.seed}, ${seconds} s, ${result.signatures} outcomes, slowest ${result.slowestMs.toFixed(1)} ms`,
  );
  if (values.keep) for (const input of shortest(result.found)) keepInput(target.name, 'input', input);
  if (result.fault === undefined) return;
  const path = keepInput(target.name, 'fault', result.fault.input);
  console.error(
    `${target.name}: FAULT, input kept in ${path}\n${JSON.stringify(result.fault.input.toString('latin1'))}`,
  );
  console.error(result.fault.error);
  process.exitCode = 1;
}

/** Some for the corpus: every short run tries all of it. */
function shortest(found: readonly Buffer[]): Buffer[] {
  return [...found].sort((left, right) => left.length - right.length).slice(0, 40);
}
