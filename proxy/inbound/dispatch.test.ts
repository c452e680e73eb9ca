import type { Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { HEADERS } from '../contract/headers.ts';
import type { Failure, RequestHead, RequestReceiver, ResponseHead } from '../http/message.ts';
import { requestHead } from '../http/testing/heads.ts';
import type { MeshServerExchange } from '../mesh/mesh.ts';
import { dial } from '../net/net.ts';
import { httpApp, tcpApp } from './testing/apps.ts';
import { workload } from './testing/configuration.ts';
import { createSide, type SideOptions } from './testing/side.ts';

const ORDER = 'spiffe://test.local/ns/shop/sa/order';
const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0).reverse()) open.close();
});

/** A request of a verified peer, and what is answered to it. */
class Exchange implements MeshServerExchange {
  readonly head: RequestHead;
  readonly peer = { identity: ORDER, workload: 'order', namespace: 'shop' };
  receiver: RequestReceiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
  answered: ResponseHead | undefined;
  unprocessed = false;
  aborted: Failure | undefined;
  readonly meta: MeshServerExchange['meta'];

  constructor(deadlineMs?: number, changes: Partial<RequestHead> = {}) {
    const charge = { method: 'POST', target: '/charge', path: '/charge', authority: 'payment', headers: [] };
    this.head = requestHead({ ...charge, ...changes });
    this.meta = { kind: 'http', destination: '10.96.0.1:80', attempt: 1, deadlineMs };
  }
  respond(head: ResponseHead): void {
    this.answered = head;
  }
  respondUnprocessed(head: ResponseHead): void {
    this.answered = head;
    this.unprocessed = true;
  }
  abort(failure: Failure): void {
    this.aborted = failure;
  }
  inform(): void {}
  write = (): boolean => true;
  end(): void {}
  paused = false;
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  get reason(): string | undefined {
    const { headers = [] } = this.answered ?? {};
    return headers[headers.indexOf(HEADERS.reason) + 1];
  }
}

async function open(handle: Parameters<typeof httpApp>[0], options: Partial<SideOptions> = {}) {
  const clock = new FakeClock();
  const side = createSide({ name: 'payment-v1', clock, ...options });
  const app = await httpApp(handle);
  closing.push(side, app);
  const serve = (exchange: Exchange): Exchange => {
    side.inbound.serveSelf(exchange, { address: '127.0.0.1', port: app.port });
    return exchange;
  };
  return { clock, side, serve };
}

test('a request that its caller forgot ends at its deadline: 504, counted once, the application hears of it', async () => {
  let gone = 0;
  let arrived = 0;
  const { clock, side, serve } = await open((request) => {
    arrived++;
    request.socket.once('close', () => gone++);
  });
  const exchange = serve(new Exchange(5_000));
  await until('the request', () => arrived === 1);
  await clock.advanceSettling(5_000, 1_000);
  expect(exchange.answered).toBeUndefined();
  clock.advance(100);
  expect([exchange.answered?.status, exchange.reason, exchange.unprocessed]).toEqual([504, 'request_timeout', false]);
  await until('the end at the application', () => gone === 1);
  expect(side.lines).toMatchObject([{ status: 504, reason: 'request_timeout', durationMs: 5_100 }]);
});

test('the deadline holds until the answer begins: what goes on after it is for the caller to end', async () => {
  const { clock, serve } = await open((_request, response) => void response.writeHead(200).write('a'));
  const exchange = serve(new Exchange(5_000));
  await until('the head', () => exchange.answered?.status === 200);
  await clock.advanceSettling(20_000, 5_000);
  expect(exchange.aborted).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test('rules that come while a request waits for its connection decide: nothing reaches the application', async () => {
  let connect: (() => void) | undefined;
  let arrived = 0;
  const { side, serve } = await open(
    (_request, response) => {
      arrived++;
      response.end();
    },
    {
      dial: (options) =>
        new Promise<Socket>((resolve) => {
          connect = () => void dial(options).then(resolve);
        }),
    },
  );
  const exchange = serve(new Exchange());
  const everyone = { from: [{ kind: 'anyone' as const }], to: [{}] };
  const authorization = {
    defaultAction: 'Allow' as const,
    rules: [{ name: 'closed', action: 'Deny' as const, ...everyone }],
  };
  side.store.commit(side.store.prepare('workload', workload({ workload: 'payment-v1', authorization })));
  connect?.();
  await until('the answer', () => exchange.answered !== undefined);
  expect([exchange.answered?.status, exchange.reason, exchange.unprocessed]).toEqual([403, 'unauthorized', false]);
  await settle();
  expect(arrived).toBe(0);
  expect(side.store.draining()).toBe(0);
});

test('an upgraded request is closed by rules that forbid its path, before they are reported; others stay', async () => {
  const { side } = await open((_request, response) => response.end());
  const app = await tcpApp((socket) => {
    socket.on('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n'),
    );
  });
  closing.push(app);
  const upgraded = (path: string): Exchange => {
    const exchange = new Exchange(undefined, {
      method: 'GET',
      path,
      target: path,
      upgrade: 'chat',
      headers: ['host', 'a'],
    });
    side.inbound.serveSelf(exchange, { address: '127.0.0.1', port: app.port });
    return exchange;
  };
  const [kept, forbidden] = [upgraded('/open'), upgraded('/closed')];
  await until('both upgrades', () => kept.answered?.status === 101 && forbidden.answered?.status === 101);
  const closed = { paths: [{ type: 'Exact' as const, value: '/closed' }] };
  const rules = [{ name: 'closed', action: 'Deny' as const, from: [{ kind: 'anyone' as const }], to: [closed] }];
  const authorization = { defaultAction: 'Allow' as const, rules };
  side.store.commit(side.store.prepare('workload', workload({ workload: 'payment-v1', authorization })));
  expect([kept.aborted, forbidden.aborted?.reason]).toEqual([undefined, 'unauthorized']);
  expect([side.store.draining(), side.inbound.connections]).toEqual([1, 1]);
});

test.each([
  ['a request with a body', { framing: 'chunked' as const }],
  ['an upgrade', { method: 'GET', upgrade: 'chat' }],
  ['CONNECT', { method: 'CONNECT', form: 'authority' as const, target: 'a:1', path: '' }],
])(
  '%s is not read while its connection to the application is made: nobody fills the memory of this proxy',
  async (_name, head) => {
    let connect: (() => void) | undefined;
    const { serve } = await open((_request, response) => response.end(), {
      dial: (options) =>
        new Promise<Socket>((resolve) => {
          connect = () => void dial(options).then(resolve);
        }),
    });
    const exchange = serve(new Exchange(undefined, head));
    expect(exchange.paused).toBe(true);
    connect?.();
    await until('the connection', () => !exchange.paused);
  },
);
