import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConnection } from './connection.ts';
import { inCluster } from './in-cluster.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'heddle-connection-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function kubeconfig(name: string, user: object, cluster: object = {}): string {
  const file = join(directory, name);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
    clusters: [
      {
        name: 'c',
        cluster: { server: 'https://10.1.2.3:6443', 'certificate-authority-data': base64('root'), ...cluster },
      },
    ],
    users: [{ name: 'u', user }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

describe('connection', () => {
  test('a kubeconfig with a client certificate', async () => {
    const user = { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') };
    const connection = await loadConnection({ file: kubeconfig('certificate', user), env: {}, now: () => 0 });
    expect(connection.server.host).toBe('10.1.2.3:6443');
    const { headers, tls } = await connection.credentials();
    expect(headers).toEqual({});
    expect([tls.ca, tls.cert, tls.key].map(String)).toEqual(['root', 'cert', 'key']);
    expect(tls.rejectUnauthorized).toBeUndefined();
  });

  test('a kubeconfig with a token', async () => {
    const connection = await loadConnection({ file: kubeconfig('token', { token: 'secret' }), env: {}, now: () => 0 });
    expect((await connection.credentials()).headers).toEqual({ authorization: 'Bearer secret' });
  });

  test('in a pod the token is read again after 30 s, and at once after a refusal', async () => {
    const write = (token: string): void => writeFileSync(join(directory, 'token'), `${token}\n`);
    writeFileSync(join(directory, 'ca.crt'), 'root');
    const pod = inCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, directory);
    expect(pod?.server.href).toBe('https://[fd00::1]:6443/');
    write('one');
    expect((await pod?.read())?.headers).toEqual({ authorization: 'Bearer one' });
    write('two');
    expect((await pod?.read())?.headers).toEqual({ authorization: 'Bearer two' });
    expect(inCluster({})).toBeUndefined();
  });

  test('credentials are kept for 30 s; a refresh forgets them', async () => {
    let now = 0;
    const file = kubeconfig('kept', { token: 'one' });
    const connection = await loadConnection({ file, env: {}, now: () => now });
    const first = await connection.credentials();
    expect(await connection.credentials()).toBe(first);
    now = 30_001;
    const second = await connection.credentials();
    expect(second).not.toBe(first);
    connection.refresh();
    expect(await connection.credentials()).not.toBe(second);
  });
});
