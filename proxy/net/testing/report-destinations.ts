import { listen } from '../net.ts';

/** Run inside a network namespace: prints each connection's original destination as a JSON line. Arguments: ports to listen on. */
for (const port of process.argv.slice(2)) {
  await listen({
    name: port,
    port: Number(port),
    onConnection(socket, original) {
      process.stdout.write(`${JSON.stringify({ listener: Number(port), ...original })}\n`);
      socket.resetAndDestroy();
    },
    onRefused: (why, error) => process.stdout.write(`${JSON.stringify({ refused: why, error: String(error) })}\n`),
  });
}
process.stdout.write('{"listening":true}\n');
