/** Stock of the demo shop: `POST /reserve {item, order}`. Plain HTTP, nothing else. */
import { createServer } from 'node:http';
import process from 'node:process';

let reserved = 0;

const server = createServer(async (request, response) => {
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (request.url === '/healthz') return answer(200, { ok: true });
  if (request.url === '/stats') return answer(200, { reserved });
  let text = '';
  for await (const chunk of request) text += String(chunk);
  if (request.method === 'POST' && request.url === '/reserve') {
    const { item } = JSON.parse(text) as { item?: string };
    if (item === 'unicorn') return answer(409, { error: 'out of stock' });
    reserved += 1;
    return answer(200, { reserved: true });
  }
  answer(404, { error: 'POST /reserve' });
});

server.listen(3000);
process.on('SIGTERM', () => process.exit(0));
