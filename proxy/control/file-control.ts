import { readFileSync } from 'node:fs';
import { HeddleError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { decodeStaticByKey, describeDecodeErrors } from '../contract/decode.ts';
import type { Key, Provenance } from '../contract/snapshot.ts';
import { canonicalJson, contentVersion } from '../contract/version.ts';
import type { Prepared } from '../policy/store.ts';
import type { InForce } from './apply.ts';
import type { Control, ControlStore } from './source.ts';

export interface FileControlOptions {
  readonly file: string;
  readonly store: ControlStore;
  readonly log: Log;
  /** Tests inject. */
  readonly read?: (file: string) => string;
}

export interface FileControl extends Control {
  /** Reads the file again. A file that is not valid changes nothing and is said in the log. */
  reload(): void;
}

/** A file has no policies behind it. */
const NOBODY: readonly Provenance[] = [];

/** Configuration from one file instead of an operator: for tests and network namespaces. Everything in it is always held. */
export function createFileControl(options: FileControlOptions): FileControl {
  const { store, log } = options;
  const inForce = new Map<Key, InForce>();
  let addressesVersion: string | undefined;

  /** All or nothing: every part is checked before the first is swapped in. */
  const load = (): void => {
    const text = readText(options);
    const parts: { readonly prepared: Prepared; readonly version: string }[] = [];
    const decoded = decodeStaticByKey(text, (key, content) => {
      parts.push({ prepared: store.prepare(key, content), version: contentVersion(canonicalJson(content)) });
    });
    if (!decoded.ok) {
      throw new HeddleError('configuration', describeDecodeErrors(decoded.errors), { where: { file: options.file } });
    }
    store.setAddresses(decoded.value);
    addressesVersion = contentVersion(canonicalJson(decoded.value));
    const gone = new Set(inForce.keys());
    for (const { prepared, version } of parts) {
      store.commit(prepared);
      gone.delete(prepared.key);
      inForce.set(prepared.key, { version, provenance: NOBODY, source: 'file' });
    }
    for (const key of gone) {
      inForce.delete(key);
      store.remove(key);
    }
    log.info('configuration read', { file: options.file, keys: inForce.size });
  };

  return {
    connected: false,
    state: 'file',
    inForce,
    get addressesVersion() {
      return addressesVersion;
    },
    /** Throws `HeddleError` code `configuration`: without it there is nothing to do. */
    start() {
      store.setControlState('disconnected');
      load();
    },
    reload() {
      try {
        load();
      } catch (error) {
        log.error('the configuration file is not taken, nothing changed', { file: options.file }, error);
      }
    },
    stop() {},
  };
}

function readText(options: FileControlOptions): string {
  const read = options.read ?? ((file: string) => readFileSync(file, 'utf8'));
  try {
    return read(options.file);
  } catch (cause) {
    throw new HeddleError('configuration', 'the configuration file cannot be read', {
      where: { file: options.file },
      cause,
    });
  }
}
