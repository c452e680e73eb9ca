import { expect, test } from '@jest/globals';
import { isExcluded, parseOptions, splitTarget } from './options.ts';
import { OPTIONS } from './testing/options.ts';

const parse = (change: Record<string, unknown>) => parseOptions(JSON.stringify({ ...OPTIONS, ...change }));

test('what the injector writes is read back', () => {
  expect(parseOptions(JSON.stringify(OPTIONS))).toEqual(OPTIONS);
  expect(parse({ selfCheckTarget: '[fd00::1]:443' }).selfCheckTarget).toBe('[fd00::1]:443');
});

test.each([
  [{ proxyUid: 0 }, 'proxyUid'],
  [{ proxyUid: '7357' }, 'proxyUid'],
  [{ proxyGid: 0 }, 'proxyGid'],
  [{ proxyGid: '7358' }, 'proxyGid'],
  [{ outboundPort: 65_536 }, 'outboundPort'],
  [{ inboundPort: 19_801 }, 'inboundPort'],
  [{ excludeInboundPorts: [22, 0] }, 'excludeInboundPorts'],
  [{ excludeOutboundPorts: '22' }, 'excludeOutboundPorts'],
  [{ excludeOutboundCidrs: ['10.0.0.0'] }, 'excludeOutboundCidrs'],
  [{ excludeOutboundCidrs: ['10.0.0.0/33'] }, 'excludeOutboundCidrs'],
  [{ excludeOutboundCidrs: ['fe80::1%eth0/64'] }, 'excludeOutboundCidrs'],
  [{ excludeOutboundCidrs: ['10.0.0.0/8 -j ACCEPT'] }, 'excludeOutboundCidrs'],
  [{ excludeOutboundCidrs: ['10.0.0.0/8\n-F'] }, 'excludeOutboundCidrs'],
  [{ excludeOutboundCidrs: undefined }, 'excludeOutboundCidrs'],
  [{ selfCheckTarget: 'kubernetes' }, 'selfCheckTarget'],
  [{ selfCheckTarget: 'fd00::1:443' }, 'selfCheckTarget'],
  [{ selfCheckTarget: 443 }, 'selfCheckTarget'],
  [{ excludeOutboundPort: [1] }, 'excludeOutboundPort'],
])('%j is refused, naming %s', (change, option) => {
  expect(() => parse(change)).toThrow(`option ${option} `);
});

test.each([undefined, '', '{', '[]', 'null', '7'])('argument %j is refused', (argument) => {
  expect(() => parseOptions(argument)).toThrow(/heddle-init/);
});

test('splitTarget', () => {
  expect(splitTarget('10.96.0.1:443')).toEqual({ host: '10.96.0.1', port: 443 });
  expect(splitTarget('kubernetes.default:6443')).toEqual({ host: 'kubernetes.default', port: 6443 });
  expect(splitTarget('[fd00::1]:443')).toEqual({ host: 'fd00::1', port: 443 });
});

test('isExcluded', () => {
  expect(isExcluded(OPTIONS, '10.9.1.1', 80)).toBe(true);
  expect(isExcluded(OPTIONS, '10.8.1.1', 80)).toBe(false);
  expect(isExcluded(OPTIONS, 'fd99::1', 80)).toBe(true);
  expect(isExcluded(OPTIONS, 'fd98::1', 80)).toBe(false);
  expect(isExcluded(OPTIONS, '10.8.1.1', 5432)).toBe(true);
});
