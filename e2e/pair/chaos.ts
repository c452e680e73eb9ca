import { strict as assert } from 'node:assert';
import process from 'node:process';
import { type Application, pattern, startApplication } from './application.ts';
import { type Answer, RawClient } from './client.ts';
import { type Relay, startRelay } from './relay.ts';
import type { Report } from './report.ts';
import { givenBack } from './steady.ts';
import { poll } from './testing.ts';
import { createWorld, type World } from './world.ts';

const HTTP = 80;
const RETRIED = 81;
const RAW = 82;
const H = 'Host: shop.test\r\n';
const CLIENTS = 24;
/** Milliseconds of disorder: `HEDDLE_CHAOS_MS`. */
const LONG = Number(process.env['HEDDLE_CHAOS_MS'] ?? 30_000);
/** `HEDDLE_CHAOS_SEED` repeats a run's order of events. */
const SEED = Number(process.env['HEDDLE_CHAOS_SEED'] ?? 20_261_122);

interface Tally {
  right: number;
  reasoned: number;
  cut: number;
  left: number;
  readonly reasons: Record<string, number>;
  readonly wrong: string[];
}

/** Everything is killed, stalled and broken at random while clients ask: answers are right, or give a reason, or are seen to be cut. */
export async function chaos(report: Report): Promise<void> {
  const application = await startApplication();
  let relay: Relay | undefined;
  const retries = {
    attempts: 3,
    on: ['5xx', 'reset', 'connect-failure'],
    idempotencyKeyHeader: 'idempotency-key',
    budget: { percent: 100, minPerSecond: 50 },
  } as const;
  const world = await createWorld({
    doors: [
      { port: HTTP, application: application.port, timeouts: { requestMs: 8_000 } },
      { port: RETRIED, application: application.port, timeouts: { requestMs: 8_000, perTryMs: 3_000 }, retries },
      { port: RAW, application: application.port, protocol: 'tcp' },
    ],
    between: async (inbound) => {
      relay = await startRelay(inbound);
      return relay.port;
    },
  });
  try {
    await report.check(`${LONG / 1_000} s of chaos, seed ${SEED}`, async () => {
      await calm(world);
      const tally: Tally = { right: 0, reasoned: 0, cut: 0, left: 0, reasons: {}, wrong: [] };
      const figures = await givenBack(world, async () => {
        await storm(world, application, relay!, tally);
        await calm(world);
      });
      assert.deepEqual(tally.wrong.slice(0, 10), []);
      assert.ok(tally.right > 100, `only ${tally.right} right answers`);
      const reasons = Object.entries(tally.reasons).map(([reason, count]) => `${reason} ${count}`);
      return `${tally.right} right, ${tally.reasoned} with a reason (${reasons.join(', ')}), ${tally.cut} cut, ${tally.left} left by the client; ${figures}`;
    });
  } finally {
    world.stop();
    relay?.close();
    application.close();
  }
}

/** Until requests of every door succeed again. */
async function calm(world: World): Promise<void> {
  for (const door of [HTTP, RETRIED, RAW]) {
    await poll(
      async () => (await once(world, door, `GET /calm HTTP/1.1\r\n${H}\r\n`))?.status === 200,
      20_000,
      `a calm door ${door}`,
    );
  }
}

async function once(world: World, door: number, text: string): Promise<Answer | undefined> {
  const client = new RawClient(world.dial(door));
  client.send(text);
  const answer = await client.answer({ withinMs: 5_000 }).catch(() => undefined);
  client.destroy();
  return answer;
}

async function storm(world: World, application: Application, relay: Relay, tally: Tally): Promise<void> {
  const random = seeded(SEED);
  const end = performance.now() + LONG;
  const events: readonly (() => void)[] = [
    () => relay.cut(random, 1),
    () => relay.cut(random, 2),
    () => relay.stall(50 + random() * 400),
    () => relay.refuse(20 + random() * 200),
    () => relay.corrupt(),
    () => {
      for (const socket of application.sockets) if (random() < 0.5) socket.resetAndDestroy();
    },
    () => {
      for (const socket of application.sockets) if (random() < 0.3) socket.end();
    },
    () => stop(world.payment.signal, 50 + random() * 300),
    () => stop(world.order.signal, 50 + random() * 300),
  ];
  const client = async (seed: number): Promise<void> => {
    const own = seeded(seed);
    while (performance.now() < end) await act(world, own, tally);
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(SEED + index + 1)));
  while (performance.now() < end) {
    events[Math.floor(random() * events.length)]!();
    await new Promise((resolve) => setTimeout(resolve, 30 + random() * 250));
  }
  await clients;
}

function stop(signal: (signal: NodeJS.Signals) => void, ms: number): void {
  signal('SIGSTOP');
  setTimeout(() => signal('SIGCONT'), ms);
}

/** One connection with some requests on it; now and then the client itself leaves. */
async function act(world: World, random: () => number, tally: Tally): Promise<void> {
  const door = random() < 0.5 ? HTTP : RETRIED;
  const client = new RawClient(world.dial(door));
  try {
    const told: string[] = [];
    for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
      if (random() < 0.1) {
        client.send(`POST /echo HTTP/1.1\r\n${H}Content-Length: 100000\r\n\r\nabc`);
        await new Promise((resolve) => setTimeout(resolve, random() * 30));
        if (random() < 0.5) client.socket.resetAndDestroy();
        tally.left++;
        return;
      }
      if (!(await ask(client, random, tally, told))) return;
    }
  } finally {
    client.destroy();
  }
}

/** False: the connection is over. `told`: what came before on this connection, for who has to explain an answer that is missing. */
async function ask(client: RawClient, random: () => number, tally: Tally, told: string[]): Promise<boolean> {
  const size = Math.floor(random() ** 3 * 300_000);
  const seed = Math.floor(random() * 1_000);
  const kind = Math.floor(random() * 3);
  const body = pattern(size, seed);
  const key = random() < 0.5 ? 'Idempotency-Key: k\r\n' : '';
  if (kind === 0) client.send(`GET /bytes?size=${size}&seed=${seed} HTTP/1.1\r\n${H}\r\n`);
  else if (kind === 1) client.send(`POST /echo HTTP/1.1\r\n${H}${key}Content-Length: ${size}\r\n\r\n`);
  else
    client.send(
      `PUT /echo?as=chunked HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n${size === 0 ? '' : `${size.toString(16)}\r\n`}`,
    );
  const sending =
    kind === 0
      ? Promise.resolve()
      : client.upload(body).then(() => void (kind === 2 && client.send(size === 0 ? '0\r\n\r\n' : '\r\n0\r\n\r\n')));
  const before = performance.now();
  try {
    const answer = await client.answer({ withinMs: 15_000 });
    told.push(`${answer.status} ${answer.headers['x-heddle-reason'] ?? ''} to kind ${kind}, ${size} bytes`);
    return (
      judge(answer, body, tally) &&
      (await Promise.race([sending.then(() => true), client.gone(10_000).then(() => false)]))
    );
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // A cut answer is seen as one. None at all, or one that never came, is not allowed.
    if (client.began) tally.cut++;
    else
      tally.wrong.push(
        `no answer (${text}) after ${(performance.now() - before).toFixed(0)} ms to kind ${kind}, ${size} bytes, after [${told.join('; ')}]`,
      );
    return false;
  }
}

function judge(answer: Answer, body: Buffer, tally: Tally): boolean {
  const reason = answer.headers['x-heddle-reason'];
  if (reason !== undefined) {
    tally.reasoned++;
    tally.reasons[reason] = (tally.reasons[reason] ?? 0) + 1;
  } else if (answer.status === 200 && answer.body.equals(body)) {
    tally.right++;
  } else {
    tally.wrong.push(`${answer.status} with ${answer.body.length} bytes instead of ${body.length}`);
  }
  return answer.headers['connection'] !== 'close';
}

/** Mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
