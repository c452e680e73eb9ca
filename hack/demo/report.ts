import type { Findings } from './shop.ts';

/** What the demo found, for a person. */
export function report(findings: Findings, kubeconfig: string): string {
  return `${[
    heading('Identities (read from the certificates that the proxies hold)'),
    ...findings.identities.map(({ workload, identity }) => `  ${workload.padEnd(12)} ${identity}`),
    heading('Calls over mutual TLS (counted by the called side, which verified the caller)'),
    ...findings.calls.map(({ from, to, count }) => `  ${from.padEnd(12)} -> ${to.padEnd(12)} ${count}`),
    heading('Canary: 95 % to v1, 5 % to v2'),
    `  observed ${percent(findings.split.v1, findings.split)} v1, ${percent(findings.split.v2, findings.split)} v2 of ${findings.split.v1 + findings.split.v2} charges`,
    heading('Retries that healed a failing application'),
    `  payment answered 503 to ${findings.payments.refused} charges; ${findings.retries} retries; ${findings.orders.placed} orders placed, ${findings.orders.failed} failed`,
    `  charges ${findings.payments.charges}, orders ${findings.orders.placed}: ${findings.payments.charges === findings.orders.placed ? 'equal, nobody was charged twice' : 'NOT EQUAL'}`,
    heading('Latency of an order at 20 a second: four meshed calls, in milliseconds'),
    `  p50 ${findings.latency.p50}   p90 ${findings.latency.p90}   p99 ${findings.latency.p99}   max ${findings.latency.max}`,
    `  eight callers at once placed ${findings.ordersPerSecond} orders a second (everything shares this machine)`,
    heading('What the policy says of itself'),
    indent(findings.table),
    ...conditions(findings),
    heading('Try next'),
    `  export KUBECONFIG=${kubeconfig}`,
    '  kubectl -n shop describe meshpolicy payment',
    `  kubectl -n shop patch meshpolicy payment --type=json -p '[{"op":"replace","path":"/spec/routes/0/backends/1/weight","value":95}]' && kubectl -n shop get meshpolicy payment -w`,
    '  kubectl -n shop get pods -o custom-columns=POD:.metadata.name,SIDECARS:.spec.initContainers[*].name,READY:.status.containerStatuses[*].ready',
    '',
    'Remove all of it: npm run demo:down',
  ].join('\n')}\n`;
}

const heading = (text: string): string => `\n${text}`;
const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');

function percent(part: number, whole: { v1: number; v2: number }): string {
  const total = whole.v1 + whole.v2;
  return total === 0 ? 'none' : `${((100 * part) / total).toFixed(1)} %`;
}

function conditions({ policy }: Findings): string[] {
  return (policy.status?.conditions ?? []).map(({ type, status, message }) => `  ${type}=${status}: ${message}`);
}
