import { Agent } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import type { Endpoint } from '../contract/snapshot.ts';
import { type App, call, httpApp } from './testing/apps.ts';
import { createPair, PAYMENT_ID, type Pair } from './testing/pair.ts';
import { createSide, type Side } from './testing/side.ts';

const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0).reverse()) open.close();
});

interface Replica {
  readonly side: Side;
  readonly app: App;
  readonly endpoint: Endpoint;
}

async function replica(mesh: Pair, name: string): Promise<Replica> {
  const app = await httpApp((request, response) => {
    request.resume();
    request.on('end', () => setTimeout(() => response.end(name), 3));
  });
  const side = createSide({
    name,
    credentials: await mesh.authority.issue(PAYMENT_ID),
    workload: { mtls: { mode: 'Strict', ports: [] } },
  });
  closing.push(app, side);
  const port = await side.arrive(app.port);
  const endpoint = { address: '127.0.0.1', port, pod: name, workload: 'payment', identity: PAYMENT_ID, subsets: [] };
  return { side, app, endpoint };
}

/** POSTs without retries, on kept and on fresh connections, until `stop`; answers what was not 200. */
function load(mesh: Pair): { stop(): Promise<string[]>; readonly done: number } {
  const agent = new Agent({ keepAlive: true });
  closing.push({ close: () => agent.destroy() });
  const wrong: string[] = [];
  let running = true;
  let done = 0;
  const worker = async (kept: boolean): Promise<void> => {
    while (running) {
      try {
        const answer = await call({ port: mesh.port, method: 'POST', body: 'pay', ...(kept ? { agent } : {}) });
        if (answer.status !== 200) wrong.push(`${answer.status} ${answer.headers['x-heddle-reason']}`);
      } catch (error) {
        wrong.push(String(error));
      }
      done++;
    }
  };
  const workers = [true, true, true, false, false, false].map(worker);
  return {
    get done() {
      return done;
    },
    async stop() {
      running = false;
      await Promise.all(workers);
      return wrong;
    },
  };
}

test('a rolling restart of the callee loses no POST, with retries off', async () => {
  const mesh = await createPair();
  closing.push(mesh);
  let replicas = [await replica(mesh, 'a'), await replica(mesh, 'b')];
  mesh.configure(replicas.map((one) => one.endpoint));
  const running = load(mesh);
  const served = async (count: number): Promise<void> => {
    const from = running.done;
    await until(`${count} more requests`, () => running.done >= from + count);
  };
  await served(30);
  for (const name of ['c', 'd', 'e', 'f']) {
    const [old, ...rest] = replicas;
    const next = await replica(mesh, name);
    replicas = [...rest, next];
    mesh.configure([old!, ...replicas].map((one) => one.endpoint));
    await served(20);
    // preStop: GOAWAY while still accepting, and the endpoint goes from the configuration a little later.
    old!.side.inbound.drain();
    await served(20);
    mesh.configure(replicas.map((one) => one.endpoint));
    await served(20);
    // SIGTERM: by now nothing runs there any more.
    await until('the old one to be idle', () => old!.side.inbound.connections === 0);
    old!.app.close();
    old!.side.close();
    await served(20);
  }
  expect(await running.stop()).toEqual([]);
  expect(running.done).toBeGreaterThan(300);
});

test('an application that is killed before its endpoint is removed costs no POST that was not running there', async () => {
  const mesh = await createPair();
  closing.push(mesh);
  const replicas = [await replica(mesh, 'a'), await replica(mesh, 'b')];
  mesh.configure(replicas.map((one) => one.endpoint));
  const running = load(mesh);
  await until('requests', () => running.done > 50);
  replicas[0]!.app.close();
  const from = running.done;
  await until('more requests', () => running.done > from + 100);
  const wrong = await running.stop();
  // What ran in the application at that moment is lost: nobody may send a POST twice.
  expect(wrong.length).toBeLessThanOrEqual(6);
  for (const one of wrong) expect(one).toBe('502 upstream_reset');
});

test('20 policy edits lose nothing', async () => {
  const mesh = await createPair();
  closing.push(mesh);
  const replicas = [await replica(mesh, 'a'), await replica(mesh, 'b')];
  mesh.configure(replicas.map((one) => one.endpoint));
  const running = load(mesh);
  for (let edit = 0; edit < 20; edit++) {
    mesh.configure(
      replicas.map((one) => one.endpoint),
      { protocol: edit % 2 === 0 ? 'http' : 'auto' },
    );
    const from = running.done;
    await until('more requests', () => running.done > from + 6);
  }
  expect(await running.stop()).toEqual([]);
  expect(mesh.order.store.draining()).toBe(0);
});
