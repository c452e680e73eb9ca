import { startApplication } from './application.ts';
import { startScripted } from './exchanges/application.ts';
import { EXCHANGES, type Exchange } from './exchanges/cases.ts';
import { http2Exchanges } from './exchanges/http2.ts';
import { startHttp2Application } from './exchanges/http2-application.ts';
import { http2Cuts } from './exchanges/http2-cuts.ts';
import { type Cut, type RunOptions, runExchange } from './exchanges/run.ts';
import type { Report } from './report.ts';
import { createWorld } from './world.ts';

const HTTP = 80;
const AUTO = 81;
const HTTP2 = 82;
const AUTO2 = 83;
const PLAIN = 84;
/** Exchanges at once. */
const CLIENTS = 32;

/** HTTP/1.1 over the mesh and back without loss: whole, and with either message cut at every byte. */
export async function exchanges(report: Report): Promise<void> {
  const application = await startScripted();
  const http2 = await startHttp2Application();
  const plain = await startApplication();
  const world = await createWorld({
    doors: [
      { port: HTTP, application: application.port },
      { port: AUTO, application: application.port, protocol: 'auto' },
      { port: HTTP2, application: http2.port },
      { port: AUTO2, application: http2.port, protocol: 'auto' },
      { port: PLAIN, application: plain.port },
    ],
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
    const begun = performance.now();
    const cut = await http2Cuts(world, HTTP2);
    report.count('HTTP/2 exchanges, cut at every byte', cut.cases - cut.failures.length, cut.failures, begun);
    await http2Exchanges(report, world, { http1: PLAIN, http2: HTTP2, auto2: AUTO2 });
  } finally {
    world.stop();
    application.close();
    http2.close();
    plain.close();
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
