import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { createLog, silentLog } from '../base/log.ts';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { until } from '../base/testing/wait.ts';
import { Cell } from '../base/watch.ts';
import { createIdentity, type Identity, type IdentityOptions, requestCertificate } from './identity.ts';
import { makeCredentials } from './issued.ts';
import { CREDENTIALS_FILE } from './kept.ts';
import { createStateFiles, memoryStateFiles } from './state-files.ts';
import {
  type FakeOperator,
  type FakeOperatorOptions,
  OPERATOR_IDENTITY,
  startFakeOperator,
} from './testing/fake-operator.ts';
import { createTestAuthority, type TestAuthority } from './testing/test-authority.ts';
import { createTrustBundle } from './trust-bundle.ts';

const IDENTITY = 'spiffe://cluster.local/ns/shop/sa/payment';
let directory = '';
let tokenFile = '';
let authority: TestAuthority;
const operators: FakeOperator[] = [];
const identities: Identity[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'heddle-identity-'));
  tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'token-1\n');
  authority = await createTestAuthority();
});
afterEach(async () => {
  for (const identity of identities.splice(0)) identity.stop();
  for (const operator of operators.splice(0)) await operator.close();
});
afterAll(() => rmSync(directory, { recursive: true }));

async function operate(options: FakeOperatorOptions = {}): Promise<FakeOperator> {
  const operator = await startFakeOperator({ authority, ...options });
  operators.push(operator);
  return operator;
}

function identify(target: string, changes: Partial<IdentityOptions> = {}): Identity {
  const identity = createIdentity({
    identity: IDENTITY,
    tokenFile,
    roots: new Cell<string | undefined>(authority.rootPem),
    files: memoryStateFiles(),
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    request: (request, rootsPem) =>
      requestCertificate(request, {
        target,
        rootsPem,
        operatorIdentity: OPERATOR_IDENTITY,
        clock: systemClock,
        timeoutMs: 2_000,
      }),
    ...changes,
  });
  identities.push(identity);
  identity.start();
  return identity;
}

describe('identity', () => {
  test('obtains exactly its own identity and keeps it 0600', async () => {
    const operator = await operate();
    const identity = identify(operator.target, {
      files: createStateFiles(join(directory, 'state')),
      ttlSeconds: 3_600,
    });
    const credentials = await until('credentials', () => identity.credentials.value);
    expect(credentials).toMatchObject({
      identity: IDENTITY,
      trustDomain: 'cluster.local',
      rootsPem: authority.rootPem,
    });
    expect(operator.requests).toMatchObject([{ token: 'token-1', ttlSeconds: 3_600 }]);
    expect(statSync(join(directory, 'state', CREDENTIALS_FILE)).mode & 0o777).toBe(0o600);
  });

  test('a restarted sidecar serves on without any control plane', async () => {
    const operator = await operate();
    const files = memoryStateFiles();
    const first = identify(operator.target, { files });
    const before = await until('credentials', () => first.credentials.value);
    first.stop();
    const again = identify('127.0.0.1:1', { files });
    expect(again.credentials.value).toEqual(before);
    expect(again.renewal.kind).toBe('waiting');
    const stranger = identify('127.0.0.1:1', { files, identity: 'spiffe://cluster.local/ns/shop/sa/order' });
    expect(stranger.credentials.value).toBeUndefined();
  });

  test('renews a life of seconds again and again, with a new key and the token read again', async () => {
    const operator = await operate({ lifeMs: 2_000 });
    const identity = identify(operator.target);
    const seen = new Set<string>();
    identity.credentials.subscribe((value) => void seen.add(value === undefined ? 'none' : value.keyPem));
    await until('first', () => identity.credentials.value);
    writeFileSync(tokenFile, 'token-2');
    await until('three certificates', () => seen.size >= 3, 8_000);
    writeFileSync(tokenFile, 'token-1');
    expect(seen.has('none')).toBe(false);
    expect(operator.requests.at(-1)?.token).toBe('token-2');
  });

  test.each([
    [
      'another service account of the same root',
      [{ type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/order' }],
      'expected spiffe',
    ],
    [
      'two identities',
      [
        { type: 'url', value: OPERATOR_IDENTITY },
        { type: 'url', value: 'spiffe://x/ns/a/sa/b' },
      ],
      'expected spiffe',
    ],
    ['only a DNS name', [{ type: 'dns', value: 'heddle-operator.heddle-system.svc' }], 'nobody'],
  ] as const)('an operator that proves %s never sees the token', async (_name, names, message) => {
    const operator = await operate({ names });
    const exchange = {
      target: operator.target,
      rootsPem: authority.rootPem,
      operatorIdentity: OPERATOR_IDENTITY,
      clock: systemClock,
    };
    const error = await requestCertificate({ csr: 'x', token: 'secret' }, exchange).catch((caught: unknown) => caught);
    expect(describeError(error)).toContain(message);
    expect(operator.requests).toEqual([]);
  });

  test('an operator of another root is named as such', async () => {
    const operator = await operate({ authority: await createTestAuthority() });
    const exchange = {
      target: operator.target,
      rootsPem: authority.rootPem,
      operatorIdentity: OPERATOR_IDENTITY,
      clock: systemClock,
    };
    const error = await requestCertificate({ csr: 'x', token: 'secret' }, exchange).catch((caught: unknown) => caught);
    expect(describeError(error)).toContain('does not chain to the trust bundle');
    expect(operator.requests).toEqual([]);
  });

  test('a refusal carries reason and sentence, and is tried again', async () => {
    let refusals = 0;
    const refuse = (): { status: number; body: unknown } | undefined =>
      refusals++ < 2
        ? { status: 503, body: { reason: 'NotLeader', message: 'this replica only stands by' } }
        : undefined;
    const operator = await operate({ refuse });
    const lines: string[] = [];
    const log = createLog({ level: 'info', write: (line) => void lines.push(line), wall: () => 0 });
    const identity = identify(operator.target, { log });
    await until('credentials', () => identity.credentials.value);
    expect(
      lines.filter((line) => line.includes('this replica only stands by') && line.includes('NotLeader')),
    ).toHaveLength(2);
  });

  test.each([
    ['no JSON', { status: 200, body: 'x' }, 'not valid'],
    ['a chain of another identity', { status: 200, body: 'other' }, 'names spiffe'],
  ])('an answer with %s changes nothing', async (_name, answer, message) => {
    const other = await authority.issue([{ type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/order' }]);
    const body = { chain: other.chainPem, bundle: authority.rootPem, notAfter: new Date().toISOString() };
    const operator = await operate({ refuse: () => (answer.body === 'other' ? { status: 200, body } : answer) });
    const lines: string[] = [];
    const log = createLog({ level: 'info', write: (line) => void lines.push(line), wall: () => 0 });
    const identity = identify(operator.target, { log });
    await until('a failure', () => lines.length > 0);
    expect(lines[0]).toContain(answer.body === 'other' ? 'for another key' : message);
    expect(identity.credentials.value).toBeUndefined();
  });

  test('a new bundle is taken at once; one that our certificate does not chain to asks for a new one', async () => {
    const operator = await operate();
    const roots = new Cell<string | undefined>(authority.rootPem);
    const files = memoryStateFiles();
    const identity = identify(operator.target, { roots, files });
    await until('credentials', () => identity.credentials.value);
    const next = await createTestAuthority();
    const both = authority.rootPem + next.rootPem;
    roots.set(both);
    expect(identity.credentials.value?.rootsPem).toBe(both);
    expect(files.read(CREDENTIALS_FILE)).toContain(JSON.stringify(both).slice(1, -1));
    expect(operator.requests).toHaveLength(1);
    roots.set(next.rootPem);
    expect(identity.renewal.kind).toBe('requesting');
  });

  test('a bundle that changes while a request runs is newer than the one in its answer', async () => {
    const operator = await operate();
    const next = await createTestAuthority();
    const exchange = { target: operator.target, operatorIdentity: OPERATOR_IDENTITY, clock: systemClock };
    const during = (rootsPem: string): Identity => {
      const roots = new Cell<string | undefined>(authority.rootPem);
      return identify(operator.target, {
        roots,
        request: async (request, trusted) => {
          const answer = await requestCertificate(request, { ...exchange, rootsPem: trusted, timeoutMs: 2_000 });
          roots.set(rootsPem);
          return answer;
        },
      });
    };
    const both = authority.rootPem + next.rootPem;
    const added = during(both);
    await until('credentials', () => added.credentials.value);
    expect(added.credentials.value?.rootsPem).toBe(both);
    // The root of the answer was taken away: neither it nor the certificate below it is taken.
    const dropped = during(next.rootPem);
    await until('an end of the request', () => dropped.credentials.value ?? dropped.trouble);
    expect([dropped.credentials.value, dropped.trouble]).toEqual([
      undefined,
      expect.stringContaining('does not chain'),
    ]);
  });

  test('a kept certificate that the bundle no longer covers serves on, and a new one is asked for at once', async () => {
    const operator = await operate();
    const files = memoryStateFiles();
    const first = identify(operator.target, { files });
    await until('credentials', () => first.credentials.value);
    first.stop();
    const next = await createTestAuthority();
    const again = identify('127.0.0.1:1', { files, roots: new Cell<string | undefined>(next.rootPem) });
    expect(again.credentials.value?.rootsPem).toBe(next.rootPem);
    expect(again.renewal.kind).toBe('requesting');
  });

  test('SIGHUP brings no older certificate back while there is an operator', async () => {
    const operator = await operate();
    const files = memoryStateFiles();
    const first = identify(operator.target, { files });
    await until('credentials', () => first.credentials.value);
    const older = files.read(CREDENTIALS_FILE)!;
    first.renewNow();
    await until('the second certificate', () => files.read(CREDENTIALS_FILE) !== older);
    const held = first.credentials.value;
    files.write(CREDENTIALS_FILE, older);
    first.reload();
    expect(first.credentials.value).toBe(held);
  });

  test('broken kept files are ignored with a line', () => {
    for (const content of ['', '{', '{"keyPem":1}', '{"keyPem":"x","chainPem":"y","rootsPem":"z","issuedAt":1}']) {
      const lines: string[] = [];
      const log = createLog({ level: 'info', write: (line) => void lines.push(line), wall: () => 0 });
      const identity = identify('127.0.0.1:1', {
        files: memoryStateFiles({ [CREDENTIALS_FILE]: content }),
        log,
        request: undefined,
      });
      expect(identity.credentials.value).toBeUndefined();
      expect(lines.join()).toContain('kept credentials ignored');
    }
  });
});

describe('makeCredentials', () => {
  test('refuses another key, two names, a foreign chain', async () => {
    const mine = await authority.issue([{ type: 'url', value: IDENTITY }]);
    const second = await authority.issue([{ type: 'url', value: IDENTITY }]);
    const two = await authority.issue([
      { type: 'url', value: IDENTITY },
      { type: 'url', value: OPERATOR_IDENTITY },
    ]);
    const rootsPem = authority.rootPem;
    const foreign = (await createTestAuthority()).rootPem;
    expect(makeCredentials({ ...mine, rootsPem, identity: IDENTITY }).identity).toBe(IDENTITY);
    expect(() => makeCredentials({ ...mine, keyPem: second.keyPem, rootsPem, identity: IDENTITY })).toThrow(
      'another key',
    );
    expect(() => makeCredentials({ ...two, rootsPem, identity: IDENTITY })).toThrow('expected');
    expect(() => makeCredentials({ ...mine, rootsPem: foreign, identity: IDENTITY })).toThrow('does not chain');
    expect(() => makeCredentials({ ...mine, rootsPem: '', identity: IDENTITY })).toThrow('holds no certificate');
  });
});

describe('trust bundle', () => {
  test('waits for the file, follows it, and keeps the last good one', async () => {
    const clock = new FakeClock();
    let content: string | Error = new Error('ENOENT');
    const read = (): Promise<string> => (content instanceof Error ? Promise.reject(content) : Promise.resolve(content));
    const bundle = createTrustBundle({ file: 'bundle.pem', clock, log: silentLog, read });
    await bundle.start();
    expect(bundle.roots.value).toBeUndefined();
    content = authority.rootPem;
    await clock.advanceSettling(600, 100);
    expect(bundle.roots.value).toBe(authority.rootPem);
    for (const bad of ['', 'junk', new Error('ENOENT')]) {
      content = bad;
      await clock.advanceSettling(6_000, 1_000);
      expect(bundle.roots.value).toBe(authority.rootPem);
    }
    const other = (await createTestAuthority()).rootPem;
    content = other;
    await clock.advanceSettling(6_000, 1_000);
    expect(bundle.roots.value).toBe(other);
    bundle.stop();
    expect(clock.pending).toBe(0);
  });
});
