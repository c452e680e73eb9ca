import { HeddleError } from '../base/errors.ts';
import type { Family } from './rules.ts';
import type { RunResult } from './run.ts';

/** One variant of iptables that was tried and failed. */
export interface Attempt {
  readonly program: string;
  readonly result: RunResult;
}

export type FaultKind = 'missing' | 'permission' | 'kernel' | 'other';

const PERMISSION = /permission denied|operation not permitted|must be root/i;
const KERNEL =
  /table does not exist|do you need to insmod|failed to initialize nft|protocol not supported|missing kernel module|no chain\/target\/match|could not fetch rule set|extension .* not supported|address family not supported/i;

export function classify(result: RunResult): FaultKind {
  if (result.kind === 'missing') return 'missing';
  if (PERMISSION.test(result.stderr)) return 'permission';
  return KERNEL.test(result.stderr) ? 'kernel' : 'other';
}

/** What failed, and what to do about it. Lack of rights speaks before a missing module: without them the tools see neither. */
export function explain(family: Family, attempts: readonly Attempt[]): HeddleError {
  const kinds = attempts.map((attempt) => classify(attempt.result));
  const kind = (['permission', 'other', 'kernel', 'missing'] as const).find((one) => kinds.includes(one)) ?? 'missing';
  return new HeddleError(`init_${kind}`, `${SENTENCES[kind](family)} Tried: ${attempts.map(describe).join('; ')}`, {
    where: { family },
  });
}

const SENTENCES: Readonly<Record<FaultKind, (family: Family) => string>> = {
  missing: () => 'iptables is not in this image: run the heddle-init image, or install the package iptables.',
  permission: () =>
    'The rules cannot be written without rights: heddle-init must run as user 0 with the capability NET_ADMIN (Pod Security levels baseline and restricted forbid it).',
  kernel: (family) =>
    `The node's kernel lacks what ${family === 'ipv6' ? 'IPv6' : 'IPv4'} redirection needs: on the node run "modprobe -a nf_nat nft_chain_nat nft_compat xt_owner xt_REDIRECT" (nft), or "modprobe -a ${family === 'ipv6' ? 'ip6table_nat' : 'iptable_nat'} xt_owner xt_REDIRECT" (legacy).`,
  other: (family) => `The ${family === 'ipv6' ? 'IPv6' : 'IPv4'} rules were refused.`,
};

function describe(attempt: Attempt): string {
  if (attempt.result.kind === 'missing') return `${attempt.program}: not found`;
  const text = attempt.result.stderr.trim().replace(/\s+/g, ' ').slice(0, 400);
  return `${attempt.program}: exit ${attempt.result.code}${text === '' ? '' : `, "${text}"`}`;
}
