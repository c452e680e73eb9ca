import type { Findings } from './shop.ts';

/** What a person needs to go on by hand. */
export interface Hints {
  /** A line for the shell, so that `kubectl` finds the cluster. */
  readonly environment: string;
  /** The command that removes the demo. */
  readonly remove: string;
}

/** What the demo found, for a person. Pure. */
export function report(findings: Findings, hints: Hints): string {
  const { split, orders, payments, latency } = findings;
  const widest = Math.max(12, ...findings.calls.flatMap(({ from, to }) => [from.length, to.length]));
  const place = (name: string): string => name.padEnd(widest);
  return `${[
    heading('Identities, read from the certificates that the proxies hold'),
    ...findings.identities.map(({ workload, identity }) => `  ${place(workload)} ${identity}`),
    heading('Calls, counted by the called side, which verified the caller (since its pods started)'),
    ...findings.calls.map(
      ({ from, to, mutual, plain, refused }) =>
        `  ${place(from)} -> ${place(to)} ${number(mutual)} over mutual TLS, ${plain} in plaintext${refused > 0 ? ` (${refused} refused)` : ''}`,
    ),
    heading('Canary: the policy says 95 % to v1, 5 % to v2'),
    `  observed ${percent(split.v1, split)} v1, ${percent(split.v2, split)} v2 of ${split.v1 + split.v2} charges`,
    heading('Retries that healed a failing application'),
    `  payment answered 503 to ${payments.refused} charges; the proxies retried ${findings.retries} times`,
    `  ${orders.placed} orders placed, ${orders.failed} failed; ${payments.charges} charges: ${charged(findings)}`,
    heading('Latency of an order, which is four meshed calls, at 20 orders a second'),
    `  p50 ${latency.p50} ms   p90 ${latency.p90} ms   p99 ${latency.p99} ms   max ${latency.max} ms`,
    `  eight callers at once placed ${findings.ordersPerSecond} orders a second (all of it on this one machine)`,
    heading('What the policies say of themselves'),
    indent(findings.table),
    '',
    ...conditions(findings),
    heading('Try next'),
    `  ${hints.environment}`,
    ...COMMANDS.flatMap(({ says, command }) => ['', `  # ${says}`, `  ${command}`]),
    '',
    `Remove all of it: ${hints.remove}`,
  ].join('\n')}\n`;
}

/** Each ends by itself. */
const COMMANDS: readonly { readonly says: string; readonly command: string }[] = [
  {
    says: 'the policy in sentences: on how many proxies it is in force, and since when',
    command: 'kubectl -n shop describe meshpolicy payment',
  },
  {
    says: 'an even split (95 : 95); the command returns once every proxy decides by it',
    command:
      `kubectl -n shop patch meshpolicy payment --type=json -p '[{"op":"replace","path":"/spec/routes/0/backends/1/weight","value":95}]' && ` +
      'kubectl -n shop wait --for=condition=Ready meshpolicy/payment && kubectl -n shop get meshpolicy payment',
  },
  {
    says: 'a pod outside of the mesh is refused by the Strict namespace, and told why',
    command:
      'kubectl -n default run outsider --rm -i --quiet --restart=Never --image=localhost/heddle/demo-tester:dev --command -- ' +
      `node -e "fetch('http://order-service.shop/orders',{method:'POST'}).then(async r=>console.log(r.status,await r.text()))"`,
  },
];

const heading = (text: string): string => `\n${text}`;
const number = (value: number): string => String(value).padStart(6);
const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');

function percent(part: number, whole: { v1: number; v2: number }): string {
  const total = whole.v1 + whole.v2;
  return total === 0 ? 'none' : `${((100 * part) / total).toFixed(1)} %`;
}

function charged({ orders, payments }: Findings): string {
  return payments.charges === orders.placed ? 'one for each order, nobody was charged twice' : 'NOT one for each order';
}

function conditions({ policy }: Findings): string[] {
  const found = policy.status?.conditions ?? [];
  const widest = Math.max(...found.map(({ type, status }) => `${type}=${status}`.length));
  return found.map(({ type, status, message }) => `  ${`${type}=${status}`.padEnd(widest)}  ${message}`);
}
