import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { certificateFacts } from './certificate-facts.ts';
import type { Credentials } from './credentials.ts';
import { DerError } from './der.ts';
import { createTestAuthority, type IssueOptions, type TestAuthority } from './testing/authority.ts';
import { type PeerEvidence, rootsOf, verifyPeer } from './verify-peer.ts';

const ORDER = 'spiffe://cluster.local/ns/shop/sa/order';
const NOW = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;

let authority: TestAuthority;
let other: TestAuthority;

beforeAll(async () => {
  const life = { notBefore: NOW - 100 * HOUR, notAfter: NOW + 100 * HOUR };
  authority = await createTestAuthority('cluster.local', life);
  other = await createTestAuthority('cluster.local', life);
});

function chainOf(credentials: Credentials): X509Certificate[] {
  return (credentials.chainPem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );
}

/** Evidence of a leaf of `authority`, valid for an hour either way. */
async function evidence(
  issue: IssueOptions = {},
  change: Partial<PeerEvidence> = {},
  id = ORDER,
): Promise<PeerEvidence> {
  const credentials = await authority.issue(id, { notBefore: NOW - HOUR, notAfter: NOW + HOUR, ...issue });
  return {
    chain: chainOf(credentials),
    roots: rootsOf(credentials),
    trustDomain: 'cluster.local',
    expectedIdentity: ORDER,
    now: NOW,
    ...change,
  };
}

describe('who is accepted', () => {
  test('a leaf of the issuer, with its identity and end', async () => {
    expect(verifyPeer(await evidence())).toEqual({ ok: true, identity: ORDER, notAfter: NOW + HOUR });
  });
  test('a leaf of the root itself, and one beside a DNS name', async () => {
    expect(verifyPeer(await evidence({ byRoot: true })).ok).toBe(true);
    expect(verifyPeer(await evidence({ dns: ['order.shop.svc'] })).ok).toBe(true);
  });
  test('anyone of the trust domain when no identity is expected', async () => {
    expect(verifyPeer(await evidence({}, { expectedIdentity: undefined }))).toMatchObject({
      ok: true,
      identity: ORDER,
    });
  });
  test('during a change of roots both are trusted', async () => {
    const base = await evidence();
    const both = [...rootsOf(await other.issue(ORDER)), ...base.roots];
    expect(verifyPeer({ ...base, roots: both }).ok).toBe(true);
  });
});

describe('who is refused', () => {
  const unknownCritical = new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]));
  const CASES: [string, () => Promise<PeerEvidence>, string, RegExp][] = [
    ['no certificate', () => evidence({}, { chain: [] }), 'no_peer_certificate', /no certificate/],
    [
      'another root',
      async () => evidence({}, { roots: rootsOf(await other.issue(ORDER)) }),
      'untrusted_peer',
      /none of the 1 trusted roots/,
    ],
    ['no roots', () => evidence({}, { roots: [] }), 'untrusted_peer', /none of the 0/],
    [
      'the issuer left out',
      async () => ({ ...(await evidence()), chain: (await evidence()).chain.slice(0, 1) }),
      'untrusted_peer',
      /none of/,
    ],
    ['expired', () => evidence({}, { now: NOW + HOUR + 1_000 }), 'untrusted_peer', /expired at 2026/],
    ['not yet valid', () => evidence({}, { now: NOW - HOUR - 1_000 }), 'untrusted_peer', /not valid before/],
    [
      'an issuer that expired',
      () => evidence({ notAfter: NOW + 200 * HOUR }, { now: NOW + 150 * HOUR }),
      'untrusted_peer',
      /CN=cluster.local issuer" expired/,
    ],
    ['a leaf that is a CA', () => evidence({ ca: true }), 'untrusted_peer', /CA certificate/],
    [
      'a leaf that may sign certificates',
      () => evidence({ keyUsages: x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign }),
      'untrusted_peer',
      /key usage/,
    ],
    ['no URI', () => evidence({ noUri: true, dns: ['order'] }), 'untrusted_peer', /names 0 URIs/],
    [
      'two URIs',
      () => evidence({ extraUris: ['spiffe://cluster.local/ns/shop/sa/admin'] }),
      'untrusted_peer',
      /names 2 URIs/,
    ],
    [
      'a URI that is no SPIFFE id of a workload',
      () => evidence({}, {}, 'spiffe://cluster.local/operator'),
      'untrusted_peer',
      /not a SPIFFE id/,
    ],
    [
      'an id with a path that only looks right',
      () => evidence({}, {}, 'spiffe://cluster.local/ns/shop/sa/order/x'),
      'untrusted_peer',
      /not a SPIFFE id/,
    ],
    [
      'another trust domain',
      () => evidence({}, {}, 'spiffe://elsewhere/ns/shop/sa/order'),
      'identity_mismatch',
      /not of the trust domain cluster.local/,
    ],
    [
      'another workload',
      () => evidence({}, {}, 'spiffe://cluster.local/ns/shop/sa/fraud'),
      'identity_mismatch',
      /is spiffe.*fraud, expected was .*order/,
    ],
    [
      'an unknown critical extension',
      () => evidence({ extensions: [unknownCritical] }),
      'untrusted_peer',
      /unknown critical extension/,
    ],
    [
      'more certificates than anyone needs',
      async () => {
        const base = await evidence();
        return { ...base, chain: Array(7).fill(base.chain[0]) };
      },
      'untrusted_peer',
      /more than 6/,
    ],
  ];
  test.each(CASES)('%s', async (_name, make, reason, detail) => {
    const verdict = verifyPeer(await make());
    expect(verdict).toEqual({ ok: false, reason, detail: expect.stringMatching(detail) });
  });

  test('a leaf that signs another leaf', async () => {
    const keys = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ])) as never;
    const middle = await authority.issue(ORDER, { notBefore: NOW - HOUR, notAfter: NOW + HOUR, keys });
    const [leafPem] = middle.chainPem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
    const signer = { certificate: new x509.X509Certificate(leafPem!), keys, chainPem: middle.chainPem };
    const verdict = verifyPeer(await evidence({ by: signer }));
    expect(verdict).toMatchObject({ ok: false, reason: 'untrusted_peer' });
  });

  test('an authority below one that allows none', async () => {
    const verdict = verifyPeer(await evidence({ by: await authority.intermediate() }));
    expect(verdict).toMatchObject({
      ok: false,
      reason: 'untrusted_peer',
      detail: expect.stringContaining('allows 0 authorities'),
    });
  });

  test('a certificate with a changed byte', async () => {
    const base = await evidence();
    const raw = Buffer.from(base.chain[0]!.raw);
    raw[raw.length - 1]! ^= 1;
    expect(verifyPeer({ ...base, chain: [new X509Certificate(raw), ...base.chain.slice(1)] })).toMatchObject({
      ok: false,
      reason: 'untrusted_peer',
    });
  });
});

test('reading any bytes as a certificate ends in facts or a DerError', async () => {
  const raw = Buffer.from((await evidence()).chain[0]!.raw);
  const mutated = fc
    .tuple(fc.nat(raw.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(raw.length))
    .map(([at, byte, cut]) => {
      const copy = Buffer.from(raw);
      copy[at] = byte;
      return cut % 4 === 0 ? copy.subarray(0, cut) : copy;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      ),
      (bytes) => {
        try {
          expect(certificateFacts(bytes).uris.length).toBeLessThan(100);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
