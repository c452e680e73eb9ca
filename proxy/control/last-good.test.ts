import { describe, expect, test } from '@jest/globals';
import { createLog, silentLog } from '../base/log.ts';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { WORKLOAD_KEY } from '../contract/snapshot.ts';
import { service, workload } from '../contract/testing/configurations.ts';
import { memoryStateFiles, type StateFiles } from '../identity/identity.ts';
import { createLastGood } from './last-good.ts';

describe('last good', () => {
  test('damaged files are ignored with a line, the others are read', async () => {
    const files = memoryStateFiles();
    const clock = new FakeClock();
    const lastGood = createLastGood({ files, clock, log: silentLog });
    for (const name of ['a', 'b', 'c', 'd'])
      lastGood.put({ key: `service/shop/${name}`, version: 'v', content: { ...service, name } });
    expect(files.list()).toEqual([]);
    clock.advance(300);
    const names = files.list();
    expect(names).toHaveLength(4);
    files.write(names[0]!, '{"key":"serv');
    files.write(names[1]!, files.read(names[2]!)!);
    files.write(names[3]!, files.read(names[3]!)!.replace('"Errors"', '"Loud"'));
    const lines: string[] = [];
    const log = createLog({ level: 'info', write: (line) => void lines.push(line), wall: () => 0 });
    const again = createLastGood({ files, clock, log });
    expect(again.size).toBe(1);
    expect(again.get('service/shop/c')?.content).toEqual({ ...service, name: 'c' });
    expect(lines).toHaveLength(3);
    expect(lines.join()).toContain('accessLog: must be one of Off, Errors, All');
  });

  test('keeps the keys used last, bounded', () => {
    const files = memoryStateFiles();
    const clock = new FakeClock();
    const lastGood = createLastGood({ files, clock, log: silentLog, maxKeys: 3 });
    const put = (name: string): void =>
      lastGood.put({ key: `service/shop/${name}`, version: 'v', content: { ...service, name } });
    for (const name of ['a', 'b', 'c']) put(name);
    lastGood.flush();
    lastGood.get('service/shop/a');
    put('d');
    clock.advance(1_000);
    expect(lastGood.get('service/shop/b')).toBeUndefined();
    expect(['a', 'c', 'd'].every((name) => lastGood.get(`service/shop/${name}`) !== undefined)).toBe(true);
    expect(files.list()).toHaveLength(3);
  });

  test('what was acknowledged is what comes back, whenever the process dies', () => {
    const files = memoryStateFiles();
    const clock = new FakeClock();
    const open = () => createLastGood({ files, clock, log: silentLog });
    const strict = { ...workload, mtls: { mode: 'Strict' as const, ports: [] } };
    const lastGood = open();
    lastGood.put({ key: WORKLOAD_KEY, version: '1', content: workload });
    lastGood.put({ key: 'service/shop/a', version: '1', content: { ...service, name: 'a' } });
    lastGood.flush();
    lastGood.put({ key: WORKLOAD_KEY, version: '2', content: strict });
    lastGood.put({ key: 'service/shop/a', version: '2', content: { ...service, name: 'a' } });
    // Dies here: nothing that waited is written.
    const again = open();
    expect(again.get(WORKLOAD_KEY)).toMatchObject({ version: '2', content: { mtls: { mode: 'Strict' } } });
    expect(again.get('service/shop/a')).toBeUndefined();
    clock.advance(300);
    expect(open().get('service/shop/a')).toMatchObject({ version: '2' });
  });

  test('a full volume keeps nothing rather than the older rules', () => {
    const files = memoryStateFiles();
    const clock = new FakeClock();
    let full = false;
    const volume: StateFiles = {
      ...files,
      write(name, content) {
        if (full) throw new Error('ENOSPC');
        files.write(name, content);
      },
    };
    const lastGood = createLastGood({ files: volume, clock, log: silentLog });
    for (const key of [WORKLOAD_KEY, 'service/shop/a']) {
      lastGood.put({ key, version: '1', content: key === WORKLOAD_KEY ? workload : { ...service, name: 'a' } });
    }
    lastGood.flush();
    full = true;
    lastGood.put({ key: WORKLOAD_KEY, version: '2', content: workload });
    lastGood.put({ key: 'service/shop/a', version: '2', content: { ...service, name: 'a' } });
    clock.advance(1_000);
    expect(files.list()).toEqual([]);
  });

  test('the own rules are never the key that goes', () => {
    const files = memoryStateFiles();
    const lastGood = createLastGood({ files, clock: new FakeClock(), log: silentLog, maxKeys: 2 });
    lastGood.put({ key: WORKLOAD_KEY, version: '1', content: workload });
    for (const name of ['a', 'b', 'c', 'd'])
      lastGood.put({ key: `service/shop/${name}`, version: '1', content: { ...service, name } });
    lastGood.flush();
    expect(lastGood.get(WORKLOAD_KEY)).toBeDefined();
    expect(files.list()).toHaveLength(2);
  });

  test('a full volume is said once and harms nothing', () => {
    const files = memoryStateFiles();
    const full: StateFiles = {
      ...files,
      write: () => {
        throw new Error('ENOSPC');
      },
    };
    const lines: string[] = [];
    const log = createLog({ level: 'info', write: (line) => void lines.push(line), wall: () => 0 });
    const lastGood = createLastGood({ files: full, clock: new FakeClock(), log });
    for (const name of ['a', 'b', 'c'])
      lastGood.put({ key: `service/shop/${name}`, version: 'v', content: { ...service, name } });
    lastGood.flush();
    expect(lines).toHaveLength(1);
  });
});
