import { connect } from 'node:net';

/**
 * Program for tests: dials each `address port` pair given as arguments (`address/port`) and prints what each answered, or the
 * error code, as a JSON list.
 */
const TIMEOUT_MS = 3_000;

function answer(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: address, port, timeout: TIMEOUT_MS });
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      text += data;
    });
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    socket.on('timeout', () => {
      socket.destroy();
      resolve('timeout');
    });
    socket.on('close', () => resolve(text.trim()));
  });
}

const targets = process.argv.slice(2).map((target) => target.split('/'));
const answers = await Promise.all(targets.map(([address = '', port]) => answer(address, Number(port))));
process.stdout.write(`${JSON.stringify(answers)}\n`);
