import { strict as assert } from 'node:assert';
import { type Application, pattern, startApplication } from './application.ts';
import { type Answer, RawClient } from './client.ts';
import type { Report } from './report.ts';
import { createWorld, type World } from './world.ts';

const HTTP = 80;
const AUTO = 81;
const SIZES = [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 1_048_576, 10_485_760];
const H = 'Host: shop.test\r\n';

/** Bodies arrive as they were sent, whatever frames them and whoever is slow. */
export function bodies(report: Report): Promise<void> {
  return through(report, 'handles');
}

/** The same over Node's documented streams: the way back that `HEDDLE_SOCKETS=streams` promises. */
export function streams(report: Report): Promise<void> {
  return through(report, 'streams');
}

async function through(report: Report, sockets: 'handles' | 'streams'): Promise<void> {
  const application = await startApplication();
  const world = await createWorld({
    sockets,
    doors: [
      { port: HTTP, application: application.port },
      { port: AUTO, application: application.port, protocol: 'auto' },
    ],
  });
  try {
    for (const size of SIZES) {
      for (const up of ['length', 'chunked'] as const) {
        for (const down of ['length', 'chunked'] as const) {
          await report.check(`echo of ${size} bytes, up ${up}, down ${down}`, () => echo(world, size, up, down));
        }
      }
    }
    await report.check('slow reader of 1 MiB', () => slow(world, { path: '/bytes?size=1048576&seed=7', readMs: 2 }));
    await report.check('slow writer of 1 MiB', () => slow(world, { path: '/echo', writeMs: 2 }));
    await report.check('slow application', () => slow(world, { path: '/slow-echo' }));
    await report.check('trailers up and down', () => trailers(world));
    await report.check('100 requests on one connection, 100 connections', () => connections(world));
    for (const [method, path, status] of BODILESS) {
      await report.check(`${method} ${path}: no body, the connection goes on`, () =>
        bodiless(world, method, path, status),
      );
    }
    await report.check('103 before the answer', () => hints(world));
    await report.check('Expect: 100-continue', () => expectContinue(world));
    await report.check('Expect: 100-continue refused: closed or body skipped', () => expectRefused(world));
    await report.check('HTTP/1.0 clients', () => oldClients(world));
    await report.check('upgrade: 1 MiB each way, half-close', () => upgrade(world, application));
    await report.check('both proxies live', () => live(world));
  } finally {
    world.stop();
    application.close();
  }
}

const BODILESS = [
  ['HEAD', '/bytes?size=1000&seed=1', 200],
  ['HEAD', '/echo', 200],
  ['GET', '/status?code=204', 204],
  ['GET', '/status?code=304', 304],
  ['GET', '/status?code=304&length=1234', 304],
  ['HEAD', '/status?code=304&length=1234', 304],
  ['POST', '/status?code=204', 204],
  ['DELETE', '/status?code=200', 200],
] as const;

async function echo(
  world: World,
  size: number,
  up: 'length' | 'chunked',
  down: 'length' | 'chunked',
): Promise<undefined> {
  for (const door of [HTTP, AUTO]) {
    const client = new RawClient(world.dial(door));
    const body = pattern(size, size + 3);
    // Twice: the second proves that the first ended where it should.
    for (let time = 0; time < 2; time++) {
      const framing = up === 'length' ? `Content-Length: ${size}\r\n` : 'Transfer-Encoding: chunked\r\n';
      client.send(`POST /echo?as=${down} HTTP/1.1\r\n${H}${framing}\r\n`);
      const sending = up === 'length' ? client.upload(body) : uploadChunks(client, body);
      const answer = await client.answer();
      await sending;
      assert.equal(answer.status, 200);
      assert.equal(answer.framing, up === 'length' && down === 'length' ? 'length' : 'chunked');
      assert.ok(answer.body.equals(body), `${answer.body.length} bytes came back, or other ones`);
    }
    client.destroy();
  }
}

/** Chunks of odd sizes, with extensions now and then. */
async function uploadChunks(client: RawClient, body: Buffer): Promise<void> {
  let at = 0;
  for (let index = 0; at < body.length; index++) {
    const size = Math.min(body.length - at, [1, 7, 1_000, 16_384, 65_536, 100_000][index % 6]!);
    const extension = index % 4 === 3 ? ';a="b"' : '';
    client.send(`${size.toString(16)}${extension}\r\n`);
    await client.upload(body.subarray(at, at + size));
    client.send('\r\n');
    at += size;
  }
  client.send('0\r\n\r\n');
}

async function slow(world: World, how: { path: string; readMs?: number; writeMs?: number }): Promise<undefined> {
  const client = new RawClient(world.dial(HTTP));
  const size = 1_048_576;
  const body = pattern(size, 7);
  const upload = !how.path.startsWith('/bytes');
  client.send(`POST ${how.path} HTTP/1.1\r\n${H}Content-Length: ${upload ? size : 0}\r\n\r\n`);
  const sending = upload ? client.upload(body, 16_384, how.writeMs ?? 0) : undefined;
  const answer = await client.answer({ slowMs: how.readMs ?? 0 });
  await sending;
  assert.ok(answer.body.equals(body), `${answer.body.length} bytes came back, or other ones`);
  client.destroy();
}

async function trailers(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(HTTP));
  client.send(
    `POST /echo HTTP/1.1\r\n${H}TE: trailers\r\nConnection: TE\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  client.send('3\r\nabc\r\n0\r\nX-Sum: 42\r\nX-Two: b\r\n\r\n');
  const answer = await client.answer();
  assert.equal(answer.body.toString(), 'abc');
  assert.deepEqual({ ...answer.trailers }, { 'x-sum': '42', 'x-two': 'b' });
  client.destroy();
}

async function connections(world: World): Promise<undefined> {
  const kept = new RawClient(world.dial(HTTP));
  for (let index = 0; index < 100; index++) {
    kept.send(`GET /n${index} HTTP/1.1\r\n${H}\r\n`);
    assert.equal((await kept.answer()).body.toString(), `path /n${index}`);
  }
  kept.destroy();
  const one = async (index: number): Promise<void> => {
    const client = new RawClient(world.dial(HTTP));
    client.send(`GET /c${index} HTTP/1.1\r\n${H}Connection: close\r\n\r\n`);
    const answer = await client.answer();
    assert.equal(answer.body.toString(), `path /c${index}`);
    assert.equal(answer.headers['connection'], 'close');
    await client.gone();
    client.destroy();
  };
  await Promise.all(Array.from({ length: 100 }, (_, index) => one(index)));
}

async function bodiless(world: World, method: string, path: string, status: number): Promise<undefined> {
  const client = new RawClient(world.dial(HTTP));
  for (let time = 0; time < 2; time++) {
    client.send(`${method} ${path} HTTP/1.1\r\n${H}\r\n`);
    const answer = await client.answer({ method });
    assert.equal(answer.status, status);
    if (path.includes('1234')) assert.equal(answer.headers['content-length'], '1234');
    assert.equal(answer.headers['transfer-encoding'] !== undefined && status === 204, false, '204 with a coding');
  }
  client.send(`GET /after HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await client.answer()).body.toString(), 'path /after');
  client.destroy();
}

async function hints(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(HTTP));
  client.send(`GET /hints HTTP/1.1\r\n${H}\r\n`);
  const answer = await client.answer();
  assert.deepEqual(answer.informs, [103]);
  assert.equal(answer.body.toString(), 'after the hints');
  client.destroy();
}

async function expectContinue(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(HTTP));
  client.send(`POST /echo HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  const head = await client.take('HTTP/1.1 100 Continue\r\n\r\n'.length);
  assert.equal(head.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
  client.send('hello');
  assert.equal((await client.answer()).body.toString(), 'hello');
  // A client that does not wait.
  client.send(`POST /echo HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`);
  assert.equal((await client.answer()).body.toString(), 'hello');
  client.destroy();
}

async function expectRefused(world: World): Promise<undefined> {
  const client = new RawClient(world.dial(HTTP));
  client.send(`POST /refuse HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
  const answer = await client.answer();
  assert.equal(answer.status, 417);
  assert.equal(answer.headers['connection'], 'close', 'nobody could tell the body from a next request');
  await client.gone();
  client.destroy();
}

async function oldClients(world: World): Promise<undefined> {
  const ask = async (text: string): Promise<Answer> => {
    const client = new RawClient(world.dial(HTTP));
    client.send(text);
    const answer = await client.answer();
    await client.gone();
    client.destroy();
    return answer;
  };
  assert.equal((await ask('GET /old HTTP/1.0\r\n\r\n')).body.toString(), 'path /old');
  const body = await ask(`POST /echo HTTP/1.0\r\n${H}Content-Length: 5\r\n\r\nhello`);
  assert.equal(body.framing, 'close', 'HTTP/1.0 knows no chunks');
  assert.equal(body.body.toString(), 'hello');
  const large = await ask('GET /bytes?size=1048576&seed=9 HTTP/1.0\r\n\r\n');
  assert.ok(large.body.equals(pattern(1_048_576, 9)));
  const kept = new RawClient(world.dial(HTTP));
  for (let time = 0; time < 3; time++) {
    kept.send(`GET /bytes?size=10&seed=2 HTTP/1.0\r\n${H}Connection: keep-alive\r\n\r\n`);
    const answer = await kept.answer();
    assert.equal(answer.headers['connection'], 'keep-alive');
    assert.ok(answer.body.equals(pattern(10, 2)));
  }
  kept.destroy();
}

async function upgrade(world: World, application: Application): Promise<undefined> {
  const client = new RawClient(world.dial(HTTP));
  client.send(`GET /chat HTTP/1.1\r\n${H}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  const answer = await client.answer();
  assert.equal(answer.status, 101);
  assert.equal(answer.headers['upgrade'], 'websocket');
  const bytes = pattern(1_048_576, 11);
  const sending = client.upload(bytes, 10_000);
  const back = await client.take(bytes.length);
  await sending;
  assert.ok(back.equals(bytes), 'other bytes came back');
  client.send('last');
  client.socket.end();
  assert.equal((await client.take(4)).toString(), 'last');
  await client.gone();
  client.destroy();
  assert.ok(application.requests > 0);
}

async function live(world: World): Promise<undefined> {
  for (const proxy of [world.order, world.payment])
    assert.equal(proxy.exit, undefined, proxy.notes.slice(-3).join('\n'));
}
