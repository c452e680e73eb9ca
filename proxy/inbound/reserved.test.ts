import { describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import { configure, side } from '../outbound/testing/order.ts';
import { type App, rawClient } from './testing/apps.ts';
import { pair, server } from './testing/opened.ts';
import { ORDER_ID } from './testing/pair.ts';

const END = 'X_HEDDLE_PEER: spiffe://evil\r\nx-last: yes\r\n\r\n';
const ASK = [
  'POST /charge HTTP/1.1\r\nhost: payment\r\nte: trailers\r\nconnection: te\r\ntransfer-encoding: chunked\r\n',
  'x-a: b\r\nX-Heddle-Peer: spiffe://evil\r\nx_heddle_peer: spiffe://evil\r\nX_Heddle-Attempt: 9\r\nx.heddle.peer: spiffe://evil\r\n\r\n',
  `1\r\na\r\n0\r\nx-heddle-attempt: 9\r\n${END}`,
].join('');
const ANSWER = [
  'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nX-Heddle-Reason: loop\r\n\r\n',
  'HTTP/1.1 200 OK\r\nx-b: c\r\nX_Heddle_Reason: loop\r\ntransfer-encoding: chunked\r\n\r\n',
  '1\r\nz\r\n0\r\nx-sum: 7\r\nx-heddle-reason: loop\r\nx~heddle~reason: loop\r\n\r\n',
].join('');

/** An application that keeps what it read and answers with `ANSWER`. */
async function application(): Promise<{ app: App; read: () => string }> {
  let text = '';
  const app = await server((socket) => {
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      if (text.includes('x-last: yes\r\n\r\n')) socket.end(ANSWER);
    });
  });
  return { app, read: () => text.toLowerCase() };
}

/** Lines that speak as a proxy, in any spelling. */
const reserved = (text: string): string[] => text.match(/^x[^a-z]heddle[^\r]*/gim) ?? [];

describe.each(['mesh', 'plaintext inbound', 'plain endpoint'] as const)('nobody speaks as a proxy: %s', (way) => {
  test('head, 1xx head and trailers, whatever punctuation CGI would merge', async () => {
    const { app, read } = await application();
    let port: number;
    if (way === 'plain endpoint') {
      const order = side();
      configure(order, app);
      port = await order.redirect('10.96.0.1', 80);
    } else {
      const mesh = await pair({ workload: { mtls: { mode: 'Permissive', ports: [] } } });
      mesh.configure([await mesh.endpoint(app.port)]);
      port = way === 'mesh' ? mesh.port : await mesh.payment.arrive(app.port);
    }
    const client = rawClient(port);
    client.socket.write(ASK);
    await until('the answer', () => client.text.includes('x-sum: 7') && client.text.endsWith('\r\n\r\n'));
    expect(read()).toContain('x-a: b');
    expect(reserved(read())).toEqual(way === 'mesh' ? [`x-heddle-peer: ${ORDER_ID}`] : []);
    expect(client.text).toContain('HTTP/1.1 103 ');
    expect(client.text).toContain('x-b: c');
    expect(reserved(client.text)).toEqual([]);
    client.socket.destroy();
  });
});
