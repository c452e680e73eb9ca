import { strict as assert } from 'node:assert';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { pattern } from '../application.ts';
import { RawClient } from '../client.ts';
import type { Report } from '../report.ts';
import type { World } from '../world.ts';
import { SESSION_MEMORY } from './http2-application.ts';

/** Doors of the Service: what the application behind them speaks. */
export interface Doors {
  readonly http1: number;
  readonly http2: number;
  readonly auto2: number;
}

const SIZES = [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 1_048_576, 10_485_760];

/** HTTP/2 between applications, over the mesh; and what is said where the two applications speak different versions. */
export async function http2Exchanges(report: Report, world: World, doors: Doors): Promise<void> {
  for (const [name, door] of [
    ['declared', doors.http2],
    ['detected', doors.auto2],
  ] as const) {
    const session = open(world.dial(door));
    await report.check(`HTTP/2, ${name}: fields in order, forms, CONNECT`, () => heads(session));
    await report.check(`HTTP/2, ${name}: HEAD, 204, 304, 1xx`, () => bodiless(session));
    await report.check(`HTTP/2, ${name}: trailers both ways`, () => trailers(session));
    for (const length of [true, false]) {
      await report.check(`HTTP/2, ${name}: bodies of 0 to 10 MiB at once, ${length ? 'with' : 'without'} length`, () =>
        bodies(session, length),
      );
    }
    await report.check(`HTTP/2, ${name}: slow reader and slow writer`, () => slow(session));
    session.destroy();
  }
  await report.check('HTTP/2 to an application that speaks HTTP/1.1: the reason is named', () => noHttp2(world, doors));
  await report.check('HTTP/1.1 to an application that speaks HTTP/2: the reason is named', () => noHttp1(world, doors));
}

function open(socket: Socket): ClientHttp2Session {
  const session = connect('http://shop.test', { maxSessionMemory: SESSION_MEMORY, createConnection: () => socket });
  session.on('error', () => {});
  return session;
}

interface Answer {
  readonly head: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly informs: readonly string[];
  readonly body: Buffer;
}

interface Sent {
  readonly body?: Buffer;
  readonly trailers?: OutgoingHttpHeaders;
  readonly readMs?: number;
  readonly writeMs?: number;
}

function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders | readonly string[],
  sent: Sent = {},
): Promise<Answer> {
  const stream = session.request(headers, {
    endStream: sent.body === undefined,
    waitForTrailers: sent.trailers !== undefined,
  } as never);
  const pieces: Buffer[] = [];
  const informs: string[] = [];
  let head: IncomingHttpHeaders = {};
  let received: IncomingHttpHeaders = {};
  stream.on('headers', (inform) => void informs.push(`${inform[':status']} ${inform['link']}`));
  stream.on('response', (one) => {
    head = one;
  });
  stream.on('trailers', (one) => {
    received = one;
  });
  stream.on('wantTrailers', () => stream.sendTrailers({ ...sent.trailers }));
  stream.on('data', (piece: Buffer) => {
    pieces.push(piece);
    if (sent.readMs === undefined) return;
    stream.pause();
    setTimeout(() => stream.resume(), sent.readMs);
  });
  if (sent.body !== undefined && sent.writeMs === undefined) stream.end(sent.body);
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('close', () => resolve({ head, trailers: received, informs, body: Buffer.concat(pieces) }));
    if (sent.writeMs !== undefined)
      writeSlowly(sent.body!, sent.writeMs, (piece, last) => void (last ? stream.end(piece) : stream.write(piece)));
  });
}

function writeSlowly(body: Buffer, ms: number, write: (piece: Buffer, last: boolean) => void, at = 0): void {
  const end = Math.min(body.length, at + 16_384);
  write(body.subarray(at, end), end === body.length);
  if (end < body.length) setTimeout(() => writeSlowly(body, ms, write, end), ms);
}

const seenBy = (answer: Answer): string[] =>
  JSON.parse(Buffer.from(String(answer.head['x-seen']), 'base64').toString('latin1'));

async function heads(session: ClientHttp2Session): Promise<undefined> {
  const fields = ['x-b', '1', 'cookie', 'a=1', 'x-a', '', 'x-b', '2', 'x-latin', '\xe4\xff', 'te', 'trailers'];
  const pseudo = [':method', 'PURGE', ':scheme', 'http', ':authority', 'SHOP.test:81', ':path', '/a%2F//../b?x=%00&y'];
  const answer = await ask(session, [...pseudo, ...fields]);
  assert.equal(answer.body.toString(), 'PURGE seen');
  const seen = seenBy(answer);
  const added = new Set(['x-heddle-peer', 'traceparent']);
  const rest: string[] = [];
  for (let at = 0; at < seen.length; at += 2) if (!added.has(seen[at]!)) rest.push(seen[at]!, seen[at + 1]!);
  assert.deepEqual(new Set(pairs(rest).slice(0, 4)), new Set(pairs(pseudo)));
  assert.deepEqual(pairs(rest).slice(4), pairs(fields));
  const asterisk = await ask(session, { ':method': 'OPTIONS', ':path': '*' });
  assert.ok(pairs(seenBy(asterisk)).includes(':path *'));
  const refused = await ask(
    session,
    { ':method': 'CONNECT', ':authority': 'shop.test:443' },
    { body: Buffer.alloc(0) },
  );
  assert.equal(refused.head[':status'], 403);
  assert.ok(pairs(seenBy(refused)).includes(':authority shop.test:443'));
}

function pairs(list: readonly string[]): string[] {
  return list.flatMap((name, at) => (at % 2 === 0 ? [`${name} ${list[at + 1]}`] : []));
}

async function bodiless(session: ClientHttp2Session): Promise<undefined> {
  for (const [method, code, length] of [
    ['HEAD', 200, '12345'],
    ['GET', 204, undefined],
    ['GET', 304, '999'],
    ['POST', 200, '0'],
  ] as const) {
    const path = `/status?code=${code}${length === undefined ? '' : `&length=${length}`}`;
    const { head, body } = await ask(session, { ':method': method, ':path': path });
    assert.deepEqual([head[':status'], head['content-length'], body.length], [code, length, 0], `${method} ${path}`);
  }
  const hinted = await ask(session, { ':path': '/hints' });
  assert.deepEqual(hinted.informs, ['103 </a.css>', '103 </b.css>']);
  assert.equal(hinted.body.toString(), 'after the hints');
}

async function trailers(session: ClientHttp2Session): Promise<undefined> {
  for (const length of [{}, { 'content-length': 5 }]) {
    const headers = { ':method': 'POST', ':path': '/echo?as=length', ...length };
    const answer = await ask(session, headers, {
      body: Buffer.from('hello'),
      trailers: { 'x-sum': '5', 'x-two': 'b' },
    });
    assert.equal(answer.body.toString(), 'hello');
    assert.deepEqual(Object.fromEntries(Object.entries(answer.trailers)), { 'x-sum': '5', 'x-two': 'b' });
  }
}

async function bodies(session: ClientHttp2Session, withLength: boolean): Promise<undefined> {
  const one = async (size: number): Promise<void> => {
    const body = pattern(size, size + 5);
    const headers = {
      ':method': 'POST',
      ':path': '/echo?as=length',
      ...(withLength ? { 'content-length': size } : {}),
    };
    const answer = await ask(session, headers, { body });
    assert.equal(answer.head['content-length'], withLength ? String(size) : undefined);
    assert.ok(answer.body.equals(body), `${answer.body.length} bytes of ${size} came back, or other ones`);
  };
  await Promise.all(SIZES.map(one));
}

async function slow(session: ClientHttp2Session): Promise<undefined> {
  const body = pattern(1_048_576, 3);
  const headers = { ':method': 'POST', ':path': '/echo' };
  const answers = await Promise.all([
    ask(session, headers, { body, readMs: 2 }),
    ask(session, headers, { body, writeMs: 2 }),
  ]);
  for (const answer of answers)
    assert.ok(answer.body.equals(body), `${answer.body.length} bytes came back, or other ones`);
}

/** The proxies do not translate between versions: what an application sends is what its peer understands, or somebody says why not. */
async function noHttp2(world: World, doors: Doors): Promise<undefined> {
  const session = open(world.dial(doors.http1));
  const { head } = await ask(session, { ':path': '/x' });
  assert.deepEqual([head[':status'], head['x-heddle-reason']], [502, 'upstream_protocol']);
  session.destroy();
}

async function noHttp1(world: World, doors: Doors): Promise<undefined> {
  const client = new RawClient(world.dial(doors.http2));
  client.send('GET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n');
  const { status, headers } = await client.answer();
  assert.deepEqual([status, headers['x-heddle-reason']], [502, 'upstream_protocol']);
  client.destroy();
}
