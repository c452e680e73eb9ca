/**
 * The application when nginx is absent: `node static-backend.ts ADDRESS` answers on the backends' ports as `nginxBackend` does. One write a request,
 * no pipelining.
 */
import { createServer } from 'node:net';
import { HEADERS } from '../../../proxy/contract/headers.ts';
import { BACKENDS, BODY_BYTES, CHECK_PATH } from '../plan.ts';

const { a, b, plainA, plainB } = BACKENDS;
const NAMES: ReadonlyMap<number, string> = new Map([
  [a, 'a'],
  [b, 'b'],
  [plainA, 'a'],
  [plainB, 'b'],
]);

/** The answer to one request head. */
export function answerTo(head: string, backend: string): string {
  const target = head.slice(0, head.indexOf('\r\n')).split(' ')[1] ?? '';
  const field = (name: string): string => new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1] ?? '';
  const saw = [
    `backend=${backend}`,
    `peer=${field(HEADERS.peer)}`,
    `traceparent=${field(HEADERS.traceparent)}`,
    `host=${field('host')}`,
    `target=${target}`,
  ];
  return target.endsWith(CHECK_PATH) ? saw.join('\n') : backend.repeat(BODY_BYTES);
}

function serve(address: string, port: number, backend: string): void {
  const fixed = Buffer.from(response(backend.repeat(BODY_BYTES)));
  const server = createServer({ noDelay: true }, (socket) => {
    let pending = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1');
      const end = pending.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = pending.slice(0, end);
      pending = pending.slice(end + 4);
      socket.write(head.includes(CHECK_PATH) ? response(answerTo(head, backend)) : fixed);
      if (/\r\nconnection: *close/i.test(head)) socket.end();
    });
  });
  server.listen({ host: address, port, backlog: 4096 });
}

function response(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

if (import.meta.main) {
  for (const [port, backend] of NAMES) serve(process.argv[2] ?? '', port, backend);
}
