import { afterEach, describe, expect, test } from '@jest/globals';
import { serviceKey } from '../contract/snapshot.ts';
import { type App, call, httpApp } from '../inbound/testing/apps.ts';
import { service, servicePort } from '../inbound/testing/configuration.ts';
import { createSide, type Side, type SideOptions } from '../inbound/testing/side.ts';

const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0)) open.close();
});

function side(options: Partial<SideOptions> = {}): Side {
  const made = createSide({ name: 'order', ...options });
  closing.push(made);
  made.store.setAddresses({ ranges: ['10.0.0.0/8'], entries: { '10.96.0.1': serviceKey('shop', 'payment') } });
  return made;
}

async function app(handle: Parameters<typeof httpApp>[0]): Promise<App> {
  const made = await httpApp(handle);
  closing.push(made);
  return made;
}

describe('plain endpoints', () => {
  test('a request reaches the endpoint and comes back', async () => {
    const proxy = side();
    const backend = await app((request, response) => {
      response.setHeader('x-heddle-reason', 'unauthorized');
      response.end(JSON.stringify(request.headers));
    });
    const endpoint = { address: '127.0.0.1', port: backend.port, subsets: [] };
    proxy.store.commit(proxy.store.prepare(serviceKey('shop', 'payment'), service([servicePort([endpoint])])));
    const port = await proxy.redirect('10.96.0.1', 80);
    const answer = await call({ port, path: '/charge', headers: { 'x-heddle-peer': 'spiffe://evil', 'x-a': 'b' } });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-heddle-reason']).toBeUndefined();
    const seen = JSON.parse(answer.body);
    expect(seen['x-a']).toBe('b');
    expect(seen['x-heddle-peer']).toBeUndefined();
    expect(seen.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(proxy.metrics.text()).toContain(
      'heddle_requests_total{direction="outbound",source_workload="order",source_namespace="shop",destination_workload="payment",destination_namespace="shop",code="200",reason=""} 1',
    );
  });
});
