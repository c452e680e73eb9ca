import { parseArgs } from 'node:util';
import { seededRandom } from '../../proxy/base/testing/wait.ts';
import { keepInput, readCorpus } from './corpus.ts';
import { fuzz } from './engine.ts';
import type { Target } from './target.ts';
import { targets } from './targets.ts';

const USAGE = `node hack/fuzz/main.ts [target…] [options]; see README.md
  --runs N   executions of each target (default 100000)
  --seed S   the same seed gives the same run
  --keep     inputs with new outcomes go to corpus/
targets: ${targets.map((target) => target.name).join(', ')}
`;

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly keep: boolean;
  readonly help: boolean;
  readonly chosen: readonly Target[];
}

/** Throws with a sentence on what is not understood. */
function options(): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => !targets.some((target) => target.name === name));
  if (unknown.length > 0) throw new Error(`no target ${unknown.join(', ')}`);
  const runs = Number(values.runs);
  const seed = Number(values.seed);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: a whole number from 1`);
  if (!Number.isInteger(seed)) throw new Error(`--seed ${seed}: a whole number`);
  const chosen = positionals.length === 0 ? targets : targets.filter((target) => positionals.includes(target.name));
  return { runs, seed, keep: values.keep, help: values.help, chosen };
}

/** Exit code 1 when a fault was found, 2 when what was asked for is not understood. */
async function main(): Promise<void> {
  let wanted: Options;
  try {
    wanted = options();
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  if (wanted.help) process.stdout.write(USAGE);
  else for (const target of wanted.chosen) await run(target, wanted);
}

async function run(target: Target, { runs, seed, keep }: Options): Promise<void> {
  const began = performance.now();
  const random = seededRandom(seed);
  const result = await fuzz(target, { runs, random, corpus: readCorpus(target.name) });
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(
    `${target.name}: ${result.runs} runs, seed ${seed}, ${seconds} s, ${result.signatures} outcomes, slowest ${result.slowestMs.toFixed(1)} ms`,
  );
  if (keep) for (const input of shortest(result.found)) keepInput(target.name, 'input', input);
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

await main();
