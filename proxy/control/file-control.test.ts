import { describe, expect, test } from '@jest/globals';
import { createLog, silentLog } from '../base/log.ts';
import { service, workload } from '../contract/testing/configurations.ts';
import { createFileControl } from './file-control.ts';
import { FakeStore } from './testing/fake-store.ts';

const PAYMENT = 'service/shop/payment';

describe('configuration from a file', () => {
  const whole = {
    addresses: { ranges: ['10.0.0.0/8'], entries: { '10.96.0.1': PAYMENT } },
    configurations: { workload, [PAYMENT]: service },
  };

  test('start, change, and a broken change that changes nothing', () => {
    const store = new FakeStore();
    const lines: string[] = [];
    const log = createLog({ level: 'info', write: (line) => void lines.push(line), wall: () => 0 });
    let text = JSON.stringify(whole);
    const control = createFileControl({ file: 'x.json', store, log, read: () => text });
    control.start();
    expect([...store.held.keys()]).toEqual(['workload', PAYMENT]);
    text = JSON.stringify({ ...whole, configurations: { workload } });
    control.reload();
    expect([...store.held.keys()]).toEqual(['workload']);
    for (const broken of ['{', JSON.stringify({ ...whole, configurations: { workload: service } })]) {
      text = broken;
      control.reload();
      expect([...store.held.keys()]).toEqual(['workload']);
      expect(lines.at(-1)).toContain('nothing changed');
    }
  });

  test('a file that cannot be read at start is an error that names it', () => {
    const control = createFileControl({ file: '/nowhere/x.json', store: new FakeStore(), log: silentLog });
    expect(() => control.start()).toThrow('cannot be read');
  });
});
