import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeStaticConfiguration } from '../../../proxy/contract/decode.ts';
import { rulesFor } from '../world/network.ts';
import { envoyInbound, envoyOutbound } from './envoy.ts';
import type { CertificateFiles, Leaf } from './files.ts';
import { haproxyInbound, haproxyOutbound } from './haproxy.ts';
import { heddleInbound, heddleOutbound } from './heddle.ts';
import { proxyNodeOptions } from './heddle-image.ts';
import { nginxBackend, nginxOutbound } from './nginx.ts';

const leaf = (name: string): Leaf => ({ certificate: `/c/${name}.crt`, key: `/c/${name}.key`, both: `/c/${name}.pem` });
const certificates: CertificateFiles = {
  root: '/c/root.crt',
  client: leaf('client'),
  server: leaf('server'),
  impostor: leaf('impostor'),
  foreign: leaf('foreign'),
};

/** `UPDATE_GOLDEN=1` writes the files anew: read the difference before you commit it. */
const GOLDEN: readonly (readonly [string, string])[] = [
  ['haproxy-outbound.cfg', haproxyOutbound(certificates)],
  ['haproxy-inbound.cfg', haproxyInbound(certificates)],
  ['nginx-outbound.conf', nginxOutbound('/f')],
  ['nginx-backend.conf', nginxBackend('/f')],
  ['envoy-h1-outbound.json', envoyOutbound(certificates, 'h1')],
  ['envoy-h2-outbound.json', envoyOutbound(certificates, 'h2')],
  ['envoy-inbound.json', envoyInbound(certificates)],
  ['rules-heddle.rules', rulesFor('heddle')],
  ['rules-peer.rules', rulesFor('peer')],
];

test.each(GOLDEN)('%s is as recorded', (name, text) => {
  const file = join(import.meta.dirname, '..', 'testdata', name);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
});

describe('our own configuration', () => {
  test.each([
    ['outbound', heddleOutbound()],
    ['outbound with many destinations', heddleOutbound(300)],
    ['inbound', heddleInbound()],
  ])('%s is one that a proxy takes', (_name, configuration) => {
    expect(decodeStaticConfiguration(JSON.stringify(configuration))).toMatchObject({ ok: true });
  });

  test('destinations are apart from each other', () => {
    const { addresses, configurations } = heddleOutbound(600);
    const { addresses: few } = heddleOutbound();
    expect(Object.keys(addresses.entries).length - Object.keys(few.entries).length).toBe(600);
    const endpoints = Object.values(configurations)
      .flatMap((one) => (one.kind === 'service' && one.name.startsWith('idle-') ? one.ports : []))
      .flatMap((port) => port.endpoints.map((endpoint) => endpoint.address));
    expect(new Set(endpoints).size).toBe(3_000);
  });
});

describe('the options of Node in the image', () => {
  const file = (entry: string): string =>
    `FROM x AS node\nENTRYPOINT ["node", "--a", "/app/main.mjs"]\nFROM node AS operator\nENTRYPOINT ["node", "--b", "/app/main.mjs"]\nFROM node AS proxy\n${entry}`;

  test('are the stage’s own, or those it inherits', () => {
    expect(proxyNodeOptions(file('USER 7357'))).toEqual(['--a']);
    expect(proxyNodeOptions(file('ENTRYPOINT ["node", "--c", "--d", "/app/main.mjs"]'))).toEqual(['--c', '--d']);
  });

  test('are found in the real Dockerfile', () => {
    const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'Dockerfile'), 'utf8');
    expect(proxyNodeOptions(text).every((option) => option.startsWith('--'))).toBe(true);
  });

  test('an entry point of another form is an error', () => {
    expect(() => proxyNodeOptions(file('ENTRYPOINT ["sh", "-c", "node"]'))).toThrow('knows no more');
  });
});
