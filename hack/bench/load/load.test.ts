import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { h2loadCommand, parseH2load } from './h2load.ts';
import { openLoop } from './open-loop.ts';
import { ResponseReader } from './response-reader.ts';
import { Schedule } from './schedule.ts';
import { answerTo } from './static-backend.ts';
import { parseWrk, wrkCommand } from './wrk.ts';

describe('schedule', () => {
  test('a request is due at its instant, however late it is noticed or sent', () => {
    const schedule = new Schedule(1_000, 100, 4);
    const late: number[] = [];
    schedule.notice(999, (ms) => late.push(ms));
    expect(schedule.take()).toBeUndefined();
    schedule.notice(1_025, (ms) => late.push(ms));
    expect(late).toEqual([25, 15, 5]);
    expect(schedule.take()).toBe(1_000);
    schedule.notice(9_999, () => {});
    expect([schedule.take(), schedule.take(), schedule.take(), schedule.take()]).toEqual([
      1_010,
      1_020,
      1_030,
      undefined,
    ]);
    expect(schedule.allSent).toBe(true);
  });
});

describe('response reader', () => {
  const answers = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 N\r\ncontent-length:0\r\n\r\n';

  test('reads answers cut at every byte', () => {
    for (let cut = 0; cut <= answers.length; cut++) {
      const seen: number[] = [];
      const reader = new ResponseReader((status) => seen.push(status));
      reader.push(Buffer.from(answers.slice(0, cut)));
      reader.push(Buffer.from(answers.slice(cut)));
      expect(seen).toEqual([200, 404]);
    }
  });

  test('refuses what it cannot measure', () => {
    const reader = new ResponseReader(() => {});
    expect(() => reader.push(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'))).toThrow(
      'not an answer',
    );
  });
});

describe('open loop', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  test('a server that stands still for a while pays for every request of that while', async () => {
    const stall = 150;
    let first = true;
    let stoodStillMs = 0;
    const answer = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        if (!first) {
          socket.write(answer);
          return;
        }
        first = false;
        const since = performance.now();
        setTimeout(() => {
          stoodStillMs = performance.now() - since;
          socket.write(answer);
        }, stall);
      });
    });
    const port = await new Promise<number>((resolve) => {
      server?.listen(0, '127.0.0.1', () => {
        const address = server?.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const options = {
      address: '127.0.0.1',
      port,
      host: 'x',
      connections: 1,
      rate: 200,
      seconds: 0.5,
      warmUpSeconds: 0,
    };
    const result = await openLoop(options);
    expect(result.errors).toBe(0);
    expect(result.requests).toBe(100);
    // 30 of 100 requests fell due while the only connection waited: a closed loop would have seen a single slow one.
    // Measured, not `stall`: a timer counts whole milliseconds and so may end a little early by the finer clock.
    expect(result.largest).toBeGreaterThanOrEqual(Math.floor(stoodStillMs * 1_000));
    expect(stoodStillMs).toBeGreaterThan(stall - 2);
    expect(result.p50).toBeLessThan(result.largest);
    // The tenth to have waited was due 50 ms after the first.
    expect(result.p99).toBeGreaterThan(100_000);
  });
});

describe('generators of others', () => {
  test('wrk', () => {
    const command = wrkCommand({
      program: 'wrk',
      script: 's.lua',
      connections: 16,
      seconds: 2,
      host: 'h',
      url: 'http://u/',
    });
    expect(command).toEqual(['wrk', '-t1', '-c16', '-d2s', '-s', 's.lua', '-H', 'Host: h', 'http://u/']);
    const line = 'RESULT {"requests":900,"microseconds":2000000,"errors":3,"p50":120,"p99":900}';
    expect(parseWrk(`Running\n${line}\n`)).toEqual({ requests: 900, seconds: 2, errors: 3, p50: 120, p99: 900 });
    expect(() => parseWrk('unable to connect')).toThrow('unable to connect');
  });

  test('h2load', () => {
    const output = [
      'finished in 2.00s, 6000.00 req/s, 1MB/s',
      'requests: 12010 total, 12210 started, 12010 done, 12000 succeeded, 10 failed, 4 errored, 1 timeout',
    ].join('\n');
    expect(parseH2load(output)).toEqual({ requests: 12_000, errors: 15, seconds: 2 });
    expect(() => parseH2load('bad option')).toThrow('bad option');
    const options = { program: 'h2load', connections: 8, streams: 25, seconds: 2, body: 'b', authority: 'a', url: 'u' };
    expect(h2loadCommand(options).join(' ')).toContain('-c 8 -m 25 -D 2 -d b');
  });
});

test('the fallback backend says what it saw', () => {
  const head = 'GET /x/check HTTP/1.1\r\nHost: h\r\nX-Heddle-Peer: p\r\nTraceParent: t';
  expect(answerTo(head, 'b')).toBe('backend=b\npeer=p\ntraceparent=t\nhost=h\ntarget=/x/check');
  expect(answerTo('GET / HTTP/1.1\r\nHost: h', 'a')).toBe('a'.repeat(200));
});
