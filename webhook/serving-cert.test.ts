import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { until } from '../proxy/base/testing/wait.ts';
import { type ServingCertificate, waitForCertificate, watchCertificate } from './serving-cert.ts';
import { createTestCertificate } from './testing.ts';

const directory = mkdtempSync(join(tmpdir(), 'heddle-serving-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const write = (part: Partial<ServingCertificate>): void => {
  if (part.key !== undefined) writeFileSync(join(directory, 'tls.key'), part.key);
  if (part.cert !== undefined) writeFileSync(join(directory, 'tls.crt'), part.cert);
};

test('a renewed pair is taken whole: halves of two pairs are left alone', async () => {
  const [first, second] = [createTestCertificate(), createTestCertificate()];
  write(first);
  expect(await waitForCertificate(directory, silentLog)).toEqual(first);
  const taken: ServingCertificate[] = [];
  const stop = watchCertificate(directory, first, (next) => void taken.push(next), silentLog);
  write({ key: second.key });
  write({ cert: second.cert });
  await until('the second pair', () => taken.length > 0);
  stop();
  expect(taken).toEqual([second]);
});
