import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../base/errors.ts';

/** The state directory (a memory volume that only the sidecar mounts): whole small files, mode 0600, replaced atomically. */
export interface StateFiles {
  /** Undefined when the file is not there. Throws on any other error. */
  read(name: string): string | undefined;
  /** A reader sees the old content or the new one, never half of it. */
  write(name: string, content: string): void;
  remove(name: string): void;
  /** Names of all files; empty when there is no directory yet. */
  list(): string[];
}

export function createStateFiles(directory: string): StateFiles {
  return {
    read(name) {
      try {
        return readFileSync(join(directory, name), 'utf8');
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    write(name, content) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const temporary = join(directory, `.${name}.new`);
      // A left-over of a crash keeps its mode, so remove it first.
      rmSync(temporary, { force: true });
      writeFileSync(temporary, content, { mode: 0o600 });
      chmodSync(temporary, 0o600);
      renameSync(temporary, join(directory, name));
    },
    remove(name) {
      rmSync(join(directory, name), { force: true });
    },
    list() {
      try {
        return readdirSync(directory).filter((name) => !name.startsWith('.'));
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return [];
        throw error;
      }
    },
  };
}

/** State in memory: for tests. */
export function memoryStateFiles(initial: Readonly<Record<string, string>> = {}): StateFiles {
  const files = new Map(Object.entries(initial));
  return {
    read: (name) => files.get(name),
    write: (name, content) => void files.set(name, content),
    remove: (name) => void files.delete(name),
    list: () => [...files.keys()],
  };
}
