import { spawn } from 'node:child_process';

/**
 * Captures TCP payload in the network namespace of a process (a pod's) while `during` runs, and returns all bytes seen
 * on its `eth0` as text. Needs tcpdump and root; watches nothing outside that namespace.
 */
export async function captureDuring(pid: number, during: () => Promise<void>): Promise<string> {
  const child = spawn(
    'nsenter',
    [`--net=/proc/${pid}/ns/net`, 'tcpdump', '-n', '-i', 'eth0', '-A', '-s', '0', '-U', '-l', 'tcp'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let seen = '';
  let said = '';
  const listening = new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('listening on')) resolve();
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`tcpdump ended with ${code}: ${said}`)));
  });
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    seen += text;
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await listening;
  try {
    await during();
  } finally {
    child.kill('SIGINT');
  }
  await ended;
  return seen;
}
