/** The stage of the Dockerfile that is the proxy's image. */
const STAGE = 'proxy';

/**
 * The options that the image gives to Node, read from the Dockerfile: what is measured must be what runs. Throws when the stage's entry point is not
 * `["node", ...options, "/app/main.mjs"]`.
 */
export function proxyNodeOptions(dockerfile: string): readonly string[] {
  const entryPoint = entryPointOf(dockerfile, STAGE);
  const [node, ...rest] = entryPoint;
  const main = rest.at(-1);
  if (node !== 'node' || main !== '/app/main.mjs') {
    throw new Error(
      `the entry point of stage ${STAGE} is ${JSON.stringify(entryPoint)}: the bench knows no more how the proxy is started`,
    );
  }
  return rest.slice(0, -1);
}

/** Of the stage itself, or of the one it begins with. */
function entryPointOf(dockerfile: string, wanted: string): readonly string[] {
  const stages = new Map<string, readonly string[]>();
  let name = '';
  for (const line of dockerfile.split('\n')) {
    const from = /^FROM\s+(\S+)\s+AS\s+(\S+)/i.exec(line);
    const entry = /^ENTRYPOINT\s+(\[.*\])\s*$/i.exec(line);
    if (from !== null) {
      name = from[2] ?? '';
      stages.set(name, stages.get(from[1] ?? '') ?? []);
    } else if (entry !== null) {
      stages.set(name, JSON.parse(entry[1] ?? '[]') as string[]);
    }
  }
  return stages.get(wanted) ?? [];
}
