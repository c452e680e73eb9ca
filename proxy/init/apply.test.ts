import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../base/log.ts';
import { applyRules } from './apply.ts';
import type { Ipv6State } from './ipv6-state.ts';
import { ipv6State } from './ipv6-state.ts';
import type { Run, RunResult } from './run.ts';
import { OPTIONS } from './testing/options.ts';

const MISSING: RunResult = { kind: 'missing' };
const DONE: RunResult = { kind: 'ended', code: 0, stdout: '', stderr: '' };
const failed = (stderr: string): RunResult => ({ kind: 'ended', code: 1, stdout: '', stderr });
const DENIED = failed(
  'iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)',
);
const NO_TABLE = failed(
  "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)",
);
const NO_NFT = failed('iptables: Failed to initialize nft: Protocol not supported');

/** Plays the programs: the first entry whose name begins the program decides. */
function scripted(results: Record<string, RunResult>, ipv6: Ipv6State = 'routed') {
  const ran: string[] = [];
  const run: Run = async (program, args, input) => {
    ran.push(`${program} ${args.join(' ')}`);
    if (program.endsWith('-restore')) expect(input).toMatch(/^\*nat\n(?:.*\n)*COMMIT\n$/);
    const name = Object.keys(results).find((prefix) => program.startsWith(prefix));
    return (name === undefined ? undefined : results[name]) ?? DONE;
  };
  return { ran, apply: () => applyRules(OPTIONS, { run, log: silentLog, ipv6: () => ipv6 }) };
}

test('nft, one transaction a family', async () => {
  const { ran, apply } = scripted({});
  expect(await apply()).toEqual({ ipv6: true });
  expect(ran).toEqual([
    'iptables-nft-save -t nat',
    'iptables-nft-restore --noflush -w 5',
    'ip6tables-nft-save -t nat',
    'ip6tables-nft-restore --noflush -w 5',
  ]);
});

test('legacy where nft does not work, then the plain name', async () => {
  const legacy = scripted({ 'iptables-nft': NO_NFT, 'ip6tables-nft-restore': NO_NFT });
  expect(await legacy.apply()).toEqual({ ipv6: true });
  expect(legacy.ran).toContain('iptables-legacy-restore --noflush -w 5');
  expect(legacy.ran).toContain('ip6tables-legacy-restore --noflush -w 5');
  const plain = scripted({ 'iptables-nft': MISSING, 'iptables-legacy': MISSING });
  expect(await plain.apply()).toEqual({ ipv6: true });
  expect(plain.ran).toContain('iptables-restore --noflush -w 5');
});

describe('errors say what to do', () => {
  test.each([
    ['init_missing', { iptables: MISSING }, /not in this image/],
    ['init_permission', { 'iptables-nft': DENIED, iptables: MISSING }, /NET_ADMIN/],
    [
      'init_kernel',
      { 'iptables-nft': NO_NFT, 'iptables-legacy': NO_TABLE, iptables: MISSING },
      /modprobe .*iptable_nat.*Table does not exist/s,
    ],
    ['init_other', { iptables: failed('line 7 failed') }, /refused.*line 7 failed/s],
  ])('%s', async (code, results, text) => {
    await expect(scripted(results).apply()).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
  });
});

describe('IPv6 may be missing only where no traffic can pass by', () => {
  test.each<[Ipv6State, RunResult, boolean]>([
    ['none', NO_TABLE, true],
    ['none', DENIED, true],
    ['local', NO_TABLE, true],
    ['local', MISSING, true],
    ['local', DENIED, false],
    ['local', failed('line 7 failed'), false],
    ['routed', NO_TABLE, false],
    ['routed', MISSING, false],
  ])('state %s, %j: tolerated %s', async (state, result, tolerated) => {
    const { apply } = scripted({ ip6tables: result }, state);
    if (tolerated) expect(await apply()).toEqual({ ipv6: false });
    else await expect(apply()).rejects.toMatchObject({ where: { family: 'ipv6' } });
  });

  test('what /proc/net/if_inet6 says', () => {
    const lo = '00000000000000000000000000000001 01 80 10 80       lo\n';
    const link = 'fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n';
    const unique = 'fd000000000000000000000000000002 04 40 00 82     eth0\n';
    expect(ipv6State(undefined)).toBe('none');
    expect(ipv6State('')).toBe('local');
    expect(ipv6State(lo + link)).toBe('local');
    expect(ipv6State(lo + link + unique)).toBe('routed');
  });
});
