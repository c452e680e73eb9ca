import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { identify, isRunning, parseIdentity } from './process-identity.ts';
import type { Progress } from './progress.ts';

const ASK_AGAIN_MS = 250;

/**
 * Runs `work` while holding `file`, a lock among processes of one machine; waits for whoever holds it, and says so once.
 * A holder that died is found by its process identity and its lock is taken over.
 */
export async function withLock<T>(
  file: string,
  purpose: string,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  let said = false;
  while (!(await take(file))) {
    if (!said) progress.say(`waiting for another process: ${purpose} (${file})`);
    said = true;
    await wait(ASK_AGAIN_MS);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Appears whole or not at all: a link to a written file, so nobody reads a lock that is still empty. */
async function take(file: string): Promise<boolean> {
  const mine = `${file}.${randomUUID()}`;
  await writeFile(mine, JSON.stringify(identify(process.pid)));
  try {
    await link(mine, file);
    return true;
  } catch {
    await dropDead(file);
    return false;
  } finally {
    await rm(mine, { force: true });
  }
}

async function dropDead(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const holder = parseIdentity(text);
  if (holder && isRunning(holder)) return;
  // Moved aside under our own name first: of two that find the same dead holder only one moves it, and a lock taken since is not lost silently.
  const aside = `${file}.dead-${randomUUID()}`;
  await rename(file, aside).catch(() => undefined);
  const moved = await readFile(aside, 'utf8').catch(() => undefined);
  if (moved !== undefined && moved !== text) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}
