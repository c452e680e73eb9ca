import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createSigner, LIVES, makeIssuer, makeRoot, makeSlot } from './authority.ts';
import { generateKeys } from './certificate.ts';
import { decodeSlots, encodeSlots, type Slots } from './slots.ts';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);
const ID = 'spiffe://cluster.local/ns/shop/sa/order';

async function leafOf(slots: Slots, now = NOW, lifeMs: number = LIVES.leaf) {
  const keys = await generateKeys();
  const publicKey = Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey));
  const signer = await createSigner(slots.current);
  const leaf = await signer.sign({ spiffeId: ID, publicKey, usages: 'client-and-server' }, now, lifeMs);
  return { leaf, publicKey, certificate: new X509Certificate(leaf.chain) };
}

describe('authority', () => {
  test('a leaf says exactly what it must', async () => {
    const slots = { current: await makeSlot(NOW) };
    const { leaf, certificate, publicKey } = await leafOf(slots);
    expect(certificate.subjectAltName).toBe(`URI:${ID}`);
    expect(certificate.subject).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(certificate.validFromDate.getTime()).toBe(NOW - 2 * 60_000);
    expect(certificate.validToDate.getTime()).toBe(NOW + LIVES.leaf);
    expect(leaf.notAfter).toBe(NOW + LIVES.leaf);
    expect(certificate.publicKey.equals(createPublicKey({ key: publicKey, format: 'der', type: 'spki' }))).toBe(true);
    expect(leaf.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  test('openssl agrees on the chain for both purposes, strictly', async () => {
    const now = Date.now();
    const slots = { current: await makeSlot(now) };
    const { leaf } = await leafOf(slots, now);
    const directory = mkdtempSync(join(tmpdir(), 'heddle-ca-'));
    try {
      writeFileSync(join(directory, 'root.pem'), slots.current.root.certificatePem);
      writeFileSync(join(directory, 'chain.pem'), leaf.chain);
      for (const purpose of ['sslclient', 'sslserver']) {
        const options = [
          'verify',
          '-x509_strict',
          '-purpose',
          purpose,
          '-CAfile',
          'root.pem',
          '-untrusted',
          'chain.pem',
          'chain.pem',
        ];
        expect(execFileSync('openssl', options, { cwd: directory }).toString()).toContain('OK');
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('a leaf never outlives its issuer, an issuer never its root', async () => {
    const slots = { current: await makeSlot(NOW) };
    const late = NOW + LIVES.issuer - 3_600_000;
    expect((await leafOf(slots, late)).leaf.notAfter).toBe(slots.current.issuer.notAfter);
    const root = await makeRoot(NOW);
    const issuer = await makeIssuer(root, NOW + LIVES.root - 86_400_000);
    expect(issuer.notAfter).toBe(root.notAfter);
  });

  test('serial numbers differ', async () => {
    const slots = { current: await makeSlot(NOW) };
    const serials = await Promise.all(
      Array.from({ length: 20 }, async () => (await leafOf(slots)).certificate.serialNumber),
    );
    expect(new Set(serials).size).toBe(20);
  });
});

describe('slots in a Secret', () => {
  test('what is written is read again', async () => {
    const current = await makeSlot(NOW);
    const next = { root: await makeRoot(NOW), introducedAt: NOW };
    const previous = { rootPem: (await makeRoot(NOW)).certificatePem, retiredAt: NOW - 1_000 };
    for (const slots of [{ current }, { current, next }, { current, previous }]) {
      expect(decodeSlots(encodeSlots(slots))).toEqual(slots);
    }
  });

  test('what does not fit together is refused by member', async () => {
    const data = encodeSlots({ current: await makeSlot(NOW) });
    const other = encodeSlots({ current: await makeSlot(NOW) });
    const cases: [Record<string, string>, string][] = [
      [{}, 'root.crt is missing'],
      [{ ...data, 'root.key': other['root.key'] ?? '' }, 'root.key does not belong'],
      [
        { ...data, 'root.crt': other['root.crt'] ?? '', 'root.key': other['root.key'] ?? '' },
        'issuer.crt is not signed by root.crt',
      ],
      [{ ...data, 'issuer.key': Buffer.from('nonsense').toString('base64') }, 'issuer.key is no private key'],
      [{ ...data, 'root.crt': Buffer.from('nonsense').toString('base64') }, 'root.crt is no PEM'],
      [
        { ...data, 'root.crt': data['issuer.crt'] ?? '', 'root.key': data['issuer.key'] ?? '' },
        'root.crt is not self-signed',
      ],
    ];
    for (const [broken, message] of cases) expect(() => decodeSlots(broken)).toThrow(message);
  });
});
