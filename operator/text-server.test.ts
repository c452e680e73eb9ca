import http from 'node:http';
import net from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { until } from '../proxy/base/testing/wait.ts';
import { serveText, type TextServer } from './text-server.ts';

const open: (TextServer | net.Socket)[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await ('stop' in one ? one.stop() : one.destroy());
});

async function start(): Promise<number> {
  const server = serveText(
    { host: '127.0.0.1', port: 0, log: silentLog },
    { '/livez': () => ({ status: 200, text: 'alive\n' }) },
  );
  open.push(server);
  return server.port;
}

function get(port: number, path: string, localAddress = '127.0.0.1'): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = http.get({ host: '127.0.0.1', port, path, localAddress, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  request.on('error', reject);
  return promise;
}

test('what is there is answered, other paths are not', async () => {
  const port = await start();
  expect(await get(port, '/livez')).toBe(200);
  expect(await get(port, '/toString')).toBe(404);
});

test('a pod that holds connections does not keep the probes out', async () => {
  const port = await start();
  let closed = 0;
  const sockets = Array.from({ length: 80 }, () => net.connect(port, '127.0.0.1'));
  for (const socket of sockets) {
    open.push(socket);
    socket.on('error', () => {});
    socket.on('close', () => closed++);
  }
  await until('all beyond the share of one address are closed', () => closed === 64);
  expect(await get(port, '/livez', '127.0.0.2')).toBe(200);
});
