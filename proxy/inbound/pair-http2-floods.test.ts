import { expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import { block, frame, headers, settings } from '../http/h2/testing/harness.ts';
import { rawClient } from './testing/apps.ts';
import { ask, http2App, http2Client } from './testing/http2-apps.ts';
import { pair } from './testing/opened.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/'];
const CANCEL = Buffer.from([0, 0, 0, 8]);
const repeat = (count: number, make: (index: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));

/** GOAWAY with ENHANCE_YOUR_CALM (0xb), somewhere in what the proxy sent. */
const calmDown = (text: string): boolean => /\0\0[\s\S]\x07\0\0\0\0\0[\s\S]{4}\0\0\0\x0b/.test(text);

test.each([
  [
    'rapid reset',
    repeat(2_000, (index) => Buffer.concat([headers(index * 2 + 1, true, GET), frame(3, 0, index * 2 + 1, CANCEL)])),
  ],
  ['PING', repeat(500, () => frame(6, 0, 0, Buffer.alloc(8)))],
  ['SETTINGS', repeat(500, () => settings([4, 65_535]))],
  ['empty DATA', Buffer.concat([headers(1, false, GET), repeat(5_000, () => frame(0, 0, 1))])],
  ['CONTINUATION', Buffer.concat([frame(1, 1, 1, block(...GET)), repeat(100, () => frame(9, 0, 1, block('a', 'b')))])],
])('a flood of %s: that connection is cut, others are served', async (_name, flood) => {
  const mesh = await pair();
  const backend = await http2App((stream) => {
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
  mesh.configure([await mesh.endpoint(backend.port)]);
  const calm = http2Client(mesh.port);
  expect((await ask(calm, {})).body.toString()).toBe('ok');
  const offender = rawClient(mesh.port);
  offender.socket.write(Buffer.concat([PREFACE, settings(), flood]));
  await until('the cut', () => calmDown(offender.text));
  expect((await ask(calm, {})).body.toString()).toBe('ok');
  offender.socket.destroy();
  await until('the connection to be forgotten', () => mesh.order.outbound.connections === 1);
});

test('clients that never read hold a bounded part of what they asked for, and others are served', async () => {
  const mesh = await pair();
  const size = 10_485_760;
  const body = Buffer.alloc(65_536, 1);
  let taken = 0;
  const backend = await http2App((stream, received) => {
    stream.respond({ ':status': 200 });
    if (received[':path'] === '/small') {
      stream.end('small');
      return;
    }
    let left = size;
    const more = (): void => {
      while (left > 0) {
        left -= body.length;
        taken += body.length;
        if (!stream.write(body)) {
          stream.once('drain', more);
          return;
        }
      }
      stream.end();
    };
    more();
  });
  mesh.configure([await mesh.endpoint(backend.port)]);
  const deaf = Array.from({ length: 40 }, () => {
    const client = rawClient(mesh.port);
    client.socket.pause();
    client.socket.write(Buffer.concat([PREFACE, settings(), headers(1, true, GET)]));
    return client;
  });
  let before = -1;
  let same = 0;
  await until('the flow to stop', () => {
    same = taken === before && taken > 0 ? same + 1 : 0;
    before = taken;
    return same === 20;
  });
  expect(taken).toBeLessThan(40 * 1_048_576);
  expect((await ask(http2Client(mesh.port), { ':path': '/small' })).body.toString()).toBe('small');
  for (const client of deaf) client.socket.destroy();
  await until('the connections to be forgotten', () => mesh.order.outbound.connections === 1);
});
