/**
 * Two real proxies, real redirect rules, three pods in network namespaces of their own: `node e2e/netns/main.ts [part of a case's name]`. Every
 * interception case runs on IPv4 and IPv6. Ends with `N passed, N failed`; leaves nothing behind.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProgress, ensurePackages, witnessNeeds } from '../../hack/cluster/cluster.ts';
import { createTestAuthority } from '../../proxy/tls/testing/authority.ts';
import { CASES, type Case, type World } from './cases.ts';
import { configurationOf, identityOf, TRUST_DOMAIN } from './configuration.ts';
import { LIFECYCLE } from './lifecycle-cases.ts';
import { cannotRun, createNamespaces, type Family, type Namespaces, type PodName } from './namespaces.ts';
import { createHubApp, createPod, type Pod } from './pod.ts';

if (process.getuid?.() === 0) await ensurePackages(witnessNeeds, createProgress());
const skipped = cannotRun();
const only = process.argv[2];
let passed = 0;
let failed = 0;

if (skipped !== undefined) {
  process.stdout.write(`skipped: ${skipped}\n0 passed, 1 failed\n`);
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'heddle-netns-'));
chmodSync(directory, 0o755);
const stops: (() => void)[] = [() => rmSync(directory, { recursive: true, force: true })];
const stopAll = (): void => {
  for (const stop of stops.splice(0).reverse()) stop();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopAll();
    process.exit(1);
  });
}

try {
  const spaces = createNamespaces(`hn${process.pid.toString(36)}`);
  stops.push(() => spaces.destroy());
  stops.push(await createHubApp(spaces.of('hub')));
  for (const family of ['ipv4', 'ipv6'] as const) {
    const world = await start(spaces, family);
    await runAll(CASES, world);
    if (family === 'ipv4') await runAll(LIFECYCLE, world);
    for (const pod of [world.order, world.payment, world.plain]) pod.stop();
  }
} catch (error) {
  failed++;
  process.stdout.write(`not started: ${error instanceof Error ? error.stack : String(error)}\n`);
} finally {
  stopAll();
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

async function start(spaces: Namespaces, family: Family): Promise<World> {
  const authority = await createTestAuthority(TRUST_DOMAIN);
  const make = async (name: PodName): Promise<Pod> => {
    const credentials = await authority.issue(identityOf(name));
    const pod = createPod({ name, space: spaces.of(name), directory: join(directory, family), credentials });
    stops.push(() => pod.stop());
    pod.configure(configurationOf(name, family));
    await pod.startApp();
    if (name !== 'plain') await pod.startProxy();
    return pod;
  };
  const [order, payment, plain] = await Promise.all([make('order'), make('payment'), make('plain')]);
  return { order, payment, plain, family };
}

async function runAll(cases: readonly Case[], world: World): Promise<void> {
  for (const one of cases) {
    if (only !== undefined && !one.name.includes(only)) continue;
    const began = performance.now();
    try {
      await one.run(world);
      passed++;
      say('ok', one, world, began);
    } catch (error) {
      failed++;
      say('FAILED', one, world, began);
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.stdout.write(`${indent(text)}\n`);
      for (const pod of [world.order, world.payment]) {
        process.stdout.write(
          `  last lines of the proxy of ${pod.name}:\n${indent(pod.log().split('\n').slice(-8).join('\n'))}\n`,
        );
      }
    }
  }
}

function say(outcome: string, one: Case, world: World, began: number): void {
  process.stdout.write(`${outcome} ${world.family} ${one.name} (${Math.round(performance.now() - began)} ms)\n`);
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
