import { afterEach, expect, test } from '@jest/globals';
import { type App, call, httpApp } from './testing/apps.ts';
import { createPair, ORDER_ID, type Pair, type PairOptions } from './testing/pair.ts';

const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0)) open.close();
});

async function pair(options: PairOptions = {}): Promise<Pair> {
  const made = await createPair(options);
  closing.push(made);
  return made;
}
async function app(handle: Parameters<typeof httpApp>[0]): Promise<App> {
  const made = await httpApp(handle);
  closing.push(made);
  return made;
}

test('a request goes through both proxies under mutual TLS', async () => {
  const mesh = await pair();
  const backend = await app((request, response) =>
    response.end(JSON.stringify({ url: request.url, headers: request.headers })),
  );
  mesh.configure([await mesh.endpoint(backend.port)]);
  const answer = await call({ port: mesh.port, path: '/charge?x=1', headers: { 'x-heddle-peer': 'spiffe://evil' } });
  expect(answer.status).toBe(200);
  const seen = JSON.parse(answer.body);
  expect(seen.url).toBe('/charge?x=1');
  expect(seen.headers['x-heddle-peer']).toBe(ORDER_ID);
  expect(seen.headers.host).toBe(`127.0.0.1:${mesh.port}`);
});
