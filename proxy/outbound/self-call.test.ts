import { expect, test } from '@jest/globals';
import { call } from '../inbound/testing/apps.ts';
import { service, servicePort, workload } from '../inbound/testing/configuration.ts';
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
