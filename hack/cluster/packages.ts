import { existsSync } from 'node:fs';
import type { Progress } from './progress.ts';
import { CommandError, run, which } from './run.ts';

/** A program the work needs, and the Debian package that brings it. */
export interface Needed {
  readonly program: string;
  readonly package: string;
}

/** What a cluster of our own needs from the system. Network plugins are not among them: those are built. */
export const clusterNeeds: readonly Needed[] = [
  { program: 'runc', package: 'runc' },
  { program: 'nft', package: 'nftables' },
  { program: 'iptables', package: 'iptables' },
  { program: 'conntrack', package: 'conntrack' },
  { program: 'ip', package: 'iproute2' },
  { program: 'nsenter', package: 'util-linux' },
  { program: 'sysctl', package: 'procps' },
  { program: 'openssl', package: 'openssl' },
  { program: 'tar', package: 'tar' },
];

/** What building images needs where Docker does not run. */
export const imageNeeds: readonly Needed[] = [
  { program: 'buildah', package: 'buildah' },
  { program: 'debootstrap', package: 'debootstrap' },
];

/** What the end-to-end suites watch the wire with. */
export const witnessNeeds: readonly Needed[] = [
  { program: 'tcpdump', package: 'tcpdump' },
  { program: 'iptables', package: 'iptables' },
  { program: 'ip', package: 'iproute2' },
];

/** The packages that are missing, each once, sorted. */
export function missingPackages(
  needs: readonly Needed[],
  has: (program: string) => boolean = (program) => which(program) !== undefined,
): readonly string[] {
  return [...new Set(needs.filter((need) => !has(need.program)).map((need) => need.package))].sort();
}

/** Installs what is missing on Debian as root, and says so first; elsewhere throws with the command to run. */
export async function ensurePackages(needs: readonly Needed[], progress: Progress): Promise<void> {
  const packages = missingPackages(needs);
  if (packages.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0)
    throw new CommandError(
      `these programs' packages are missing: ${packages.join(', ')}. On Debian, as root: apt-get update && ${command}. Elsewhere install what brings ${needs.map((need) => need.program).join(', ')}`,
    );
  progress.say(`installing missing Debian packages: ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await progress.step('installed Debian packages', async () => {
    await run('apt-get', ['update', '-q'], { env });
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { env });
  });
}
