import { createServer } from 'node:net';
import { originalDestination } from '../../net/net.ts';

/**
 * Program for tests: listens on the ports given as arguments (both families), answers each connection with one line
 * `<port> <original destination>` and ends it. Prints `ready` once it listens on all.
 */
const ports = process.argv.slice(2).map(Number);
let listening = 0;
for (const port of ports) {
  createServer((socket) => {
    socket.on('error', () => {});
    const original = originalDestination(socket);
    socket.end(`${port} ${original.address} ${original.port}\n`);
  }).listen({ host: '::', port }, () => {
    if (++listening === ports.length) process.stdout.write('ready\n');
  });
}
