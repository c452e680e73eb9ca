import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { makeCsr } from './csr.ts';
import { makeKeyPair } from './keypair.ts';

const URI = 'spiffe://cluster.local/ns/shop/sa/payment';

function namesOf(request: Pkcs10CertificateRequest): [string, string][] {
  const extension = request.extensions.find((one) => one.type === '2.5.29.17');
  if (extension === undefined) return [];
  return new SubjectAlternativeNameExtension(extension.rawData).names.items.map((name) => [name.type, name.value]);
}

describe('certificate request', () => {
  test('openssl: verifies, empty subject, P-256, exactly one critical URI name', async () => {
    const csr = makeCsr(await makeKeyPair(), URI);
    const text = execFileSync('openssl', ['req', '-verify', '-noout', '-text'], {
      input: csr,
      stdio: ['pipe', 'pipe', 'pipe'],
    }).toString();
    expect(text).toMatch(/Subject:\s*\n/);
    expect(text).toContain('prime256v1');
    expect(text).toContain('ecdsa-with-SHA256');
    expect(text).toMatch(
      /X509v3 Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster\.local\/ns\/shop\/sa\/payment\n/,
    );
    expect(text.match(/X509v3/g)).toHaveLength(1);
  });

  test('@peculiar/x509: signature and names', async () => {
    const request = new Pkcs10CertificateRequest(makeCsr(await makeKeyPair(), URI));
    expect(await request.verify()).toBe(true);
    expect(request.subject).toBe('');
    expect(request.extensions).toHaveLength(1);
    const names = namesOf(request);
    expect(names).toEqual([['url', URI]]);
  });

  test('lengths of every form: short, one byte, two bytes', async () => {
    const keys = await makeKeyPair();
    for (const length of [20, 60, 100, 127, 128, 200, 255, 256, 400]) {
      const uri = `spiffe://${'a'.repeat(length - 9)}`;
      expect(namesOf(new Pkcs10CertificateRequest(makeCsr(keys, uri)))).toEqual([['url', uri]]);
    }
  });

  test('refuses what is no URI', async () => {
    const keys = await makeKeyPair();
    for (const bad of ['', 'a b', 'spiffe://x\n', 'spiffe://é']) expect(() => makeCsr(keys, bad)).toThrow(TypeError);
  });
});
