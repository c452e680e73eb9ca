/** An application in a process of its own, so that nobody else's work is in what its probes take: `node application.ts` prints its port. */
import { createServer } from 'node:net';
import process from 'node:process';

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok');
const END = Buffer.from('\r\n\r\n');

const server = createServer({ noDelay: true }, (socket) => {
  let held: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (piece: Buffer) => {
    held = held.length === 0 ? piece : Buffer.concat([held, piece]);
    const answers: Buffer[] = [];
    for (let at = held.indexOf(END); at !== -1; at = held.indexOf(END)) {
      answers.push(ANSWER);
      held = held.subarray(at + END.length);
    }
    if (answers.length > 0) socket.write(Buffer.concat(answers));
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
process.on('disconnect', () => process.exit(0));
