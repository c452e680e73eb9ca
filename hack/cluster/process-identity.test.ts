import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { identify, isRunning, parseIdentity, parseStat, type ReadProc } from './process-identity.ts';

const STAT = '42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 18446744073709551615';

test('start time and state are counted after the last parenthesis of the command', () => {
  expect(parseStat(STAT)).toEqual({ state: 'S', startTicks: '987654' });
  expect(parseStat('42 (short) S 1')).toBeUndefined();
  expect(parseStat('')).toBeUndefined();
});

test('an id used again, or a machine started again, is another process; a zombie is none', () => {
  const recorded = { pid: 42, startTicks: '987654', boot: 'boot-1' };
  expect(isRunning(recorded, machine(STAT, 'boot-1'))).toBe(true);
  expect(isRunning(recorded, machine(STAT.replace('987654', '999999'), 'boot-1'))).toBe(false);
  expect(isRunning(recorded, machine(STAT, 'boot-2'))).toBe(false);
  expect(isRunning(recorded, machine(STAT.replace(') S', ') Z'), 'boot-1'))).toBe(false);
  expect(isRunning({ ...recorded, pid: 43 }, machine(STAT, 'boot-1'))).toBe(false);
});

test('a real process is running until it has ended', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const identity = identify(child.pid ?? 0);
  expect(identity && isRunning(identity)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(identity && isRunning(identity)).toBe(false);
});

test.each([
  '',
  '{}',
  'null',
  '[]',
  '{"pid":1,"startTicks":"1","boot":"b"}',
  '{"pid":-5,"startTicks":"1","boot":"b"}',
  '{"pid":"7","startTicks":"1","boot":"b"}',
  '{"pid":7,"startTicks":1,"boot":"b"}',
])('a record that reads %p is refused', (text) => {
  expect(parseIdentity(text)).toBeUndefined();
});

test('what was written is read back', () => {
  const identity = { pid: 7, startTicks: '12', boot: 'b' };
  expect(parseIdentity(JSON.stringify(identity))).toEqual(identity);
});

function machine(stat: string, boot: string): ReadProc {
  return (path) => {
    if (path === '/proc/42/stat') return stat;
    if (path === '/proc/sys/kernel/random/boot_id') return `${boot}\n`;
    throw new Error(`ENOENT ${path}`);
  };
}
