import { spawn } from 'node:child_process';

/**
 * Captures TCP payload in the network namespace of a process (a pod's) while `during` runs, and returns all bytes seen
 * on its `eth0` as text. Needs tcpdump and root; watches nothing outside that namespace.
 */
export async function captureDuring(pid: number, during: () => Promise<void>): Promise<string> {
  const child = spawn(
    'nsenter',
    [
      `--net=/proc/${pid}/ns/net`,
      'tcpdump',
      '--immediate-mode',
      '-n',
      '-i',
      'eth0',
      '-A',
      '-s',
      '0',
      '-U',
      '-l',
      'tcp',
    ],
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
    await quiet(() => seen.length);
  } finally {
    child.kill('SIGINT');
  }
  await ended;
  return seen;
}

const QUIET_MS = 300;
const LONGEST_MS = 5_000;

/** Until the number stands still: what was captured reaches the pipe a moment after the packets. */
async function quiet(size: () => number): Promise<void> {
  const end = performance.now() + LONGEST_MS;
  let last = -1;
  let since = performance.now();
  while (performance.now() < end && performance.now() - since < QUIET_MS) {
    if (size() !== last) {
      last = size();
      since = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
