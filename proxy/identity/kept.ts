import type { Log } from '../base/log.ts';
import { decodeJson, describeDecodeErrors, integer, object, text } from '../contract/decoding.ts';
import type { Credentials } from '../tls/credentials.ts';
import { makeCredentials } from './issued.ts';
import type { StateFiles } from './state-files.ts';

/** File in the state directory. One file for key, chain and roots: they always belong together. */
export const CREDENTIALS_FILE = 'credentials.json';

interface Kept {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly rootsPem: string;
  /** Milliseconds since 1970: renewal counts from here, because `notBefore` lies 2 min back. */
  readonly issuedAt: number;
}

export interface KeptCredentials {
  readonly credentials: Credentials;
  readonly issuedAt: number;
}

const pem = text({ least: 1, most: 1_048_576, lines: true });
const kept = object<Kept>({
  keyPem: pem,
  chainPem: pem,
  rootsPem: pem,
  issuedAt: integer(0, Number.MAX_SAFE_INTEGER),
});

/** What a restarted sidecar serves on while no control plane answers. Anything unusable is ignored with a log line. */
export function readKept(files: StateFiles, identity: string, wall: number, log: Log): KeptCredentials | undefined {
  try {
    const content = files.read(CREDENTIALS_FILE);
    if (content === undefined) return undefined;
    const decoded = decodeJson(kept, content);
    if (!decoded.ok) {
      log.warn('kept credentials ignored', { file: CREDENTIALS_FILE, why: describeDecodeErrors(decoded.errors) });
      return undefined;
    }
    const credentials = makeCredentials({ ...decoded.value, identity });
    if (credentials.notAfter <= wall) {
      log.info('kept credentials ignored: expired', { notAfter: new Date(credentials.notAfter).toISOString() });
      return undefined;
    }
    return { credentials, issuedAt: decoded.value.issuedAt };
  } catch (error) {
    log.warn('kept credentials ignored', { file: CREDENTIALS_FILE }, error);
    return undefined;
  }
}

/** A failure to write is logged and not thrown: the running proxy does not need the copy. */
export function writeKept(files: StateFiles, value: KeptCredentials, log: Log): void {
  const { keyPem, chainPem, rootsPem } = value.credentials;
  try {
    files.write(
      CREDENTIALS_FILE,
      JSON.stringify({ keyPem, chainPem, rootsPem, issuedAt: value.issuedAt } satisfies Kept),
    );
  } catch (error) {
    log.warn(
      'credentials could not be kept: a restarted sidecar would need the control plane',
      { file: CREDENTIALS_FILE },
      error,
    );
  }
}
