import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from './base/testing/wait.ts';
import { createLogOutput } from './log-output.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'heddle-log-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function open(name: string): { descriptor: number; read: () => string } {
  const file = join(directory, name);
  return { descriptor: openSync(file, 'w'), read: () => readFileSync(file, 'utf8') };
}

describe('log output', () => {
  test('lines arrive in order, over many turns', async () => {
    const { descriptor, read } = open('order');
    const output = createLogOutput(descriptor);
    let expected = '';
    for (let turn = 0; turn < 20; turn++) {
      for (let line = 0; line < 10; line++) {
        const text = `${turn} ${line} ${'x'.repeat(turn * 50)}\n`;
        expected += text;
        output.write(text);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('all lines', () => read() === expected);
    closeSync(descriptor);
  });

  test('flush writes what is pending before the process ends', () => {
    const { descriptor, read } = open('flush');
    const output = createLogOutput(descriptor);
    output.write('last words\n');
    output.flush();
    expect(read()).toBe('last words\n');
    output.flush();
    expect(read()).toBe('last words\n');
    closeSync(descriptor);
  });

  test('beyond 1 MiB lines are dropped, and the log says how many', () => {
    const { descriptor, read } = open('drop');
    const output = createLogOutput(descriptor);
    for (let line = 0; line < 3_000; line++) output.write(`${'x'.repeat(999)}\n`);
    output.flush();
    const lines = read().split('\n');
    expect(lines.filter((line) => line.startsWith('x'))).toHaveLength(1_048);
    expect(lines.at(-2)).toBe('{"level":"warn","message":"log lines dropped","dropped":1952}');
    closeSync(descriptor);
  });

  test('a reader that is gone harms nothing', async () => {
    const { descriptor } = open('gone');
    closeSync(descriptor);
    const output = createLogOutput(descriptor);
    output.write('nobody hears this\n');
    await new Promise((resolve) => setImmediate(resolve));
    output.write('nor this\n');
    output.flush();
  });
});
