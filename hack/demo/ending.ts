import process from 'node:process';

/** Runs the work of one command. A failure is told in sentences, what went wrong first, and ends with code 1; Ctrl-C with 130. `next` says what to do then. */
export async function orExplain(work: () => Promise<void>, next: string): Promise<void> {
  process.once('SIGINT', () => {
    process.stderr.write(`\nstopped. ${next}\n`);
    process.exit(130);
  });
  try {
    await work();
  } catch (error) {
    process.stderr.write(`${explain(error)}\n${next}\n`);
    process.exit(1);
  }
}

/** The error and what caused it, one a line. Pure. */
export function explain(error: unknown): string {
  const lines: string[] = [];
  for (let one: unknown = error; one !== undefined && lines.length < 5; ) {
    const text = one instanceof Error ? one.message : String(one);
    lines.push(`${lines.length === 0 ? 'error: ' : '  because: '}${text}`);
    one = one instanceof Error ? one.cause : undefined;
  }
  return lines.join('\n');
}
