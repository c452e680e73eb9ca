import { strict as assert } from 'node:assert';
import { createServer, type Server, type Socket } from 'node:net';
import process from 'node:process';
import { type Application, pattern, startApplication } from './application.ts';
import { listening } from './backend.ts';
import { RawClient } from './client.ts';
import type { Report } from './report.ts';
import { givenBack } from './steady.ts';
import { poll } from './testing.ts';
import { createWorld, type World } from './world.ts';

const HTTP = 80;
const RAW = 81;
const DEAD = 82;
const AUTO = 83;
const H = 'Host: shop.test\r\n';
const CLIENTS = 200;
/** Clients that never read: `HEDDLE_SLOW_READERS`; 1,000 in the soak. */
const READERS = Number(process.env['HEDDLE_SLOW_READERS'] ?? CLIENTS);
/** MiB that each proxy may grow for all of them. */
const READERS_MIB = 128;
const LARGE = '/bytes?size=10485760&seed=3';

interface Place {
  readonly world: World;
  readonly application: Application;
  readonly raw: { readonly sockets: ReadonlySet<Socket> };
}

/** What clients and applications leave behind when they go in all the ways there are: nothing. */
export async function resources(report: Report): Promise<void> {
  const application = await startApplication();
  const raw = await startRaw();
  const world = await createWorld({
    doors: [
      { port: HTTP, application: application.port },
      { port: RAW, application: raw.port, protocol: 'tcp' },
      // Nobody listens on the discard port.
      { port: DEAD, application: 9 },
      { port: AUTO, application: raw.port, protocol: 'auto' },
    ],
  });
  const place: Place = { world, application, raw };
  const check = (name: string, run: (place: Place) => Promise<void>): Promise<void> =>
    report.check(name, async () => {
      // Mesh connections that idled out would be opened again: they belong to the state at rest.
      await warm(world);
      return await givenBack(world, () => run(place));
    });
  try {
    await report.check(`${READERS} clients that never read 10 MiB`, async () => {
      await warm(world);
      let figures = '';
      const back = await givenBack(world, async () => {
        figures = await neverRead(place);
      });
      return `${figures}; ${back}`;
    });
    await check('200 clients that leave in the middle of an answer', cancelAnswers);
    await check('200 clients that reset in the middle of a body', resetUploads);
    await check('200 clients whom nobody answers, and who leave', leaveUnanswered);
    await check('200 half-closed clients', halfClosed);
    await check('clients that vanish at every byte of a head', vanishInHeads);
    await check('applications that reset before and within an answer', resetByApplication);
    await check('an application that is not there', notThere);
    await check('200 tunnels: half-closed, reset by either side, left', tunnels);
    await check('silent connections and speculation', silent);
    await check('upgrades that are left', upgrades);
    await check('pipelines that are left', pipelines);
  } finally {
    world.stop();
    application.close();
    raw.close();
  }
}

async function startRaw(): Promise<{ port: number; sockets: ReadonlySet<Socket>; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (piece: Buffer) => {
      if (piece.includes('reset me')) socket.resetAndDestroy();
      else if (piece.includes('end me')) socket.end('bye');
      else socket.write(piece);
    });
    socket.on('end', () => socket.end());
  });
  const port = await listening(server);
  return { port, sockets, close: () => void server.close() };
}

async function warm(world: World): Promise<void> {
  for (const door of [HTTP, RAW, DEAD, AUTO]) {
    const client = new RawClient(world.dial(door));
    client.send(`GET /warm HTTP/1.1\r\n${H}\r\n`);
    await poll(() => client.size > 0 || client.closed);
    client.destroy();
  }
}

function open(world: World, door: number, text: string | Buffer, count = CLIENTS): RawClient[] {
  return Array.from({ length: count }, () => {
    const client = new RawClient(world.dial(door));
    client.send(text);
    return client;
  });
}

function leave(clients: readonly RawClient[]): void {
  for (const client of clients) client.destroy();
}

async function neverRead({ world, application }: Place): Promise<string> {
  const before = application.requests;
  const base = await Promise.all([world.order.counts(), world.payment.counts()]);
  const clients: RawClient[] = [];
  while (clients.length < READERS) {
    // In waves: a thousand dials at once overflow the queue of the application's listener, which is not what this is about.
    const wave = open(world, HTTP, `GET ${LARGE} HTTP/1.1\r\n${H}\r\n`, Math.min(CLIENTS, READERS - clients.length));
    for (const client of wave) client.socket.pause();
    clients.push(...wave);
    await poll(
      () => application.requests - before >= clients.length,
      30_000,
      `${clients.length} requests at the application`,
    );
  }
  let last = -1;
  // Until nothing moves any more.
  await poll(() => {
    const now = [...application.sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0);
    const still = now === last;
    last = now;
    return still;
  }, 30_000);
  const held = await Promise.all([world.order.counts(), world.payment.counts()]);
  const grown = held.map((one, index) => (one.resident - base[index]!.resident) / 1_048_576);
  const inUse = held.map(
    (one, index) => (one.heap + one.outside - base[index]!.heap - base[index]!.outside) / 1_048_576,
  );
  const texts = [grown, inUse].map((list) => list.map((mib) => mib.toFixed(0)).join(' and '));
  const figures = `${texts[0]} MiB resident more, ${texts[1]} in use`;
  try {
    for (const mib of grown) assert.ok(mib < READERS_MIB, `${READERS} slow readers cost ${figures}`);
  } catch (error) {
    leave(clients);
    throw error;
  }
  // Others are served meanwhile.
  const other = new RawClient(world.dial(HTTP));
  other.send(`GET /other HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await other.answer()).body.toString(), 'path /other');
  other.destroy();
  leave(clients);
  await poll(() => application.sockets.size < 20, 30_000, 'connections of the application to close');
  return figures;
}

async function cancelAnswers({ world }: Place): Promise<void> {
  const clients = open(world, HTTP, `GET ${LARGE} HTTP/1.1\r\n${H}\r\n`);
  await Promise.all(
    clients.map((client, index) => poll(() => client.size > index * 300, 30_000).then(() => client.destroy())),
  );
}

async function resetUploads({ world }: Place): Promise<void> {
  const clients = open(world, HTTP, `POST /echo HTTP/1.1\r\n${H}Content-Length: 1000000\r\n\r\n`);
  for (const [index, client] of clients.entries()) client.send(pattern(index * 500 + 1));
  await poll(() => clients.filter((client) => client.size > 0).length > CLIENTS / 2, 30_000);
  for (const client of clients) client.socket.resetAndDestroy();
}

async function leaveUnanswered({ world, application }: Place): Promise<void> {
  const before = application.abandoned;
  const clients = open(world, HTTP, `GET /never HTTP/1.1\r\n${H}\r\n`);
  await poll(() => application.sockets.size >= CLIENTS, 10_000);
  leave(clients);
  await poll(() => application.abandoned - before >= CLIENTS, 10_000, 'the application to hear that they left');
}

async function halfClosed({ world }: Place): Promise<void> {
  const clients = [
    ...open(world, HTTP, `GET /never HTTP/1.1\r\n${H}\r\n`, 50),
    ...open(world, HTTP, `POST /echo HTTP/1.1\r\n${H}Content-Length: 10\r\n\r\nabc`, 50),
    ...open(world, HTTP, 'GET /half-a-head HTT', 50),
    ...open(world, HTTP, '', 50),
  ];
  for (const client of clients) client.socket.end();
  await Promise.all(clients.map((client) => client.gone(10_000)));
  leave(clients);
}

async function vanishInHeads({ world }: Place): Promise<void> {
  const text = `POST /echo HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX: y\r\n\r\n`;
  for (const door of [HTTP, AUTO]) {
    const clients = Array.from({ length: text.length }, (_, at) => {
      const client = new RawClient(world.dial(door));
      client.socket.on('connect', () => {
        client.socket.write(text.slice(0, at), () => {
          if (at % 2 === 0) client.socket.resetAndDestroy();
          else client.destroy();
        });
      });
      return client;
    });
    await poll(() => clients.every((client) => client.closed), 10_000);
  }
}

async function resetByApplication({ world }: Place): Promise<void> {
  const reset = async (path: string): Promise<void> => {
    const client = new RawClient(world.dial(HTTP));
    client.send(`POST ${path} HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`);
    if (path === '/reset') {
      const answer = await client.answer();
      assert.equal(answer.status, 502);
      assert.equal(answer.headers['x-heddle-reason'], 'upstream_reset');
    } else {
      await assert.rejects(client.answer(), /ended/);
    }
    client.destroy();
  };
  await Promise.all(Array.from({ length: 100 }, (_, index) => reset(index % 2 === 0 ? '/reset' : '/half')));
}

async function notThere({ world }: Place): Promise<void> {
  const ask = async (): Promise<void> => {
    const client = new RawClient(world.dial(DEAD));
    client.send(`POST / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc`);
    const answer = await client.answer();
    assert.equal(answer.status, 503);
    assert.equal(answer.headers['x-heddle-reason'], 'app_connect_failure');
    client.destroy();
  };
  await Promise.all(Array.from({ length: CLIENTS }, ask));
}

async function tunnels({ world, raw }: Place): Promise<void> {
  const clients = open(world, RAW, 'hello');
  await poll(() => clients.every((client) => client.size >= 5), 10_000, 'echoes');
  assert.equal(raw.sockets.size, CLIENTS);
  clients.forEach((client, index) => {
    const way = index % 5;
    if (way === 0) client.socket.end();
    else if (way === 1) client.socket.resetAndDestroy();
    else if (way === 2) client.send('reset me');
    else if (way === 3) client.send('end me');
    else client.destroy();
  });
  await poll(() => clients.every((client, index) => client.closed || client.ended || index % 5 > 3), 10_000, 'ends');
  leave(clients);
  await poll(() => raw.sockets.size === 0, 10_000, 'the application side to close');
}

async function silent({ world, raw }: Place): Promise<void> {
  const clients = open(world, AUTO, '', 100);
  await poll(() => raw.sockets.size >= 50, 10_000, 'speculative connections');
  clients.forEach((client, index) => {
    if (index % 3 === 0) client.socket.resetAndDestroy();
    else if (index % 3 === 1) client.socket.end();
    else client.send(`GET /x HTTP/1.1\r\n${H}\r\n`);
  });
  await poll(() => clients.every((client, index) => index % 3 !== 2 || client.size > 0), 10_000);
  leave(clients);
  await poll(() => raw.sockets.size === 0, 10_000, 'the application side to close');
}

async function upgrades({ world }: Place): Promise<void> {
  const clients = open(
    world,
    HTTP,
    `GET /chat HTTP/1.1\r\n${H}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly`,
    100,
  );
  await poll(() => clients.every((client) => client.size > 0), 10_000);
  clients.forEach((client, index) => {
    if (index % 2 === 0) client.socket.resetAndDestroy();
    else client.socket.end();
  });
  await poll(() => clients.every((client) => client.closed || client.ended), 10_000);
  leave(clients);
}

async function pipelines({ world }: Place): Promise<void> {
  const request = `GET /wait?ms=5 HTTP/1.1\r\n${H}\r\n`;
  const clients = open(world, HTTP, request.repeat(500), 50);
  await poll(() => clients.every((client) => client.size > 0), 10_000);
  leave(clients);
}
