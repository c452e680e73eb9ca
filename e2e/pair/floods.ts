import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Application, startApplication } from './application.ts';
import { RawClient } from './client.ts';
import type { Flood, FloodEnd } from './flooder.ts';
import type { ProxyProcess } from './proxy-process.ts';
import type { Report } from './report.ts';
import { givenBack } from './steady.ts';
import { createWorld, type World } from './world.ts';

const HTTP = 80;
const AUTO = 81;
/** An application port without an exception: nothing listens there, and nobody is let that far. */
const STRICT = 9;
const PROGRAM = fileURLToPath(new URL('flooder.ts', import.meta.url));
const H = 'Host: shop.test\r\n';

interface Case {
  readonly kind: Flood['kind'];
  /** From the network to a port that is Strict or takes plaintext too, or from the application to a port of the Service. */
  readonly at: 'strict' | 'plaintext' | number;
  readonly connections: number;
  readonly ms: number;
  /** All of its connections are cut within this; 0: they are only held back. */
  readonly cutWithinMs: number;
  /** MiB that the proxy may grow, in memory that is in use (after collection) while the flood runs. */
  readonly growth: number;
  /** These requests (or the connections asked for on speculation) are legal, and the one application serves them too. */
  readonly slowOthers?: boolean;
}

/** Frame floods of an accepted peer: the bound is 8 MiB. What is never accepted costs at most what its number allows. */
const CASES: readonly Case[] = [
  ...(
    [
      'rapid reset',
      'CONTINUATION',
      'empty CONTINUATION',
      'SETTINGS',
      'PING',
      'empty DATA',
      'PRIORITY',
      'unknown frames',
      'GOAWAY',
      'WINDOW_UPDATE of 1',
    ] as const
  ).map((kind): Case => ({ kind, at: 'plaintext', connections: 2, ms: 40_000, cutWithinMs: 40_000, growth: 8 })),
  {
    kind: 'requests without reading',
    at: 'plaintext',
    connections: 1,
    ms: 4_000,
    cutWithinMs: 0,
    growth: 48,
    slowOthers: true,
  },
  { kind: 'silence', at: 'strict', connections: 2_000, ms: 40_000, cutWithinMs: 40_000, growth: 48 },
  { kind: 'a ClientHello and no more', at: 'strict', connections: 2_000, ms: 40_000, cutWithinMs: 40_000, growth: 48 },
  { kind: 'half a ClientHello', at: 'strict', connections: 2_000, ms: 40_000, cutWithinMs: 40_000, growth: 48 },
  { kind: 'a slow head', at: 'plaintext', connections: 1_000, ms: 40_000, cutWithinMs: 40_000, growth: 48 },
  { kind: 'silence', at: AUTO, connections: 2_000, ms: 2_000, cutWithinMs: 0, growth: 64, slowOthers: true },
  { kind: 'a slow head', at: HTTP, connections: 2_000, ms: 40_000, cutWithinMs: 40_000, growth: 48 },
  { kind: 'a pipeline without reading', at: HTTP, connections: 50, ms: 3_000, cutWithinMs: 0, growth: 48 },
];

export async function floods(report: Report): Promise<void> {
  const application = await startApplication();
  const world = await createWorld({
    doors: [
      { port: HTTP, application: application.port },
      { port: AUTO, application: application.port, protocol: 'auto' },
    ],
    permissive: [application.port],
  });
  try {
    await others(world, 500);
    const rest = givenBack(world, async () => {
      for (const one of CASES) await report.check(nameOf(one), () => flood(world, application, one));
    });
    // Its checks say for themselves how they ended.
    await rest.catch(() => {});
    await report.check('flood: everything is given back', () => rest);
  } finally {
    world.stop();
    application.close();
  }
}

function nameOf(one: Case): string {
  const from = typeof one.at === 'number' ? 'the application' : 'the network';
  return `flood: ${one.kind}, ${one.connections} connections, from ${from}`;
}

async function flood(world: World, application: Application, one: Case): Promise<string> {
  const target: ProxyProcess = typeof one.at === 'number' ? world.order : world.payment;
  const quiet = await others(world, 1_000);
  const before = await target.counts();
  const credentials = await world.issue('evil');
  const where =
    typeof one.at === 'number'
      ? { host: `127.1.0.${one.at}`, port: world.order.ports['outbound']! }
      : { host: world.inbound.address(one.at === 'strict' ? STRICT : application.port), port: world.inbound.port };
  const began = performance.now();
  const running = run({ ...where, kind: one.kind, ms: one.ms, connections: one.connections, credentials });
  const busy = await others(world, 1_500);
  const during = await target.counts();
  const end = await running;
  const growth = (during.heap + during.outside - before.heap - before.outside) / 1_048_576;
  const resident = (during.resident - before.resident) / 1_048_576;
  const figures = `cut ${end.cut} after ${end.cutAfterMs} ms, ${(end.bytes / 1_048_576).toFixed(1)} MiB sent; p99 of others ${quiet.p99.toFixed(0)} -> ${busy.p99.toFixed(0)} ms; in use ${growth.toFixed(1)}, resident ${resident.toFixed(0)} MiB more`;
  assert.equal(target.exit, undefined, `the proxy ended: ${target.notes.slice(-3).join('\n')}`);
  assert.equal(busy.failed, 0, `${busy.failed} requests of others failed; ${figures}`);
  if (one.cutWithinMs > 0) assert.equal(end.cut, one.connections, `not all were cut: ${figures}`);
  assert.ok(growth < one.growth, figures);
  // The machine is shared and has two cores, one of which the flood itself takes: an absolute allowance beside the ratio.
  if (one.slowOthers !== true) assert.ok(busy.p99 < Math.max(2 * quiet.p99, quiet.p99 + 250), figures);
  assert.ok(performance.now() - began < one.ms + 10_000);
  return figures;
}

/** Requests of somebody else, a hundred a second. */
async function others(world: World, ms: number): Promise<{ p99: number; failed: number }> {
  const took: number[] = [];
  let failed = 0;
  const client = async (): Promise<void> => {
    const end = performance.now() + ms;
    let kept = new RawClient(world.dial(HTTP));
    while (performance.now() < end) {
      const began = performance.now();
      kept.send(`GET /other HTTP/1.1\r\n${H}\r\n`);
      const answer = await kept.answer({ withinMs: 5_000 }).catch(() => undefined);
      if (answer?.status !== 200) {
        failed++;
        kept.destroy();
        kept = new RawClient(world.dial(HTTP));
      }
      took.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    kept.destroy();
  };
  await Promise.all([client(), client(), client(), client()]);
  took.sort((a, b) => a - b);
  return { p99: took[Math.floor(took.length * 0.99)] ?? 0, failed };
}

function run(flood: Flood): Promise<FloodEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, JSON.stringify(flood)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
    child.on('close', (code) => {
      if (code === 0 && text !== '') resolve(JSON.parse(text));
      else reject(new Error(`the flooder ended with ${code}`));
    });
  });
}
