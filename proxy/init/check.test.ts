import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../base/log.ts';
import type { Arrival, Probe } from './arrival.ts';
import { checkRedirect, checkServiceAddress } from './check.ts';
import { OPTIONS } from './testing/options.ts';

function scripted(answer: (probe: Probe) => Arrival) {
  const dialled: string[] = [];
  const see = async (_family: string, port: number, probe: Probe) => {
    dialled.push(`${probe.address}:${probe.port} at ${port}`);
    return answer(probe);
  };
  return { dialled, dependencies: { see, log: silentLog, resolve: async (host: string) => [host] } };
}
const arrived = (address: string, port: number, redirected = true): Arrival => ({
  kind: 'arrived',
  original: { address, port, redirected },
});

describe('redirection', () => {
  test('both families are dialled, past what is excluded', async () => {
    const { dialled, dependencies } = scripted((probe) => arrived(probe.address, probe.port));
    const options = { ...OPTIONS, excludeOutboundPorts: [9], excludeOutboundCidrs: ['192.0.2.0/24', '2001:db8::/48'] };
    await checkRedirect(options, ['ipv4', 'ipv6'], dependencies);
    expect(dialled).toEqual(['198.51.100.1:80 at 19801', '2001:db8:ffff::1:80 at 19801']);
  });

  test('nothing to dial: everything excluded, or no route', async () => {
    const all = { ...OPTIONS, excludeOutboundCidrs: ['0.0.0.0/0', '::/0'] };
    const excluded = scripted((probe) => arrived(probe.address, probe.port));
    await checkRedirect(all, ['ipv4', 'ipv6'], excluded.dependencies);
    expect(excluded.dialled).toEqual([]);
    await checkRedirect(OPTIONS, ['ipv4'], scripted(() => ({ kind: 'no-route', code: 'ENETUNREACH' })).dependencies);
  });

  test.each<[string, Arrival, RegExp]>([
    ['nothing arrives', { kind: 'missed', detail: 'ECONNREFUSED' }, /did not arrive.*ECONNREFUSED/],
    ['another address arrives', arrived('10.0.0.1', 9), /10\.0\.0\.1:9/],
    ['it was not redirected', arrived('192.0.2.1', 9, false), /original destination/],
  ])('%s: refused', async (_name, arrival, text) => {
    const { dependencies } = scripted(() => arrival);
    await expect(checkRedirect(OPTIONS, ['ipv4'], dependencies)).rejects.toMatchObject({
      code: 'init_redirect',
      message: expect.stringMatching(text),
    });
  });
});

describe('the Service address', () => {
  const survives = (arrival: Arrival, change = {}) =>
    checkServiceAddress({ ...OPTIONS, ...change }, scripted(() => arrival).dependencies);
  test('survives, or is rewritten', async () => {
    expect(await survives(arrived('10.96.0.1', 443))).toBe(true);
    expect(await survives(arrived('10.0.0.7', 6443))).toBe(false);
    expect(await survives(arrived('10.96.0.1', 6443))).toBe(false);
    expect(await survives(arrived('fd00::1', 443), { selfCheckTarget: '[fd00:0:0::1]:443' })).toBe(true);
  });

  test('cannot be told: excluded, not arrived', async () => {
    expect(await survives(arrived('10.96.0.1', 443), { excludeOutboundPorts: [443] })).toBeUndefined();
    expect(await survives({ kind: 'missed', detail: 'x' })).toBeUndefined();
  });
});
