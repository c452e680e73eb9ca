import { expect, test } from '@jest/globals';
import { call } from '../inbound/testing/apps.ts';
import { service, servicePort, workload } from '../inbound/testing/configuration.ts';
import { ask, http2App, http2Client } from '../inbound/testing/http2-apps.ts';
import { app, KEY, side } from './testing/order.ts';

test('a pod that calls itself without a certificate is nobody: rules for the unauthenticated match, and Strict refuses', async () => {
  const backend = await app((request, response) => response.end(String(request.headers['x-heddle-peer'])));
  const proxy = side({
    podAddresses: ['127.0.0.1'],
    workload: {
      authorization: {
        defaultAction: 'Allow',
        rules: [
          {
            name: 'nobody',
            action: 'Deny',
            from: [{ kind: 'unauthenticated' }],
            to: [{ paths: [{ type: 'Exact', value: '/no' }] }],
          },
        ],
      },
    },
  });
  const own = { address: '127.0.0.1', port: backend.port, subsets: [] };
  proxy.store.commit(proxy.store.prepare(KEY, service([servicePort([own])])));
  const port = await proxy.redirect('10.96.0.1', 80);
  expect(await call({ port, path: '/ok' })).toMatchObject({ status: 200, body: 'undefined' });
  // Not in a header: the endpoint is not known as a mesh peer, so its reserved headers are not believed.
  const denied = await call({ port, path: '/no' });
  expect([denied.status, denied.body]).toEqual([403, expect.stringContaining('unauthorized')]);
  const strict = workload({ workload: 'order', mtls: { mode: 'Strict', ports: [] } });
  proxy.store.commit(proxy.store.prepare('workload', strict));
  const refused = await call({ port, path: '/ok' });
  expect([refused.status, refused.body]).toEqual([403, expect.stringContaining('plaintext_refused')]);
});

test('HTTP/2 to itself: bodies and trailers of a gRPC call, own answers in its form', async () => {
  const backend = await http2App((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  const proxy = side({ podAddresses: ['127.0.0.1'] });
  const port = await proxy.redirect('10.96.0.1', 80);
  const lead = (to: number): void =>
    proxy.store.commit(
      proxy.store.prepare(KEY, service([servicePort([{ address: '127.0.0.1', port: to, subsets: [] }])])),
    );
  lead(backend.port);
  const session = http2Client(port);
  const body = Buffer.alloc(300_000, 'abc');
  const grpc = { ':method': 'POST', 'content-type': 'application/grpc' };
  const answer = await ask(session, grpc, body);
  expect(answer.body.equals(body)).toBe(true);
  expect(answer.trailers).toMatchObject({ 'grpc-status': '0' });
  lead(1);
  expect((await ask(session, grpc, 'x')).headers).toMatchObject({ ':status': 200, 'grpc-status': '14' });
});
