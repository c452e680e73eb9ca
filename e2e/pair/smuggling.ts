import process from 'node:process';
import { startRecordingBackend } from './backend.ts';
import type { Report } from './report.ts';
import { grid, runGrid } from './smuggling/run.ts';
import { createWorld } from './world.ts';

const DOOR = 80;
/** Ways of cutting the attacks: `HEDDLE_SMUGGLING_ROUNDS`. */
const ROUNDS = Number(process.env['HEDDLE_SMUGGLING_ROUNDS'] ?? 1);
/** Attacks of the grid. */
const LEAST = 5_813;

/** The whole grid through the pair, and again from the network as plaintext to the inbound side alone. */
export async function smuggling(report: Report): Promise<void> {
  const backend = await startRecordingBackend();
  const world = await createWorld({ doors: [{ port: DOOR, application: backend.port }], permissive: [backend.port] });
  try {
    const attacks = grid();
    // A family of attacks that is not asked for any more would go unseen.
    if (attacks.length < LEAST) report.count('smuggling, size', 0, [`${attacks.length} attacks, ${LEAST} at least`], 0);
    for (let seed = 0; seed < ROUNDS; seed++) {
      for (const entry of ['pair', 'plaintext'] as const) {
        const began = performance.now();
        const { passed, failures } = await runGrid({ world, backend, door: DOOR, entry, attacks, seed });
        report.count(`smuggling, ${entry}, seed ${seed}`, passed, failures, began);
      }
    }
  } finally {
    world.stop();
    backend.close();
  }
}
