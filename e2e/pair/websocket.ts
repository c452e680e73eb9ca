import { strict as assert } from 'node:assert';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { listening } from './backend.ts';
import { RawClient } from './client.ts';
import type { Report } from './report.ts';
import { WEBSOCKET_CASES, type WebSocketCase } from './websocket-cases.ts';
import { createWorld } from './world.ts';

const PORT = 80;
/** RFC 6455, 1.3: this key has that answer. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

/**
 * A WebSocket server of others (`ws`) behind the pair: each conversation through the proxies has the bytes that it has without them, to the
 * end of the connection, whatever the client sends.
 */
export async function websocket(report: Report): Promise<void> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  const port = await listening(server);
  const world = await createWorld({ doors: [{ port: PORT, application: port }] });
  try {
    const began = performance.now();
    const failures: string[] = [];
    for (const one of WEBSOCKET_CASES) {
      try {
        await compare(one, connect({ port, host: '127.0.0.1', allowHalfOpen: true }), world.dial(PORT));
      } catch (error) {
        failures.push(`${one.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    report.count('WebSocket, the same as without proxies', WEBSOCKET_CASES.length - failures.length, failures, began);
  } finally {
    world.stop();
    sockets.close();
    server.closeAllConnections();
    server.close();
  }
}

async function compare(one: WebSocketCase, direct: Socket, through: Socket): Promise<void> {
  const [expected, seen] = await Promise.all([converse(direct, one), converse(through, one)]);
  if (one.code !== undefined) assert.equal(closeCode(expected), one.code, 'the server itself ends it otherwise');
  assert.ok(seen.equals(expected), `${seen.length} bytes came through the proxies, ${expected.length} without them`);
}

/** Everything that the server sends after its handshake, until it ends the connection. */
async function converse(socket: Socket, { writes }: WebSocketCase): Promise<Buffer> {
  const client = new RawClient(socket);
  try {
    client.send(
      `GET /chat HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
    );
    const { status, headers } = await client.answer();
    assert.deepEqual([status, headers['sec-websocket-accept']], [101, ACCEPT]);
    for (const bytes of writes) client.send(bytes);
    await client.gone();
    return await client.take(client.size);
  } finally {
    client.destroy();
  }
}

/** Of the Close frame at the end of what an unmasked side sent; undefined without one. */
function closeCode(bytes: Buffer): number | undefined {
  let at = 0;
  let code: number | undefined;
  while (at + 2 <= bytes.length) {
    const short = bytes[at + 1]! & 127;
    const size =
      short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short;
    const payload = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
    if ((bytes[at]! & 15) === 8 && size >= 2) code = bytes.readUInt16BE(payload);
    at = payload + size;
  }
  return code;
}
