import { readFileSync } from 'node:fs';
import { HeddleError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { decodeStaticConfiguration, describeDecodeErrors } from '../contract/decode.ts';
import type { Key, StaticConfiguration } from '../contract/snapshot.ts';
import { canonicalJson, contentVersion } from '../contract/version.ts';
import type { InForce } from './apply.ts';
import type { Control, ControlStore } from './control.ts';

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

/** Configuration from one file instead of an operator: for tests and network namespaces. Everything in it is always held. */
export function createFileControl(options: FileControlOptions): FileControl {
  const { store, log } = options;
  const inForce = new Map<Key, InForce>();
  let addressesVersion: string | undefined;

  /** All or nothing: every part is checked before the first is swapped in. */
  const load = (): void => {
    const whole = readStatic(options);
    const prepared = Object.entries(whole.configurations).map(([key, content]) => store.prepare(key, content));
    store.setAddresses(whole.addresses);
    addressesVersion = contentVersion(canonicalJson(whole.addresses));
    for (const one of prepared) store.commit(one);
    for (const key of [...inForce.keys()]) {
      if (Object.hasOwn(whole.configurations, key)) continue;
      inForce.delete(key);
      store.remove(key);
    }
    for (const [key, content] of Object.entries(whole.configurations)) {
      inForce.set(key, { version: contentVersion(canonicalJson(content)), provenance: [], source: 'file' });
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

function readStatic(options: FileControlOptions): StaticConfiguration {
  const read = options.read ?? ((file: string) => readFileSync(file, 'utf8'));
  let text: string;
  try {
    text = read(options.file);
  } catch (cause) {
    throw new HeddleError('configuration', 'the configuration file cannot be read', {
      where: { file: options.file },
      cause,
    });
  }
  const decoded = decodeStaticConfiguration(text);
  if (decoded.ok) return decoded.value;
  throw new HeddleError('configuration', describeDecodeErrors(decoded.errors), { where: { file: options.file } });
}
