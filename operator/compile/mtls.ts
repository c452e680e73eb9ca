import type { MtlsMode, WorkloadConfiguration } from '../../proxy/contract/snapshot.ts';
import type { Effective, MeshSettings } from '../model/model.ts';

/** What one party says of a port (undefined: of ports that nobody names). */
type Statement = (port: number | undefined) => MtlsMode;

/**
 * The strictest of MeshConfig's minimum and of all policies, for each port that anybody names and for the rest. A port is weaker only
 * where every policy says so for it, and MeshConfig makes an exception of it.
 */
export function compileMtls(
  settings: MeshSettings,
  policies: readonly Effective<'MeshAccessPolicy'>[],
): WorkloadConfiguration['mtls'] {
  const statements: Statement[] = [
    (port) => (port !== undefined && settings.portExceptions.has(port) ? 'Permissive' : settings.minimumMtls),
    ...policies.flatMap(({ spec: { mtls } }): Statement[] =>
      mtls === undefined ? [] : [(port) => mtls.ports?.find((one) => one.port === port)?.mode ?? mtls.mode],
    ),
  ];
  const mode = strictest(statements, undefined);
  const named = new Set([
    ...settings.portExceptions,
    ...policies.flatMap(({ spec }) => (spec.mtls?.ports ?? []).map(({ port }) => port)),
  ]);
  const ports = [...named]
    .sort((left, right) => left - right)
    .map((port) => ({ port, mode: strictest(statements, port) }));
  return { mode, ports: ports.filter((one) => one.mode !== mode) };
}

function strictest(statements: readonly Statement[], port: number | undefined): MtlsMode {
  return statements.some((says) => says(port) === 'Strict') ? 'Strict' : 'Permissive';
}
