import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { doubt } from './attempt.ts';
import { listensOn } from './copies.ts';
import { descendants, parseCore, parseSmapsRollup, parseStat, parseVoluntarySwitches, usageOf } from './proc.ts';

describe('/proc', () => {
  test('stat: a name with spaces and parentheses does not shift the fields', () => {
    const rest = 'S 42 7 7 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0 5 6 7';
    expect(parseStat(`7 (a) b (c) ${rest}`)).toEqual({ cpuUs: (11 + 22 + 33 + 44) * 10_000, parent: 42 });
    expect(() => parseStat('7 (short) S 1')).toThrow('field 14');
  });

  test('switches, memory and cores', () => {
    expect(parseVoluntarySwitches('Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t99\n')).toBe(
      12,
    );
    expect(() => parseVoluntarySwitches('nonvoluntary_ctxt_switches:\t99\n')).toThrow();
    const rollup =
      'Rss:      100 kB\nPss:       40 kB\nPss_Dirty: 1 kB\nPrivate_Clean:   3 kB\nPrivate_Dirty:   4 kB\n';
    expect(parseSmapsRollup(rollup)).toEqual({ resident: 102_400, private: 7_168, proportional: 40_960 });
    const stat =
      'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 100 50 4 5 6 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\ncpu10 0 0 0 0 0 0 0 0 0 0\n';
    expect(parseCore(stat, 0)).toEqual({ busyUs: 21 * 10_000, idleUs: 150 * 10_000 });
    expect(() => parseCore(stat, 2)).toThrow('no core 2');
  });

  test('a process tree', () => {
    const parents = new Map([
      [2, 1],
      [3, 2],
      [4, 1],
      [9, 8],
    ]);
    expect([...descendants(1, parents)].sort()).toEqual([1, 2, 3, 4]);
  });

  test('this very process: CPU only grows, and by what it burns', () => {
    const before = usageOf([process.pid]);
    const until = performance.now() + 60;
    while (performance.now() < until);
    spawnSync('true');
    const after = usageOf([process.pid]);
    expect(after.cpuUs - before.cpuUs).toBeGreaterThanOrEqual(10_000);
    expect(after.voluntarySwitches).toBeGreaterThanOrEqual(before.voluntarySwitches);
    expect(() => usageOf([2 ** 22 + 1])).toThrow('ENOENT');
  });

  test('a listening port, not a connected one', () => {
    const table = [
      '  sl  local_address rem_address   st',
      '   0: 00000000:4D59 00000000:0000 0A 00000000',
      '   1: 0100007F:4D5A 0100007F:A000 01 00000000',
    ].join('\n');
    expect(listensOn(table, 19801)).toBe(true);
    expect(listensOn(table, 19802)).toBe(false);
  });
});

describe('what is not taken', () => {
  const calm = { proxyCore: 0.01, loadCore: 0.02 };
  test.each([
    ['nothing done', { requests: 0, errors: 0 }, calm, false, 'no request completed'],
    ['errors', { requests: 90, errors: 10 }, calm, true, '10 of 100 requests failed'],
    ['a busy proxy core', { requests: 9, errors: 0 }, { ...calm, proxyCore: 0.25 }, false, "25 % of the proxies' core"],
    ['a busy load core', { requests: 9, errors: 0 }, { ...calm, loadCore: 0.5 }, false, '50 % of the load core'],
    ['a late generator', { requests: 9, errors: 0, doubt: 'late' }, calm, true, 'late'],
  ])('%s', (_name, outcome, foreign, busy, says) => {
    expect(doubt(outcome, foreign, busy)).toContain(says);
  });

  test('a busy machine is borne when told so', () => {
    expect(doubt({ requests: 9, errors: 0 }, { proxyCore: 0.9, loadCore: 0.9 }, true)).toBeUndefined();
    expect(doubt({ requests: 9, errors: 0 }, calm, false)).toBeUndefined();
  });
});
