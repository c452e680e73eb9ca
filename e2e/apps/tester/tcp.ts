import { createServer } from 'node:net';

/** Echoes until the peer ends, then ends too: shows half-close. */
export function startTcpEcho(port: number): void {
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(port, '::');
}

/** Speaks first (as SMTP and MySQL do), then echoes. */
export function startTcpGreeting(port: number, greeting: string): void {
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(greeting);
    socket.pipe(socket);
  }).listen(port, '::');
}
