/**
 * `npm run bench:micro [-- NAME… [-- OPTIONS…]]`: runs the micro-benchmarks of `micro/`, one after the other; `--list` names them. What follows a second
 * `--` is handed to each. Exit code 1 when one of them fails.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'micro');
const ENDING = '.bench.ts';
/** Allocations are counted between two collections. */
const NODE_OPTIONS = ['--expose-gc', '--disable-warning=ExperimentalWarning'];

export interface MicroPlan {
  readonly list: boolean;
  readonly names: readonly string[];
  readonly options: readonly string[];
}

/** Throws when a name is none of `known`. Without names all are meant. */
export function planMicro(args: readonly string[], known: readonly string[]): MicroPlan {
  const cut = args.indexOf('--');
  const own = cut === -1 ? args : args.slice(0, cut);
  const options = cut === -1 ? [] : args.slice(cut + 1);
  const named = own.filter((argument) => argument !== '--list');
  const unknown = named.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no micro-benchmark ${unknown.join(', ')}; there are ${known.join(', ')}`);
  return { list: own.includes('--list'), names: named.length === 0 ? known : named, options };
}

function main(): void {
  const known = readdirSync(FOLDER)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort();
  const plan = planMicro(process.argv.slice(2), known);
  if (plan.list) {
    process.stdout.write(`${known.join('\n')}\n`);
    return;
  }
  for (const name of plan.names) {
    process.stdout.write(`\n== ${name}\n`);
    const file = join(FOLDER, `${name}${ENDING}`);
    const finished = spawnSync(process.execPath, [...NODE_OPTIONS, file, ...plan.options], { stdio: 'inherit' });
    if (finished.status !== 0) process.exitCode = 1;
  }
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
