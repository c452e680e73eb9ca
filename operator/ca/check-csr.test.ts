import { describe, expect, test } from '@jest/globals';
import { checkCsr } from './check-csr.ts';
import { type CsrWish, makeCsr, p384Keys, rsaKeys } from './testing/request.ts';
import { BasicConstraintsExtension, SubjectAlternativeNameExtension } from './x509.ts';

const ID = 'spiffe://cluster.local/ns/shop/sa/order';
const url = { type: 'url', value: ID } as const;

describe('certificate request', () => {
  test('the one identity of the token is accepted, and its key comes back', async () => {
    const checked = await checkCsr(await makeCsr(), ID);
    expect(checked).toMatchObject({ ok: true });
    // An SPKI of P-256 has 91 bytes: RFC 5480 with an uncompressed point.
    expect(checked.ok && checked.publicKey.length).toBe(91);
  });

  test.each<[string, CsrWish, string, string]>([
    [
      'another identity',
      { names: [{ type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/payment' }] },
      'IdentityMismatch',
      'payment',
    ],
    [
      'another trust domain',
      { names: [{ type: 'url', value: 'spiffe://evil/ns/shop/sa/order' }] },
      'IdentityMismatch',
      'evil',
    ],
    ['a case that differs', { names: [{ type: 'url', value: ID.toUpperCase() }] }, 'IdentityMismatch', 'SPIFFE'],
    [
      'two identities',
      { names: [url, { type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/x' }] },
      'CsrInvalid',
      'exactly one alternative name',
    ],
    [
      'a DNS name beside it',
      { names: [url, { type: 'dns', value: 'api' }] },
      'CsrInvalid',
      'exactly one alternative name',
    ],
    ['a DNS name instead', { names: [{ type: 'dns', value: 'api' }] }, 'CsrInvalid', 'exactly one alternative name'],
    ['a subject', { subject: 'CN=admin' }, 'CsrInvalid', 'subject must be empty'],
    ['another extension', { more: [new BasicConstraintsExtension(true)] }, 'CsrInvalid', 'exactly one extension'],
    [
      'two alternative names extensions',
      { more: [new SubjectAlternativeNameExtension([url])] },
      'CsrInvalid',
      'exactly one extension',
    ],
    ['no extension', { extensions: [] }, 'CsrInvalid', 'exactly one'],
    ['a CA', { extensions: [new BasicConstraintsExtension(true)] }, 'CsrInvalid', 'exactly one extension'],
    ['a weak hash', { hash: 'SHA-1' }, 'CsrInvalid', 'SHA-256'],
  ])('%s is refused', async (_, wish, reason, words) => {
    const checked = await checkCsr(await makeCsr(wish), ID);
    expect(checked).toMatchObject({ ok: false, reason });
    expect(checked.ok ? '' : checked.message).toContain(words);
  });

  test('keys other than P-256 are refused', async () => {
    for (const keys of [await rsaKeys(), await p384Keys()]) {
      expect(await checkCsr(await makeCsr({ keys }), ID)).toMatchObject({ ok: false, reason: 'CsrInvalid' });
    }
  });

  test('a changed byte anywhere is refused or changes nothing that is used', async () => {
    const pem = await makeCsr();
    const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
    const good = await checkCsr(pem, ID);
    for (let at = 0; at < der.length; at++) {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const text = `-----BEGIN CERTIFICATE REQUEST-----\n${changed.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
      const checked = await checkCsr(text, ID);
      if (checked.ok) expect(checked).toEqual(good);
    }
  });

  test.each([
    ['empty', ''],
    ['text', 'hello'],
    ['too long', `-----BEGIN CERTIFICATE REQUEST-----\n${'A'.repeat(9_000)}\n-----END CERTIFICATE REQUEST-----\n`],
    ['not DER', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
  ])('%s is refused', async (_, text) => {
    expect(await checkCsr(text, ID)).toMatchObject({ ok: false, reason: 'CsrInvalid' });
  });

  test('two blocks are refused', async () => {
    expect(await checkCsr((await makeCsr()) + (await makeCsr()), ID)).toMatchObject({
      ok: false,
      reason: 'CsrInvalid',
    });
  });
});
