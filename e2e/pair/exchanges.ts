import { startScripted } from './exchanges/application.ts';
import { EXCHANGES, type Exchange } from './exchanges/cases.ts';
import { type Cut, type RunOptions, runExchange } from './exchanges/run.ts';
import type { Report } from './report.ts';
import { createWorld } from './world.ts';

const HTTP = 80;
const AUTO = 81;
/** Exchanges at once. */
const CLIENTS = 32;

/** HTTP/1.1 over the mesh and back without loss: whole, and with either message cut at every byte. */
export async function exchanges(report: Report): Promise<void> {
  const application = await startScripted();
  const world = await createWorld({
    doors: [
      { port: HTTP, application: application.port },
      { port: AUTO, application: application.port, protocol: 'auto' },
    ],
    permissive: [],
  });
  try {
    for (const door of [HTTP, AUTO]) {
      const began = performance.now();
      const cases = EXCHANGES.map((one) => [one, undefined] as const);
      const failures = await runAll({ world, application, door }, cases);
      report.count(
        `exchanges, ${door === HTTP ? 'declared' : 'detected'}`,
        cases.length - failures.length,
        failures,
        began,
      );
    }
    const began = performance.now();
    const cuts = EXCHANGES.flatMap((one) => cutsOf(one).map((cut) => [one, cut] as const));
    const failures = await runAll({ world, application, door: HTTP }, cuts);
    failures.push(...application.faults);
    report.count('exchanges, cut at every byte', cuts.length - failures.length, failures, began);
  } finally {
    world.stop();
    application.close();
  }
}

/** The number that stands for ID has eight digits. */
function cutsOf(one: Exchange): Cut[] {
  const request = one.request.replaceAll('ID', '00000000').length;
  return [
    ...Array.from({ length: request - 1 }, (_, at): Cut => ({ side: 'request', at: at + 1 })),
    ...Array.from({ length: one.response.length - 1 }, (_, at): Cut => ({ side: 'response', at: at + 1 })),
  ];
}

async function runAll(
  options: RunOptions,
  cases: readonly (readonly [Exchange, Cut | undefined])[],
): Promise<string[]> {
  const failures: string[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (let index = next++; index < cases.length; index = next++) {
      const fault = await runExchange(options, ...cases[index]!);
      if (fault !== undefined) failures.push(fault);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return failures;
}
