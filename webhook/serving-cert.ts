import { createPrivateKey, X509Certificate } from 'node:crypto';
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../proxy/base/log.ts';

/** PEM of the serving key and certificate, as the operator writes them into the Secret `heddle-webhook-tls`. */
export interface ServingCertificate {
  readonly key: string;
  readonly cert: string;
}

const RETRY_MS = 1000;

async function readCertificate(directory: string): Promise<ServingCertificate | undefined> {
  try {
    const [key, cert] = await Promise.all([
      readFile(join(directory, 'tls.key'), 'utf8'),
      readFile(join(directory, 'tls.crt'), 'utf8'),
    ]);
    // The kubelet may swap the directory between the two reads: halves of two pairs are no pair, the next look finds one.
    return key !== '' && cert !== '' && isPair(key, cert) ? { key, cert } : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isPair(key: string, cert: string): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

/** Waits until the operator made the certificate: the manifests converge in any order. */
export async function waitForCertificate(directory: string, log: Log): Promise<ServingCertificate> {
  let said = false;
  for (;;) {
    const certificate = await readCertificate(directory);
    if (certificate !== undefined) return certificate;
    if (!said) log.info('waiting for the serving certificate that the operator makes', { directory });
    said = true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/**
 * Calls `changed` whenever the mounted Secret holds another certificate. The kubelet swaps a symbolic link, which a
 * watch of the directory sees; a look every minute catches what a watch missed. The answer ends it.
 */
export function watchCertificate(
  directory: string,
  first: ServingCertificate,
  changed: (certificate: ServingCertificate) => void,
  log: Log,
): () => void {
  let current = first;
  const look = async (): Promise<void> => {
    const next = await readCertificate(directory);
    if (next === undefined || (next.cert === current.cert && next.key === current.key)) return;
    changed(next);
    current = next;
  };
  const report = (error: unknown): void =>
    log.warn('cannot read the serving certificate; keeping the last one', { directory }, error);
  const check = (): void => void look().catch(report);
  const watcher = watch(directory, check).on('error', report);
  const timer = setInterval(check, 60_000);
  timer.unref();
  return () => {
    watcher.close();
    clearInterval(timer);
  };
}
