import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { type Family, restoreText } from './rules.ts';
import { OPTIONS } from './testing/options.ts';

const golden = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`testdata/${name}.rules`, import.meta.url)), 'utf8');
const plain = { ...OPTIONS, excludeInboundPorts: [], excludeOutboundPorts: [], excludeOutboundCidrs: [] };

test.each([
  ['plain-ipv4', 'ipv4', plain],
  ['plain-ipv6', 'ipv6', plain],
  ['excluded-ipv4', 'ipv4', OPTIONS],
  ['excluded-ipv6', 'ipv6', OPTIONS],
] as const)('%s.rules', (name, family, options) => {
  expect(restoreText(family, options, '')).toBe(golden(name));
});

test('without a group the user alone is exempt', () => {
  const { proxyGid: _, ...options } = plain;
  expect(restoreText('ipv4', options, '')).toBe(golden('plain-ipv4').replace(' --gid-owner 7358', ''));
});

test('repeated exclusions give one rule', () => {
  const options = { ...OPTIONS, excludeInboundPorts: [2222, 2222, 19_804], excludeOutboundPorts: [5432, 5432] };
  expect(restoreText('ipv4', options, '')).toBe(golden('excluded-ipv4'));
});

test.each<Family>(['ipv4', 'ipv6'])(
  '%s: jumps that are there already are taken out first; foreign rules are not touched',
  (family) => {
    const present = [
      '*nat',
      ':OUTPUT ACCEPT [0:0]',
      '-A PREROUTING -p tcp -j HEDDLE_INBOUND',
      '-A OUTPUT -p tcp -j HEDDLE_OUTPUT',
      '-A OUTPUT -p tcp -j HEDDLE_OUTPUT',
      '-A OUTPUT -p tcp -j ISTIO_OUTPUT',
      '-A HEDDLE_OUTPUT -p tcp -j REDIRECT --to-ports 19801',
      'COMMIT',
    ].join('\n');
    const lines = restoreText(family, plain, present).split('\n');
    expect(lines.filter((line) => line.startsWith('-D'))).toEqual([
      '-D PREROUTING -p tcp -j HEDDLE_INBOUND',
      '-D OUTPUT -p tcp -j HEDDLE_OUTPUT',
      '-D OUTPUT -p tcp -j HEDDLE_OUTPUT',
    ]);
    expect(lines.filter((line) => !line.startsWith('-D')).join('\n')).toBe(golden(`plain-${family}`));
  },
);
