import { startRecordingBackend } from './backend.ts';
import type { Report } from './report.ts';
import { grid, runGrid } from './smuggling/run.ts';
import { createWorld } from './world.ts';

const DOOR = 80;

/** The whole grid through the pair, and again from the network as plaintext to the inbound side alone. */
export async function smuggling(report: Report): Promise<void> {
  const backend = await startRecordingBackend();
  const world = await createWorld({ doors: [{ port: DOOR, application: backend.port }], permissive: [backend.port] });
  try {
    const attacks = grid();
    for (const entry of ['pair', 'plaintext'] as const) {
      const began = performance.now();
      const { passed, failures } = await runGrid({ world, backend, door: DOOR, entry, attacks });
      report.count(`smuggling, ${entry}`, passed, failures, began);
    }
  } finally {
    world.stop();
    backend.close();
  }
}
