import { strict as assert } from 'node:assert';
import { startApplication } from './application.ts';
import { RawClient } from './client.ts';
import type { Report } from './report.ts';
import { poll } from './testing.ts';
import { createWorld, type World } from './world.ts';

const HTTP = 80;
const H = 'Host: shop.test\r\n';
/** Requests that may wait for a mesh connection that is being made (`outbound.ts`, MAX_WAITING). */
const WAITING = 1_024;
const MORE = 300;

/** More than a proxy takes: the rest is told so at once, and what was taken is served. */
export async function overload(report: Report): Promise<void> {
  const application = await startApplication();
  const world = await createWorld({ doors: [{ port: HTTP, application: application.port }] });
  try {
    await report.check('more requests than may wait for a connection', () => tooMany(world));
  } finally {
    world.stop();
    application.close();
  }
}

async function tooMany(world: World): Promise<undefined> {
  // The kernel accepts for it, and nobody answers the handshake.
  world.payment.signal('SIGSTOP');
  const answers = Array.from({ length: WAITING + MORE }, async () => {
    const client = new RawClient(world.dial(HTTP));
    client.send(`GET /x HTTP/1.1\r\n${H}Connection: close\r\n\r\n`);
    const { status, headers } = await client.answer({ withinMs: 15_000 });
    client.destroy();
    if (headers['x-heddle-reason'] !== undefined && ++refused === MORE) world.payment.signal('SIGCONT');
    return `${status} ${headers['x-heddle-reason'] ?? ''}`;
  });
  let refused = 0;
  // Should the bound be another one, the test still ends and says so.
  const latest = setTimeout(() => world.payment.signal('SIGCONT'), 3_500);
  const counts: Record<string, number> = {};
  for (const answer of await Promise.all(answers)) counts[answer] = (counts[answer] ?? 0) + 1;
  clearTimeout(latest);
  assert.deepEqual(counts, { '200 ': WAITING, '503 overloaded': MORE });
  // The mesh connection stays; no request does.
  await poll(() => nothingRuns(world), 10_000, 'requests and streams to be given back');
}

async function nothingRuns(world: World): Promise<boolean> {
  const all = await Promise.all([world.order.counts(), world.payment.counts()]);
  return all.every(({ objects }) =>
    ['Stream', 'OutboundRequest', 'InboundRequest'].every((name) => objects[name] === 0),
  );
}
