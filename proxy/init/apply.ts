import type { Log } from '../base/log.ts';
import type { InitOptions } from '../contract/bootstrap.ts';
import { type Attempt, classify, explain } from './faults.ts';
import type { Ipv6State } from './ipv6-state.ts';
import { type Family, restoreText } from './rules.ts';
import type { Run } from './run.ts';

export interface ApplyDependencies {
  readonly run: Run;
  readonly log: Log;
  /** Read after the rules of IPv4 are in. */
  readonly ipv6: () => Ipv6State;
}

export interface Applied {
  /** False only where no IPv6 traffic can pass by the proxy. */
  readonly ipv6: boolean;
}

const TOOL: Readonly<Record<Family, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' };
/** nft first: current kernels and node images have dropped legacy. '' is what a distribution calls simply iptables. */
const VARIANTS = ['-nft', '-legacy', ''];

/**
 * Writes the rules of both families, one transaction each. Running it again gives the same rules. Throws `init_missing`,
 * `init_permission`, `init_kernel` or `init_other`, with what to do.
 */
export async function applyRules(options: InitOptions, dependencies: ApplyDependencies): Promise<Applied> {
  const ipv4 = await applyFamily('ipv4', options, dependencies);
  if (ipv4 !== undefined) throw explain('ipv4', ipv4);
  const ipv6 = await applyFamily('ipv6', options, dependencies);
  if (ipv6 === undefined) return { ipv6: true };
  checkTolerable(ipv6, dependencies);
  return { ipv6: false };
}

/** Undefined when done, else every attempt that failed. */
async function applyFamily(
  family: Family,
  options: InitOptions,
  { run, log }: ApplyDependencies,
): Promise<readonly Attempt[] | undefined> {
  const attempts: Attempt[] = [];
  for (const variant of VARIANTS) {
    const failed = await applyVariant(`${TOOL[family]}${variant}`, family, options, run);
    if (failed === undefined) {
      log.info('rules written', { family, tool: `${TOOL[family]}${variant}` });
      return undefined;
    }
    attempts.push(failed);
  }
  return attempts;
}

async function applyVariant(
  tool: string,
  family: Family,
  options: InitOptions,
  run: Run,
): Promise<Attempt | undefined> {
  const save = await run(`${tool}-save`, ['-t', 'nat'], '');
  if (save.kind === 'missing' || save.code !== 0) return { program: `${tool}-save`, result: save };
  const text = restoreText(family, options, save.stdout);
  const restore = await run(`${tool}-restore`, ['--noflush', '-w', '5'], text);
  if (restore.kind === 'ended' && restore.code === 0) return undefined;
  return { program: `${tool}-restore`, result: restore };
}

/**
 * Without IPv6 rules, IPv6 traffic would go past the proxy in both directions. That is accepted only where there can be none, or where the
 * kernel has no IPv6 NAT and the pod no IPv6 address that another pod could reach.
 */
function checkTolerable(attempts: readonly Attempt[], { log, ipv6 }: ApplyDependencies): void {
  const state = ipv6();
  const kernel = attempts.every((attempt) => ['kernel', 'missing'].includes(classify(attempt.result)));
  if (state !== 'none' && !(state === 'local' && kernel)) throw explain('ipv6', attempts);
  log.warn('no IPv6 rules: this pod has no IPv6 that others could reach', { ipv6: state }, explain('ipv6', attempts));
}
