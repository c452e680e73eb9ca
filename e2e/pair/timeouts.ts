import { strict as assert } from 'node:assert';
import { type Application, pattern, startApplication } from './application.ts';
import { type Answer, RawClient } from './client.ts';
import type { ServiceDoor } from './configuration.ts';
import type { Report } from './report.ts';
import { type Suspect, startSuspect } from './suspect.ts';
import { createWorld, type World } from './world.ts';

const H = 'Host: shop.test\r\n';
const ALL = ['5xx', 'reset', 'connect-failure', 'per-try-timeout'] as const;
const budget = { percent: 100, minPerSecond: 100 };

/** Doors of the Service, each with a policy of its own. */
const DOORS = {
  request: { port: 80, timeouts: { requestMs: 400 } },
  perTry: { port: 81, timeouts: { perTryMs: 150, requestMs: 5_000 }, retries: { attempts: 2, on: ALL, budget } },
  idle: { port: 82, timeouts: { streamIdleMs: 400 } },
  retry: { port: 83, retries: { attempts: 3, on: ALL, idempotencyKeyHeader: 'idempotency-key', budget } },
  none: { port: 84 },
  idleTunnel: { port: 85, protocol: 'tcp', timeouts: { streamIdleMs: 400 } },
} as const;

/** Every request ends at its time, in the way its policy says. */
export async function timeouts(report: Report): Promise<void> {
  const application = await startApplication();
  const suspect = await startSuspect();
  const doors: ServiceDoor[] = Object.entries(DOORS).map(([name, door]) => ({
    ...door,
    application: name === 'retry' ? suspect.port : application.port,
  }));
  const world = await createWorld({ doors });
  try {
    await report.check('request: nobody answers', () =>
      late(world, DOORS.request.port, '/never', 'request_timeout', 400),
    );
    await report.check('request: the answer never ends', () => cut(world));
    await report.check('request: an upload that never ends', () => endlessUpload(world));
    await report.check('request: the application hears that it is over', () => leavesApplication(world, application));
    await report.check('perTry: all tries are too slow', () =>
      late(world, DOORS.perTry.port, '/never', 'per_try_timeout', 450),
    );
    await report.check('perTry: an answer that begins in time may go on', () => perTryBody(world));
    await report.check('perTry: an upload that is slower than a try', () => perTryUpload(world));
    await report.check('streamIdle: an upload in progress lives', () => idleUpload(world, 30, 60));
    await report.check('streamIdle: an upload that stops is cut', () => idleUploadStops(world));
    await report.check('streamIdle: an answer in progress lives, one that stops is cut', () => idleAnswer(world));
    await report.check('streamIdle: a tunnel that moves lives, one that stops ends', () => idleTunnel(world));
    await report.check('retry: bodies up to 64 KiB come whole', () => retriedBodies(world, suspect));
    await report.check('retry: a larger body is not sent again', () => largeBody(world, suspect));
    await report.check('retry: a chunked body with trailers', () => chunkedRetry(world, suspect));
    await report.check('retry: with Expect: 100-continue', () => expectRetry(world, suspect));
    await report.check('retry: resets within an answer are never retried', () => cutAnswer(world, suspect));
    await report.check('the time left travels to the second hop', () => deadlines(world));
    await report.check('a slow head is 408, others are served', () => slowHead(world));
    for (const proxy of [world.order, world.payment]) assert.equal(proxy.exit, undefined);
  } finally {
    world.stop();
    application.close();
    suspect.close();
  }
}

async function timed(run: () => Promise<Answer>): Promise<{ answer: Answer; ms: number }> {
  const began = performance.now();
  const answer = await run();
  return { answer, ms: performance.now() - began };
}

async function late(world: World, door: number, path: string, reason: string, ms: number): Promise<string> {
  const client = new RawClient(world.dial(door));
  client.send(`GET ${path} HTTP/1.1\r\n${H}\r\n`);
  const { answer, ms: took } = await timed(() => client.answer());
  assert.equal(answer.status, 504);
  assert.equal(answer.headers['x-heddle-reason'], reason);
  assert.ok(took >= ms - 10 && took < ms + 1_500, `after ${took.toFixed(0)} ms instead of ${ms}`);
  client.send(`GET /after HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await client.answer()).status, 200, 'the connection goes on');
  client.destroy();
  return `after ${took.toFixed(0)} ms of ${ms}`;
}

async function cut(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.request.port));
  client.send(`GET /trickle?count=1000&ms=20 HTTP/1.1\r\n${H}\r\n`);
  await assert.rejects(client.answer(), /ended/, 'an answer that was cut must not look complete');
}

async function endlessUpload(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.request.port));
  client.send(`POST /never HTTP/1.1\r\n${H}Content-Length: 100000\r\n\r\n`);
  const sending = client.upload(pattern(50_000), 500, 20);
  const answer = await client.answer();
  assert.equal(answer.status, 504);
  assert.equal(answer.headers['x-heddle-reason'], 'request_timeout');
  client.destroy();
  await sending;
}

async function leavesApplication(world: World, application: Application): Promise<undefined> {
  const before = application.abandoned;
  await late(world, DOORS.request.port, '/never', 'request_timeout', 400);
  assert.equal(application.abandoned, before + 1);
}

async function perTryBody(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.perTry.port));
  client.send(`GET /trickle?count=20&ms=30 HTTP/1.1\r\n${H}\r\n`);
  const answer = await client.answer();
  assert.equal(answer.body.toString(), 'x'.repeat(20));
  client.destroy();
}

/** perTry counts from the try's start: a slow upload runs into it, and there is a reason, never a half request. */
async function perTryUpload(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.perTry.port));
  const body = pattern(20_000);
  client.send(`PUT /late HTTP/1.1\r\n${H}Content-Length: ${body.length}\r\n\r\n`);
  const sending = client.upload(body, 1_000, 20);
  const answer = await client.answer();
  assert.ok(answer.status === 504 || answer.status === 200, String(answer.status));
  if (answer.status === 504) assert.equal(answer.headers['x-heddle-reason'], 'per_try_timeout');
  await sending;
  client.destroy();
}

async function idleUpload(world: World, pieces: number, ms: number): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.idle.port));
  const body = pattern(pieces * 1_000);
  client.send(`POST /echo HTTP/1.1\r\n${H}Content-Length: ${body.length}\r\n\r\n`);
  const sending = client.upload(body, 1_000, ms);
  const answer = await client.answer();
  await sending;
  assert.ok(answer.body.equals(body));
  client.destroy();
}

async function idleUploadStops(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.idle.port));
  client.send(`POST /never HTTP/1.1\r\n${H}Content-Length: 100000\r\n\r\nabc`);
  const { answer, ms } = await timed(() => client.answer());
  assert.equal(answer.status, 504);
  assert.equal(answer.headers['x-heddle-reason'], 'stream_idle_timeout');
  assert.ok(ms > 390 && ms < 1_500, `after ${ms} ms`);
  client.destroy();
}

async function idleAnswer(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.idle.port));
  client.send(`GET /trickle?count=30&ms=50 HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await client.answer()).body.length, 30);
  client.send(`GET /trickle?count=3&ms=900 HTTP/1.1\r\n${H}\r\n`);
  const answer = await client.answer().catch(() => undefined);
  if (answer !== undefined) assert.equal(answer.headers['x-heddle-reason'], 'stream_idle_timeout');
  client.destroy();
}

async function idleTunnel(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(DOORS.idleTunnel.port));
  for (let index = 0; index < 20; index++) {
    client.send(`GET /t${index} HTTP/1.1\r\n${H}\r\n`);
    assert.equal((await client.answer()).status, 200);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const began = performance.now();
  await client.gone(3_000);
  assert.ok(performance.now() - began > 300, 'too early');
  client.destroy();
}

async function retriedBodies(world: World, suspect: Suspect): Promise<undefined> {
  for (const size of [0, 1, 16_384, 65_535, 65_536]) {
    for (const how of ['503', 'reset', 'late-reset']) {
      suspect.fail(2, how);
      const client = new RawClient(world.dial(DOORS.retry.port));
      const body = pattern(size);
      client.send(`POST /echo HTTP/1.1\r\n${H}Idempotency-Key: k\r\nContent-Length: ${size}\r\n\r\n`);
      await client.upload(body, 10_000);
      const answer = await client.answer();
      assert.equal(answer.status, 200, `${size} bytes after ${how}: ${answer.body.toString().slice(0, 200)}`);
      assert.ok(answer.body.equals(body), `${size} bytes after ${how}: ${answer.body.length} came`);
      client.destroy();
    }
  }
}

async function largeBody(world: World, suspect: Suspect): Promise<undefined> {
  suspect.fail(1, '503');
  const client = new RawClient(world.dial(DOORS.retry.port));
  const body = pattern(300_000);
  client.send(`POST /echo HTTP/1.1\r\n${H}Idempotency-Key: k\r\nContent-Length: ${body.length}\r\n\r\n`);
  await client.upload(body);
  assert.equal((await client.answer()).status, 503);
  client.destroy();
  suspect.fail(0, '503');
}

async function chunkedRetry(world: World, suspect: Suspect): Promise<undefined> {
  suspect.fail(2, '503');
  const client = new RawClient(world.dial(DOORS.retry.port));
  client.send(
    `PUT /echo HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX-Sum: 1\r\n\r\n`,
  );
  assert.equal((await client.answer()).body.toString(), 'abcdef');
  client.destroy();
}

async function expectRetry(world: World, suspect: Suspect): Promise<undefined> {
  suspect.fail(2, 'reset');
  const client = new RawClient(world.dial(DOORS.retry.port));
  client.send(`PUT /echo HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`);
  client.send('abc');
  const answer = await client.answer();
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), 'abc');
  client.destroy();
}

async function cutAnswer(world: World, suspect: Suspect): Promise<undefined> {
  const before = suspect.requests;
  suspect.fail(1, 'half');
  const client = new RawClient(world.dial(DOORS.retry.port));
  client.send(`GET /echo HTTP/1.1\r\n${H}\r\n`);
  await assert.rejects(client.answer(), /ended/);
  assert.equal(suspect.requests, before + 1);
}

/** The second proxy stops an upload whose caller ran out of time: seen as the inbound line of that request. */
async function deadlines(world: World): Promise<undefined> {
  world.payment.forget();
  await late(world, DOORS.request.port, '/never?deadline', 'request_timeout', 400);
  const end = performance.now() + 3_000;
  while (performance.now() < end && !world.payment.lines.some((line) => line.path === '/never?deadline')) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const line = world.payment.lines.find((one) => one.path === '/never?deadline');
  assert.ok(line !== undefined && line.status !== 200 && line.reason !== undefined, JSON.stringify(line));
}

async function slowHead(world: World): Promise<string> {
  const slow = Array.from({ length: 100 }, () => {
    const client = new RawClient(world.dial(DOORS.none.port));
    client.send('GET /slow HTTP/1.1\r\nHo');
    return client;
  });
  const other = new RawClient(world.dial(DOORS.none.port));
  other.send(`GET /other HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await other.answer()).status, 200);
  other.destroy();
  const { answer, ms } = await timed(() => slow[0]!.answer());
  assert.equal(answer.status, 408);
  await Promise.all(slow.map((client) => client.gone(15_000)));
  for (const client of slow) client.destroy();
  return `100 slow heads cut after ${ms.toFixed(0)} ms`;
}
