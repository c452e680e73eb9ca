/**
 * Two real proxies as processes on loopback, with scripted clients and applications that try to break them: `node e2e/pair/main.ts [suite]
 * [part of a check's name]`. Ends with `N passed, N failed`; leaves nothing behind.
 */
import process from 'node:process';
import { bodies, streams } from './bodies.ts';
import { chaos } from './chaos.ts';
import { exchanges } from './exchanges.ts';
import { floods } from './floods.ts';
import { overload } from './overload.ts';
import { probes } from './probes.ts';
import { Report } from './report.ts';
import { resources } from './resources.ts';
import { smuggling } from './smuggling.ts';
import { timeouts } from './timeouts.ts';
import { websocket } from './websocket.ts';

const SUITES: Readonly<Record<string, (report: Report) => Promise<void>>> = {
  smuggling,
  bodies,
  streams,
  websocket,
  exchanges,
  timeouts,
  resources,
  overload,
  probes,
  floods,
  chaos,
};

const [wanted, only] = process.argv.slice(2);
if (wanted !== undefined && !Object.hasOwn(SUITES, wanted)) {
  process.stderr.write(`error: no suite ${wanted}; there are ${Object.keys(SUITES).join(', ')}\n`);
  process.exit(2);
}
const report = new Report(only);
for (const [name, run] of Object.entries(SUITES)) {
  if (wanted !== undefined && wanted !== name) continue;
  process.stdout.write(`-- ${name}\n`);
  try {
    await run(report);
  } catch (error) {
    report.failed++;
    process.stdout.write(`${name} broke off: ${error instanceof Error ? error.stack : String(error)}\n`);
  }
}
process.stdout.write(`${report.passed} passed, ${report.failed} failed\n`);
process.exit(report.failed === 0 && report.passed > 0 ? 0 : 1);
