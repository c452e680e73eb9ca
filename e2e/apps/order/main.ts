/**
 * The demo's front: takes orders, reserves stock, charges the customer. Business code only: plain HTTP to service
 * names, no TLS, no retry, no timeout. It passes `traceparent` on and names each charge by an Idempotency-Key.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import process from 'node:process';

interface Order {
  readonly id: string;
  readonly item: string;
  readonly amount: number;
}

const PAYMENT = process.env['PAYMENT_URL'] ?? 'http://payment-service/charge';
const INVENTORY = process.env['INVENTORY_URL'] ?? 'http://inventory-service/reserve';
const counts = { orders: 0, failed: 0, versions: {} as Record<string, number> };

async function post(url: string, body: unknown, headers: Record<string, string>): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function placeOrder(order: Order, trace: Record<string, string>): Promise<Record<string, unknown>> {
  await post(INVENTORY, { item: order.item, order: order.id }, trace);
  const charge = await post(
    PAYMENT,
    { order: order.id, amount: order.amount },
    { ...trace, 'idempotency-key': order.id },
  );
  const version = String(charge['version']);
  counts.orders += 1;
  counts.versions[version] = (counts.versions[version] ?? 0) + 1;
  return { order: order.id, charged: charge['charged'], version };
}

function traceOf(request: IncomingMessage): Record<string, string> {
  const traceparent = request.headers['traceparent'];
  return typeof traceparent === 'string' ? { traceparent } : {};
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

const server = createServer(async (request, response) => {
  try {
    if (request.url === '/healthz') return answer(response, 200, { ok: true });
    if (request.url === '/stats') return answer(response, 200, counts);
    if (request.method === 'POST' && request.url === '/orders') {
      const body = await readJson(request);
      const order = { id: randomUUID(), item: String(body['item'] ?? 'book'), amount: Number(body['amount'] ?? 10) };
      return answer(response, 201, await placeOrder(order, traceOf(request)));
    }
    answer(response, 404, { error: 'POST /orders' });
  } catch (error) {
    counts.failed += 1;
    answer(response, 502, { error: error instanceof Error ? error.message : String(error) });
  }
});

server.listen(3000);
process.on('SIGTERM', () => process.exit(0));
